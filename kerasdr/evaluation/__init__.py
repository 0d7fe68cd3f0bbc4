"""How good grades are: figures with intervals over people, tables and curves."""
