"""One reader a layout; each gives the one table of :mod:`kerasdr.data.records`.

``read_table(layout, root, options)`` returns a :class:`Dataset`: ``table`` (the checked table), ``missing`` (labelled
photographs that are not there, a tuple of names) and ``notes`` (what a person should know, a tuple of lines). A new
layout is one new file in this folder with a function under ``@register_reader("name")``; nothing else changes.
"""

from kerasdr.data.readers.registry import Dataset, detect_layout, layout_names, read_table, register_reader

__all__ = ["Dataset", "detect_layout", "layout_names", "read_table", "register_reader"]
