"""Which prediction belongs to which label, and to which person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from kerasdr.data.names import PHOTOGRAPH_SUFFIXES, parse_name
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import GivenTable
from kerasdr.files import printable_path

# Endings of names in tables of other tools. A name without an ending may well hold a point ("1.2.840"), so no other text
# behind a point is taken off.
_SUFFIXES = PHOTOGRAPH_SUFFIXES | {".gif", ".ppm", ".jp2"}
_NAMED_AT_MOST = 5


@dataclass(frozen=True, eq=False)
class Matched:
    """Photographs that are in both files.

    Attributes:
        predictions, labels: positions of their rows in either file, ``(n,)``.
        people: the person of each, ``(n,)``.
        people_from: where people are known from, in words.
        without_label, without_prediction: names of photographs that are only in the predictions, or only in the labels.
    """

    predictions: NDArray[np.int64]
    labels: NDArray[np.int64]
    people: NDArray[np.str_]
    people_from: str
    without_label: list[str]
    without_prediction: list[str]


def match(predictions: GivenTable, labels: GivenTable) -> Matched:
    """Match by the stem of the photographs' names, capitals kept; where a stem repeats, by folder and stem.

    Raises:
        KerasdrError: if a photograph is named twice, a repeated stem cannot be told apart, nothing is in common, or a
            person is not named.
    """
    ours, theirs = _keys(predictions), _keys(labels)
    repeated = _repeated_stems(ours) | _repeated_stems(theirs)
    _refuse_ambiguous(repeated & set(map(_stem, ours)) & set(map(_stem, theirs)), (predictions, ours), (labels, theirs))
    here = _index(predictions, ours, repeated)
    there = _index(labels, theirs, repeated)
    common = [key for key in here if key in there]
    if not common:
        raise KerasdrError(_nothing_in_common(predictions, labels, here, there))
    rows = np.array([here[key] for key in common]), np.array([there[key] for key in common])
    people, source = _people(predictions, labels, *rows, with_folder=bool(repeated.intersection(map(_stem, common))))
    return Matched(
        *rows,
        people,
        source,
        [key for key in here if key not in there],
        [key for key in there if key not in here],
    )


def stem_of(name: str) -> str:
    """Return a photograph's name without folder and ending, as it is matched."""
    return _stem(_path_of(name).as_posix())


def first_names(names: Sequence[str]) -> str:
    """Return the first few names as one line of text."""
    shown = ", ".join(printable_path(name) for name in names[:_NAMED_AT_MOST])
    return shown + (", ..." if len(names) > _NAMED_AT_MOST else "")


def _keys(table: GivenTable) -> list[str]:
    """Return folder and stem of each photograph."""
    return [_path_of(name).as_posix() for name in table.names]


def _path_of(name: str) -> PurePath:
    path: PurePath = PureWindowsPath(name) if "\\" in name and "/" not in name else PurePosixPath(name)
    if path.suffix.lower() in _SUFFIXES and path.stem:
        path = path.with_suffix("")
    return PurePosixPath(path.as_posix())


def _stem(key: str) -> str:
    return key.rpartition("/")[2]


def _repeated_stems(keys: Sequence[str]) -> set[str]:
    return {stem for stem, count in Counter(map(_stem, keys)).items() if count > 1}


def _index(table: GivenTable, keys: Sequence[str], repeated: set[str]) -> dict[str, int]:
    """Return the row of each photograph, by its stem or, if that is repeated in either file, by folder and stem."""
    rows: dict[str, int] = {}
    for row, key in enumerate(keys):
        stem = _stem(key)
        name = key if stem in repeated else stem
        if name in rows:
            raise KerasdrError(
                f"{table.shown} names the photograph {printable_path(name)} in lines {table.lines[rows[name]]} and "
                f"{table.lines[row]}: keep one row"
            )
        rows[name] = row
    return rows


def _refuse_ambiguous(stems: set[str], *files: tuple[GivenTable, list[str]]) -> None:
    for stem in sorted(stems):
        named = [[key for key in keys if _stem(key) == stem] for _, keys in files]
        # Two rows of one name are told as that, by _index.
        if any(len(set(keys)) < len(keys) for keys in named) or set(named[0]) & set(named[1]):
            continue
        several, one = (0, 1) if len(named[0]) > 1 else (1, 0)
        raise KerasdrError(
            f"{files[several][0].shown} holds several photographs called {printable_path(stem)} "
            f"({first_names(named[several])}) and {files[one][0].shown} says {first_names(named[one])}: name them with "
            "their folders in both"
        )


def _nothing_in_common(
    predictions: GivenTable, labels: GivenTable, here: Mapping[str, int], there: Mapping[str, int]
) -> str:
    capitals = {key.lower() for key in here} & {key.lower() for key in there}
    remedy = (
        "they differ in capitals: write them alike" if capitals else "write names that agree but for folder and ending"
    )
    return (
        f"{predictions.shown} and {labels.shown} have no photograph in common: the first names {first_names(list(here))}, "
        f"the second {first_names(list(there))}; {remedy}"
    )


def _people(
    predictions: GivenTable,
    labels: GivenTable,
    rows: NDArray[np.int64],
    label_rows: NDArray[np.int64],
    with_folder: bool,
) -> tuple[NDArray[np.str_], str]:
    for table, chosen in ((labels, label_rows), (predictions, rows)):
        if table.people is None:
            continue
        people = [table.people[row] for row in chosen]
        if "" in people:
            line = table.lines[chosen[people.index("")]]
            raise KerasdrError(
                f"{table.shown} line {line}: the column {table.person_column} is empty: name the person, or take the "
                "column out"
            )
        return np.array(people), f"column {table.person_column} of {table.shown}"
    people, of_their_own = [], 0
    for row, label_row in zip(rows, label_rows, strict=True):
        # The name with the folder, where only one of the two files says it.
        folder, _, stem = (
            max((_path_of(predictions.names[row]), _path_of(labels.names[label_row])), key=lambda path: len(path.parts))
            .as_posix()
            .rpartition("/")
        )
        parsed = parse_name(stem)
        of_their_own += not parsed.eye
        people.append(f"{folder}/{parsed.patient_id}" if with_folder else parsed.patient_id)
    source = "names, <person>_<left|right>"
    if of_their_own == len(people):
        source = "none: no column says who, nor do names, <person>_<left|right>; each photograph counts as a person"
    elif of_their_own:
        several = of_their_own > 1
        source += f"; {of_their_own} photograph{'s' if several else ''} named otherwise "
        source += "count as a person each" if several else "counts as a person"
    return np.array(people), source
