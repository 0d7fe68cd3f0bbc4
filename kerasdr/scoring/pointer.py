"""Where a bundle is: named itself, by its run, or by a pointer file such as ``runs/chosen``."""

import os
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.scoring.sealed import SUMS

MANIFEST = "manifest.json"
"""The name of the file that makes a folder a bundle."""

_LARGEST_POINTER = 4096


def find_bundle(path: Path) -> Path:
    """Return the bundle's folder for a bundle, a run, or a pointer file such as ``runs/chosen``.

    Raises:
        KerasdrError: if there is none.
    """
    shown = printable_path(path)
    try:
        if path.is_file():
            path = _pointed_to(path)
        for folder in (path, path / "bundle"):
            if (folder / MANIFEST).is_file() or (folder / SUMS).is_file():
                return folder
        there = path.exists()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte
        reason = error.strerror if isinstance(error, OSError) else error
        raise KerasdrError(
            f"the model {shown} cannot be read ({reason}): check the name and its permissions"
        ) from error
    if not there:
        raise KerasdrError(
            f"no model at {shown}: train one with `kerasdr train demo`, or name a bundle or a run with --model"
        )
    raise KerasdrError(f"{shown} is no bundle, no run with a bundle, and no pointer to one: name one with --model")


def _pointed_to(pointer: Path) -> Path:
    with open(pointer, "rb") as file:
        data = file.read(_LARGEST_POINTER)
    text = data.decode("utf-8", "replace").strip()
    if not text or not text.isprintable() or len(data) == _LARGEST_POINTER:
        raise KerasdrError(
            f"{printable_path(pointer)} is no pointer to a run: choose one with `kerasdr choose RUN`, or name one with --model"
        )
    target = pointer.parent / text
    if not os.path.isdir(target):
        raise KerasdrError(
            f"{printable_path(pointer)} points to {target}, which is not there: choose a run with `kerasdr choose RUN`"
        )
    return target
