"""Which photographs of a data set are phantoms, wherever it was read from."""

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.encode import STATEMENT

CARD: Final = "phantoms.json"
"""The file in the root of a folder of phantoms that says what they are."""

# The statement is the first thing in a phantom; a program that adds Exif or a profile puts up to 64 KiB before it.
_HEAD: Final = 1 << 17


def find_phantoms(root: Path, paths: Iterable[str], workers: int = 4) -> NDArray[np.bool_]:
    """Return which photographs of a data set are synthetic, ``(n,)``.

    One is if its file says so, as every phantom does in a comment, or if it or the data set lies in or below a folder
    with ``phantoms.json``: a program that writes pictures anew may drop comments. Of each file the beginning is read,
    which is quick beside the digest of all its bytes.

    Args:
        root: the data set's folder.
        paths: of its photographs, which may lie elsewhere; what cannot be read says nothing.
        workers: threads.
    """
    named = list(paths)
    below: dict[str, bool] = {}
    if _below_card(os.path.realpath(root), below):
        return np.ones(len(named), dtype=bool)
    marked = [_below_card(os.path.realpath(os.path.dirname(path)), below) for path in named]
    with ThreadPoolExecutor(workers) as pool:
        return np.array(list(pool.map(lambda path, known: known or _says_so(path), named, marked)), dtype=bool)


def naming_of(root: Path, layout: str) -> str:
    """Return a data set's layout as far as names of people go: phantoms are nobody else, and of each seed others.

    Args:
        root: the data set's folder.
        layout: of it.
    """
    try:
        seed = int(json.loads((root / CARD).read_text(encoding="utf-8"))["settings"]["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return layout
    return phantoms_of(layout, seed)


def phantoms_of(layout: str, seed: int) -> str:
    """Return what :func:`naming_of` says of phantoms of a seed."""
    return f"{layout}, phantoms of seed {seed}"


def _below_card(folder: str, known: dict[str, bool]) -> bool:
    if folder not in known:
        above = os.path.dirname(folder)
        known[folder] = os.path.isfile(os.path.join(folder, CARD)) or (above != folder and _below_card(above, known))
    return known[folder]


def _says_so(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return STATEMENT.encode("ascii") in file.read(_HEAD)
    except OSError:
        return False
