"""Several sets of grades of the same photographs, judged by the same labels and compared with the first of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.compare_sources import Source, common_labels, open_source
from kerasdr.evaluation.given_tables import NO_GRADE, GivenTable
from kerasdr.evaluation.graded import (
    Graded,
    Screened,
    graded_people,
    graded_photographs,
    screened_people,
    screened_photographs,
)
from kerasdr.evaluation.intervals import FEW_PEOPLE, IntervalKind
from kerasdr.evaluation.matching import Matched, first_names, match
from kerasdr.evaluation.paired import N_PERMUTATIONS
from kerasdr.evaluation.paired_figures import PairedFigure, paired_figures, with_holm

Unit = Literal["eye", "person"]


@dataclass(frozen=True, eq=False)
class Compared:
    """What labels say of several files.

    Attributes:
        files: each as it was named, the first being what the others are compared with.
        columns: of the grades in each.
        labels: the file of labels, and its column.
        people_from: where people are known from, in words.
        by: what is judged.
        kind: of the intervals.
        counts: of each file, of the photographs that all have: how many are graded, ungradable, failed and without a grade.
        n_common, n_people_common: labelled photographs that all files have, and their people.
        n_compared, n_people_compared: of these, graded by all.
        clustered: whether people have several of the entries that are compared.
        n_resamples: of the intervals.
        figures: for each file but the first, by name.
        n_tests: permutation tests that Holm's correction counts.
        notes: what a reader must know, each one line.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...]
    labels: tuple[str, str]
    people_from: str
    by: Unit
    kind: IntervalKind
    counts: tuple[Counter[str], ...]
    n_common: int
    n_people_common: int
    n_compared: int
    n_people_compared: int
    clustered: bool
    n_resamples: int
    figures: tuple[dict[str, PairedFigure], ...]
    n_tests: int
    notes: list[str]


def compare(
    paths: Sequence[Path],
    labels: Path | None = None,
    by: Unit = "eye",
    *,
    kind: IntervalKind = "percentile",
    seed: int = 0,
    n_resamples: int = 2000,
    n_permutations: int = N_PERMUTATIONS,
) -> Compared:
    """Compare each of some files with the first, on the photographs that all of them have.

    Args:
        paths: two or more CSVs, runs or folders of folds.
        labels: a CSV; None where a run or folder of folds among them holds the true grades.
        by: each photograph, or each person's worse eye.
        kind, seed, n_resamples: of the paired bootstrap.
        n_permutations: how many of the permutation tests, at most.

    Raises:
        KerasdrError: if a file cannot be used, or they have no labelled photograph in common.
    """
    if len(paths) < 2:
        raise KerasdrError("one file is compared with nothing: name two or more")
    sources = [open_source(path) for path in paths]
    truth = common_labels(sources, labels)
    matched = [match(source.predictions, truth) for source in sources]
    rows, notes = _common_rows(sources, truth, matched)
    people, people_from = _people(sources, matched, rows)
    places = [one.predictions[_positions(one, rows)] for one in matched]
    grades = truth.grades[rows]
    statuses = [Counter(s.predictions.status[row] for row in place) for s, place in zip(sources, places, strict=True)]
    all_grade = np.logical_and.reduce(
        [s.predictions.grades[place] != NO_GRADE for s, place in zip(sources, places, strict=True)]
    )
    graded, screened = [], []
    for source, place in zip(sources, places, strict=True):
        one, all_of_it = _entries(source, place, grades, people, all_grade)
        graded.append(graded_people(one) if by == "person" else one)
        screened.append(screened_people(all_of_it) if by == "person" else all_of_it)
    names = [source.shown for source in sources]
    compared = [
        paired_figures(
            (graded[0], graded[other]),
            (screened[0], screened[other]),
            (names[0], names[other]),
            n_resamples=n_resamples,
            n_permutations=n_permutations,
            seed=seed,
            kind=kind,
        )
        for other in range(1, len(sources))
    ]
    figures, n_tests = with_holm(compared)
    n_people = len(np.unique(graded[0].people))
    notes += [note for source in sources for note in source.predictions.notes]
    notes += [source.note for source in sources if source.note]
    notes += _notes(len(rows), int(all_grade.sum()), n_people)
    return Compared(
        files=tuple(names),
        columns=tuple(source.predictions.grade_column for source in sources),
        labels=(truth.shown, truth.grade_column),
        people_from=people_from,
        by=by,
        kind=kind,
        counts=tuple(statuses),
        n_common=len(rows),
        n_people_common=len(np.unique(people)),
        n_compared=int(all_grade.sum()),
        n_people_compared=n_people,
        clustered=n_people < len(graded[0]),
        n_resamples=n_resamples,
        figures=tuple(figures),
        n_tests=n_tests,
        notes=notes,
    )


