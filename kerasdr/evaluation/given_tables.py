"""Predictions of any tool and labels, read from CSV files whose columns have one of several names."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.calibration.grade_sets import read_set
from kerasdr.data.readers.labels import parse_grade, read_labels
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.grades import N_GRADES, REFERABLE_FROM

# The first of these that a file has is taken. Predictions of a run hold the true grade as well, in the column "grade":
# "predicted" goes before it.
PHOTOGRAPH_COLUMNS = ("image", "image_id", "id_code", "filename", "file", "path", "id")
PREDICTED_COLUMNS = ("predicted", "prediction", "grade", "level", "diagnosis")
LABEL_COLUMNS = ("level", "grade", "diagnosis")
PERSON_COLUMNS = ("patient_id", "person_id", "patient", "person")
PROBABILITY_COLUMNS = tuple(f"prob_{grade}" for grade in range(N_GRADES))

NO_GRADE = -1
"""Stands for a grade that is not there."""

# Five probabilities that were each rounded to two decimals sum to 1 but for this at most.
_SUM_TOLERANCE = 0.025
_WORDS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}

Status = Literal["graded", "ungradable", "failed", "no grade"]


@dataclass(frozen=True, eq=False)
class GivenTable:
    """One row a photograph.

    Attributes:
        path: the file.
        lines: of each row in it, ``(n,)``.
        names: the photographs as they are named, ``(n,)`` texts.
        grades: ``(n,)``, 0-4, or :data:`NO_GRADE`.
        people: ``(n,)`` texts, or None if the file has no column of people.
        grade_column, person_column: names of the columns that were taken; the latter is empty if there is none.
        cells: the whole file as texts, names of columns in small letters.
    """

    path: Path
    lines: NDArray[np.int64]
    names: list[str]
    grades: NDArray[np.int64]
    people: list[str] | None
    grade_column: str
    person_column: str
    cells: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return printable_path(self.path)


@dataclass(frozen=True, eq=False)
class GivenPredictions(GivenTable):
    """What a tool said of each photograph; one without a grade was not graded.

    Attributes:
        status: ``graded``, ``ungradable`` or ``failed`` as the column ``status`` says, or ``no grade``; ``(n,)``.
        probabilities: ``(n, 5)``, nan where not graded; None if the file has no columns of them.
        called_referable: the tool's decision, ``(n,)`` booleans, False where not graded.
        decision: what that is, in words.
        set_bounds: lowest and highest grade of the column ``grade_set``, ``(n, 2)``, -1 where it is empty or the photograph
            was not graded; None if there is no such column, or nothing in it.
        notes: what a reader must know of its rows, each one line.
    """

    status: list[Status]
    probabilities: NDArray[np.float64] | None
    called_referable: NDArray[np.bool_]
    decision: str
    set_bounds: NDArray[np.int64] | None
    notes: tuple[str, ...] = ()

    def with_ungradable(self, names: Sequence[str]) -> "GivenPredictions":
        """Return these and a row for each of other photographs, as ungradable; in no column is anything of them."""
        more = len(names)
        status: list[Status] = ["ungradable"] * more
        nothing = pd.DataFrame("", index=range(more), columns=self.cells.columns)
        return replace(
            self,
            lines=np.append(self.lines, np.zeros(more, dtype=np.int64)),
            names=[*self.names, *names],
            grades=np.append(self.grades, np.full(more, NO_GRADE)),
            people=None if self.people is None else [*self.people, *[""] * more],
            status=self.status + status,
            probabilities=None
            if self.probabilities is None
            else np.vstack([self.probabilities, np.full((more, N_GRADES), np.nan)]),
            called_referable=np.append(self.called_referable, np.zeros(more, dtype=bool)),
            set_bounds=None if self.set_bounds is None else np.vstack([self.set_bounds, np.full((more, 2), NO_GRADE)]),
            cells=pd.concat([self.cells, nothing], ignore_index=True),
        )


def read_given_labels(path: Path, repeat: str | None = None) -> GivenTable:
    """Read labels: a photograph and its grade a row, and its person if the file has a column for that.

    Args:
        path: the file.
        repeat: reads only the rows with this in the column ``repeat``, of the repeats of a cross-validation.

    Raises:
        KerasdrError: if it cannot be read, lacks a column, or a grade is not 0-4 or empty.
    """
    cells = _read(path, "labels", repeat)
    return GivenTable(**_common(path, cells, LABEL_COLUMNS))


def read_given_predictions(path: Path, repeat: str | None = None) -> GivenPredictions:
    """Read the CSV of a tool: ``kerasdr predict``'s, a run's predictions, or another's.

    A row whose grade is empty, or whose ``status`` is ``ungradable`` or ``failed``, was not graded; nor was one whose
    probabilities are all empty where others have some, which a note tells. The decision is the column ``referable`` (true or
    false) if there is one, else a grade of 2 or worse.

    Args:
        path, repeat: as of :func:`read_given_labels`.

    Raises:
        KerasdrError: if it cannot be read, lacks a column, or a cell of a graded row is not what it must be.
    """
    cells = _read(path, "predictions", repeat)
    common = _common(path, cells, PREDICTED_COLUMNS)
    said = list(cells["status"].str.lower()) if "status" in cells else [""] * len(cells)
    status = [_status(word, grade) for word, grade in zip(said, common["grades"], strict=True)]
    graded = np.array([one == "graded" for one in status])
    empty = graded & _without_probabilities(cells, graded)
    status = ["no grade" if one else word for one, word in zip(empty, status, strict=True)]
    graded &= ~empty
    common["grades"] = np.where(graded, common["grades"], NO_GRADE)
    probabilities = _probabilities(path, cells, graded)
    return GivenPredictions(
        **common,
        status=status,
        probabilities=probabilities,
        called_referable=_decisions(path, cells, graded, common["grades"]),
        decision="column referable"
        if "referable" in cells
        else f"column {common['grade_column']}, {REFERABLE_FROM} or worse",
        set_bounds=_sets(path, cells, graded),
        notes=(*_note_of_empty(common, empty), *_note_of_other_grades(common, graded, probabilities)),
    )


def _status(word: str, grade: int) -> Status:
    if word == "ungradable":
        return "ungradable"
    if word == "failed":
        return "failed"
    return "no grade" if grade == NO_GRADE else "graded"


def _read(path: Path, what: str, repeat: str | None) -> pd.DataFrame:
    cells = read_labels(path, what=what)
    names = [name.lower() for name in cells.columns]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise KerasdrError(f"{printable_path(path)} has two columns called {twice}, but for capitals: rename one")
    cells = cells.set_axis(names, axis=1)
    if repeat is None:
        return cells
    if "repeat" not in cells or not (cells["repeat"] == repeat).any():
        raise KerasdrError(
            f"{printable_path(path)} has no row of repeat {repeat} in a column repeat: give the `kerasdr train ... --folds` "
            "that made it again"
        )
    return cells[cells["repeat"] == repeat]


def _common(path: Path, cells: pd.DataFrame, grade_columns: Sequence[str]) -> dict[str, Any]:
    photograph = _first(path, cells, PHOTOGRAPH_COLUMNS, "photograph")
    grade = _first(path, cells, grade_columns, "grade")
    person = next((name for name in PERSON_COLUMNS if name in cells), "")
    shown = printable_path(path)
    unnamed = cells.index[cells[photograph] == ""]
    if len(unnamed):
        raise KerasdrError(f"{shown} line {unnamed[0]}: the column {photograph} is empty: name the photograph")
    read = [parse_grade(text, f"{shown} line {line}") for line, text in cells[grade].items()]
    return {
        "path": path,
        "lines": cells.index.to_numpy(dtype=np.int64),
        "names": list(cells[photograph]),
        "grades": np.array([NO_GRADE if one is None else one for one in read], dtype=np.int64),
        "people": list(cells[person]) if person else None,
        "grade_column": grade,
        "person_column": person,
        "cells": cells,
    }


def _first(path: Path, cells: pd.DataFrame, columns: Sequence[str], what: str) -> str:
    found = next((name for name in columns if name in cells), None)
    if found is None:
        looked_for = ", ".join(columns[:-1]) + f" or {columns[-1]}"
        there = printable_path(", ".join(cells.columns))
        commas = " (is it separated by commas?)" if len(cells.columns) == 1 else ""
        raise KerasdrError(
            f"{printable_path(path)} has no column for the {what}: looked for {looked_for}, found {there}{commas}; "
            "rename the column"
        )
    return found


def _probabilities(path: Path, cells: pd.DataFrame, graded: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    there = [name for name in PROBABILITY_COLUMNS if name in cells]
    if not there:
        return None
    shown = printable_path(path)
    if len(there) < N_GRADES:
        missing = next(name for name in PROBABILITY_COLUMNS if name not in cells)
        raise KerasdrError(f"{shown} has a column {there[0]} but no {missing}: give prob_0 to prob_4, or none of them")
    text = cells[there]
    values = np.column_stack([pd.to_numeric(text[name], errors="coerce").to_numpy(dtype=np.float64) for name in there])
    wrong = np.argwhere(graded[:, None] & ~((values >= 0.0) & (values <= 1.0)))  # nan is neither
    if len(wrong):
        row, column = wrong[0]
        raise KerasdrError(
            f"{shown} line {cells.index[row]}: {there[column]} {text.iat[row, column]!r} must be a number from 0 to 1 "
            "(0.25 for 25%): correct it, or leave the grade empty if the photograph was not graded"
        )
    sums = values.sum(axis=1)
    off = np.flatnonzero(graded & (np.abs(sums - 1.0) > _SUM_TOLERANCE))
    if len(off):
        rows = f" ({len(off)} lines are like that)" if len(off) > 1 else ""
        raise KerasdrError(
            f"{shown} line {cells.index[off[0]]}: prob_0 to prob_4 sum to {sums[off[0]]:.3g}, not to 1{rows}: write "
            "the probabilities of the five grades"
        )
    return np.where(graded[:, None], values, np.nan)


def _without_probabilities(cells: pd.DataFrame, graded: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows have nothing in any column of probabilities, if other graded rows have something."""
    there = [name for name in PROBABILITY_COLUMNS if name in cells]
    empty: NDArray[np.bool_] = (cells[there] == "").all(axis=1).to_numpy()
    return empty if there and (graded & ~empty).any() else np.zeros(len(cells), dtype=bool)


