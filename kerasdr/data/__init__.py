"""Where photographs and grades come from: readers into one table, pairs, splits, fingerprints, phantoms."""