def _common_rows(
    sources: Sequence[Source], truth: GivenTable, matched: Sequence[Matched]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the rows of the labels that have a grade and that all files have, and notes about the others."""
    labelled = truth.grades != NO_GRADE
    has = np.zeros((len(sources), len(labelled)), dtype=bool)
    for index, one in enumerate(matched):
        has[index, one.labels] = True
    has &= labelled
    common, any_has = has.all(axis=0), has.any(axis=0)
    notes = []
    for source, own, one in zip(sources, has, matched, strict=True):
        lacking = [truth.names[row] for row in np.flatnonzero(any_has & ~own)]
        if lacking:
            notes.append(
                f"{source.shown} lacks {_count(lacking)} that another has, compared nowhere: {first_names(lacking)}"
            )
        unlabelled = [*one.without_label, *(truth.names[row] for row in one.labels if not labelled[row])]
        if unlabelled:
            notes.append(
                f"{source.shown} has {_count(unlabelled)} without a label, compared nowhere: {first_names(unlabelled)}"
            )
    nobody = [truth.names[row] for row in np.flatnonzero(labelled & ~any_has)]
    if nobody:
        notes.append(f"{_count(nobody)} of {truth.shown} in none of the files, counted nowhere: {first_names(nobody)}")
    if not common.any():
        shown = ", ".join(source.shown for source in sources)
        raise KerasdrError(f"no labelled photograph is in all of {shown}: compare files of the same photographs")
    return np.flatnonzero(common), notes


def _positions(one: Matched, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where in what a file has in common with the labels some rows of the labels stand."""
    order = np.argsort(one.labels)
    return order[np.searchsorted(one.labels, rows, sorter=order)]


def _people(
    sources: Sequence[Source], matched: Sequence[Matched], rows: NDArray[np.int64]
) -> tuple[NDArray[np.str_], str]:
    """Return the person of each row, of the labels if these say so, else of the first file that does, else of names."""
    known = [one.people[_positions(one, rows)] for one in matched]
    by_column = [index for index, one in enumerate(matched) if one.people_from.startswith("column ")]
    chosen = by_column[0] if by_column else 0
    for index in by_column[1:]:
        together = len({*zip(known[chosen], known[index], strict=True)})
        if not together == len(np.unique(known[chosen])) == len(np.unique(known[index])):
            raise KerasdrError(
                f"{sources[chosen].shown} and {sources[index].shown} say differently which photographs are of one person: "
                "put a column patient_id into the labels"
            )
    return known[chosen], matched[chosen].people_from


def _entries(
    source: Source,
    place: NDArray[np.int64],
    grades: NDArray[np.int64],
    people: NDArray[np.str_],
    all_grade: NDArray[np.bool_],
) -> tuple[Graded, Screened]:
    """Return what a file says of the photographs that all grade, and of all by intention to screen."""
    said, kept = source.predictions, place[all_grade]
    graded = graded_photographs(
        grades[all_grade],
        said.grades[kept],
        people[all_grade],
        None if said.probabilities is None else said.probabilities[kept],
        said.called_referable[kept],
    )
    is_graded = said.grades[place] != NO_GRADE
    return graded, screened_photographs(grades, said.called_referable[place], is_graded, people)


def _notes(n_common: int, n_compared: int, n_people: int) -> list[str]:
    if not n_compared:
        return ["no photograph is graded by all: all but intention to screen is undefined"]
    if n_people < FEW_PEOPLE:
        return [
            f"what all grade is of {n_people} people only: over fewer than {FEW_PEOPLE} intervals are too narrow, and "
            "DeLong's test is too sure; label more"
        ]
    return []


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} photograph{'s' if len(names) != 1 else ''}"