def _note_of_empty(common: dict[str, Any], empty: NDArray[np.bool_]) -> list[str]:
    """Say how many rows have a grade and no probabilities, and which is the first."""
    if not empty.any():
        return []
    count, first = int(empty.sum()), int(np.flatnonzero(empty)[0])
    rows, have = ("row", "has") if count == 1 else ("rows", "have")
    return [
        f"{count} {rows} of {printable_path(common['path'])} {have} a grade and no probabilities, taken as not graded, the "
        f"first in line {common['lines'][first]}: {printable_path(common['names'][first])}"
    ]


def _note_of_other_grades(
    common: dict[str, Any], graded: NDArray[np.bool_], probabilities: NDArray[np.float64] | None
) -> list[str]:
    """Say how many rows have another grade than the most probable; of several that are equally probable, any is."""
    if probabilities is None or not graded.any():
        return []
    rows = np.flatnonzero(graded)
    own = probabilities[rows, common["grades"][rows]]
    other = rows[own < probabilities[rows].max(axis=1)]
    if not len(other):
        return []
    return [
        f"in {len(other)} of {len(rows)} graded rows of {printable_path(common['path'])} the column "
        f"{common['grade_column']} is not the most probable grade, the first in line {common['lines'][other[0]]}: as it is "
        "to be if cut points chose the grades, else a column is wrong"
    ]


