"""Labels and photographs brought together by name; what is left over on either side is noted."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from kerasdr.data.names import DICOM_SUFFIXES
from kerasdr.data.readers.registry import find_photographs
from kerasdr.errors import KerasdrError
from kerasdr.reporting import plural

OR_NAME_FOLDER: Final = "keep one, or name the folder of the right ones in data.options.images"
"""The remedy of layouts whose option ``images`` names the folder."""


def photographs_by_name(folder: Path, labelled: Collection[str], remedy: str = "keep one") -> dict[str, Path]:
    """Return the photographs below a folder by their stems.

    Args:
        folder: where to look.
        labelled: the names that are labelled.
        remedy: what to do where two photographs have one of these names.

    Raises:
        KerasdrError: if a labelled name stands for two photographs; of others, the first counts.
    """
    wanted = set(labelled)
    files: dict[str, Path] = {}
    for path in find_photographs(folder):
        first = files.setdefault(path.stem, path)
        if first != path and path.stem in wanted:
            raise KerasdrError(f"two photographs are called {path.stem}: {first} and {path}; {remedy}")
    return files


def leftover_notes(missing: Collection[str], unlabelled: int) -> tuple[str, ...]:
    """Return a line about labels without a photograph, and one about photographs without a label."""
    notes = []
    if missing:
        notes.append(f"{len(missing)} labelled photographs are not there, the first is {next(iter(missing))}")
    if unlabelled:
        notes.append(f"{unlabelled} photographs have no label and are left out")
    return tuple(notes)


def dicom_notes(paths: Iterable[str]) -> tuple[str, ...]:
    """Return a line about DICOM files whose people are read from names, which archives give without a person in them."""
    count = sum(Path(path).suffix.lower() in DICOM_SUFFIXES for path in paths)
    if not count:
        return ()
    return (
        f"{count} DICOM {plural(count, 'file')}: people and eyes are taken from their names, not from their headers: "
        "if those do not tell, use layout manifest with a column of people",
    )
