"""Experiments that come with kerasdr, as YAML."""
