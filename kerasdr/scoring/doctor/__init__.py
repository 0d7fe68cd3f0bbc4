"""Whether a machine is fit to grade: one point a line, with what to mend."""
