"""Layouts by name: each reader turns a folder into the one table."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kerasdr.config import suggestion
from kerasdr.errors import KerasdrError

PHOTOGRAPH_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})


@dataclass(frozen=True)
class Dataset:
    """What a reader understood.

    Attributes:
        table: the record table.
        missing: labelled photographs that are not there.
        notes: what a person should know, such as photographs without a label.
    """

    table: pd.DataFrame
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Reader = Callable[[Path, Mapping[str, Any]], Dataset]

_READERS: dict[str, Reader] = {}


def register_reader(name: str) -> Callable[[Reader], Reader]:
    """Register a function ``(root, options) -> Dataset`` as the reader of layout ``name``."""

    def register(reader: Reader) -> Reader:
        _READERS[name] = reader
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
        raise KerasdrError(f"no layout is called {layout!r}{suggestion(layout, readers)}; known are {', '.join(sorted(readers))}")
    if not Path(root).is_dir():
        raise KerasdrError(f"the data folder {root} does not exist: name it with --data")
    dataset = readers[layout](Path(root), options or {})
    if dataset.table.empty:
        raise KerasdrError(f"{root} holds no photograph that layout {layout} can read: check the folder and data.layout")
    return dataset


def detect_layout(root: Path) -> str:
    """Guess the layout of a folder from what lies in it."""
    return "eyepacs" if (Path(root) / "trainLabels.csv").is_file() else "folder"


def take_options(layout: str, options: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``known`` defaults overlaid with ``options``.

    Raises:
        KerasdrError: if an option is not known.
    """
    for name in options:
        if name not in known:
            raise KerasdrError(
                f"layout {layout} has no option {name!r}{suggestion(name, known)}; it has {', '.join(known) or 'none'}"
            )
    return {**known, **options}


def find_photographs(root: Path) -> list[Path]:
    """Return all photographs below a folder, sorted; hidden files and folders are passed over."""
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in PHOTOGRAPH_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def read_labels(path: Path) -> pd.DataFrame:
    """Read a CSV of labels; every cell stays text, so identifiers keep their leading zeros.

    Raises:
        KerasdrError: if it cannot be read or has no rows.
    """
    try:
        labels = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise KerasdrError(f"cannot read the labels {path}: {error.strerror}; check the path") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise KerasdrError(f"the labels {path} are no CSV: {' '.join(str(error).split())}") from error
    if labels.empty:
        raise KerasdrError(f"the labels {path} hold no rows")
    return labels.map(str.strip)


def parse_grade(text: str, where: str) -> int | None:
    """Read a grade 0-4; an empty cell is an unknown grade.

    Raises:
        KerasdrError: if it is anything else.
    """
    if text == "":
        return None
    if text in {"0", "1", "2", "3", "4"}:
        return int(text)
    raise KerasdrError(f"{where}: grade {text!r} must be 0, 1, 2, 3 or 4, or empty where it is unknown")


def _registered() -> dict[str, Reader]:
    # Every module of this folder registers its own reader, so a new layout is a new file and nothing else.
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    return _READERS
