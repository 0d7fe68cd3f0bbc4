"""Grade diabetic retinopathy from photographs of the retina, with evidence for each grade."""

__version__ = "0.1.0"