def _sets(path: Path, cells: pd.DataFrame, graded: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    if "grade_set" not in cells or not (cells["grade_set"] != "").any():
        return None
    bounds = np.full((len(cells), 2), NO_GRADE)
    for place in np.flatnonzero(graded & (cells["grade_set"] != "").to_numpy()):
        try:
            bounds[place] = read_set(cells["grade_set"].iat[place])
        except ValueError as error:
            raise KerasdrError(
                f"{printable_path(path)} line {cells.index[place]}: grade_set {printable_path(str(error))}: correct it (a "
                "spreadsheet may have made a date of it), or rename the column"
            ) from error
    return bounds


def _decisions(
    path: Path, cells: pd.DataFrame, graded: NDArray[np.bool_], grades: NDArray[np.int64]
) -> NDArray[np.bool_]:
    if "referable" not in cells:
        return grades >= REFERABLE_FROM
    said = [_WORDS.get(text.lower()) for text in cells["referable"]]
    wrong = np.flatnonzero(graded & np.array([one is None for one in said]))
    if len(wrong):
        raise KerasdrError(
            f"{printable_path(path)} line {cells.index[wrong[0]]}: referable {cells['referable'].iat[wrong[0]]!r} must be "
            "true or false: correct it, or rename the column, and grade 2 or worse decides"
        )
    return graded & np.array([bool(one) for one in said])
