"""Layouts by name: each reader turns a folder into the one table."""

import importlib
import os
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kerasdr.config import suggestion
from kerasdr.data.names import PHOTOGRAPH_SUFFIXES
from kerasdr.errors import KerasdrError

_NAMED = 8


@dataclass(frozen=True)
class Dataset:
    """What a reader understood.

    Attributes:
        table: the record table.
        missing: labelled photographs that are not there.
        notes: what a person should know, such as photographs without a label.
        asked: ``(image_id, file name)`` of each photograph in an official test part's own list, in its order, whether it
            is there or not; empty where the layout has no such list.
    """

    table: pd.DataFrame
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    asked: tuple[tuple[str, str], ...] = ()


Reader = Callable[[Path, Mapping[str, Any]], Dataset]

_READERS: dict[str, Reader] = {}
_RECOGNISE: dict[str, Callable[[Path], bool]] = {}


def register_reader(name: str, recognise: Callable[[Path], bool] | None = None) -> Callable[[Reader], Reader]:
    """Register a function ``(root, options) -> Dataset`` as the reader of layout ``name``.

    Args:
        name: of the layout.
        recognise: says of a folder whether it is of this layout; without it, the layout is never guessed.
    """

    def register(reader: Reader) -> Reader:
        _READERS[name] = reader
        if recognise:
            _RECOGNISE[name] = recognise
        return reader

    return register


def layout_names() -> tuple[str, ...]:
    """Return the names of all layouts, sorted."""
    return tuple(sorted(_registered()))


def read_table(layout: str, root: Path, options: Mapping[str, Any] | None = None) -> Dataset:
    """Read a folder in a known layout.

    Args:
        layout: one of :func:`layout_names`.
        root: the data set's folder.
        options: what the reader can be told (``data.options`` in a configuration).

    Raises:
        KerasdrError: if the layout is unknown, the folder missing, or the labels wrong.
    """
    readers = _registered()
    if layout not in readers:
        known = ", ".join(sorted(readers))
        raise KerasdrError(f"no layout is called {layout!r}{suggestion(layout, readers)}; known are {known}")
    if not Path(root).is_dir():
        raise KerasdrError(f"the data folder {root} does not exist: name it with --data")
    try:
        dataset = readers[layout](Path(root), options or {})
    except OSError as error:
        raise _unopened(error) from error
    if dataset.table.empty:
        why = f" ({'; '.join(dataset.notes)})" if dataset.notes else ""
        raise KerasdrError(
            f"{root} holds no photograph that layout {layout} can read{why}: check the folder and --layout"
        )
    return dataset


def detect_layout(root: Path) -> str:
    """Guess the layout of a folder from what lies in it; ``folder`` where no other knows it."""
    try:
        return next((name for name in layout_names() if name in _RECOGNISE and _RECOGNISE[name](Path(root))), "folder")
    except OSError as error:
        raise _unopened(error) from error


def wrong_root(layout: str, root: Path, looked_for: str) -> KerasdrError:
    """Return the error for a folder that is not of a layout: what was looked for in it, and what is there instead."""
    try:
        there = sorted(path.name + "/" * path.is_dir() for path in root.iterdir() if not path.name.startswith("."))
    except OSError as error:
        return _unopened(error)
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    found = ", ".join(repr(name)[1:-1] for name in there[:_NAMED]) + more if there else "nothing"
    return KerasdrError(
        f"{root} is not of layout {layout}: looked for {looked_for}, found {found}; check --data and --layout"
    )


def take_options(layout: str, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``known`` defaults overlaid with ``options``.

    Raises:
        KerasdrError: if an option is not known, or not of its default's type.
    """
    for name in options:
        if name not in known:
            raise KerasdrError(
                f"layout {layout} has no option {name!r}{suggestion(name, known)}; it has {', '.join(known) or 'none'}"
            )
        if not isinstance(options[name], type(known[name])):
            kind = "a mapping, such as {key: value}" if isinstance(known[name], dict) else "text (put it in quotes)"
            raise KerasdrError(f"option {name} of layout {layout} must be {kind}, got {options[name]!r}")
    return {**known, **options}


def take_split(layout: str, split: str) -> bool:
    """Return whether option ``split`` asks for the data set's official split (``official``) or for none (``none``).

    Raises:
        KerasdrError: if it is neither.
    """
    if split not in ("official", "none"):
        raise KerasdrError(f"option split of layout {layout} must be official or none, got {split!r}")
    return split == "official"


def find_photographs(root: Path) -> list[Path]:
    """Return all photographs below a folder, sorted.

    Links to folders are followed, each folder once; hidden files and folders are passed over, and so are folders called
    ``masks``, which hold lesion masks.

    Raises:
        KerasdrError: if a folder cannot be opened, or a name is not UTF-8.
    """

    def refuse(error: OSError) -> None:
        raise _unopened(error) from error

    found, seen = [], set()
    for folder, inside, files in os.walk(root, followlinks=True, onerror=refuse):
        # A link to a folder above would go round for ever, and a folder seen by two ways would give duplicates.
        real = os.path.realpath(folder)
        inside[:] = [] if real in seen else sorted(name for name in inside if name[0] != "." and name != "masks")
        if real not in seen:
            found += [
                Path(folder, name) for name in files if _is_photograph(name) and os.path.isfile(Path(folder, name))
            ]
        seen.add(real)
    for path in found:
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError as error:
            raise KerasdrError(f"the name {os.fsencode(path)!r} is not UTF-8 text: rename the file") from error
    return sorted(found)


def _unopened(error: OSError) -> KerasdrError:
    return KerasdrError(f"cannot open the folder {error.filename}: {error.strerror}; check its permissions")


def _is_photograph(name: str) -> bool:
    return Path(name).suffix.lower() in PHOTOGRAPH_SUFFIXES and not name.startswith(".")


def _registered() -> dict[str, Reader]:
    # Every module of this folder registers its own reader, so a new layout is a new file and nothing else.
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return _READERS
