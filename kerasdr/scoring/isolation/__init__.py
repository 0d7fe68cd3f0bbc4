"""Photographs read in processes of their own, so that a file which crashes, hangs or fills a decoder costs one row."""
