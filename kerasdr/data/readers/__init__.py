"""One reader a layout; each gives the one table of :mod:`kerasdr.data.records`."""

from kerasdr.data.readers.registry import Dataset, detect_layout, layout_names, read_table, register_reader

__all__ = ["Dataset", "detect_layout", "layout_names", "read_table", "register_reader"]
