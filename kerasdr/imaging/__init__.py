"""Bytes -> retina -> network input: decode, find the disc, enhance, judge. Pure functions of arrays."""
