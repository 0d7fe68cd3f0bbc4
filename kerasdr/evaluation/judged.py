"""A tool's CSV judged by labels: every standard figure, by eye and by person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.evaluation import calibration_figures
from kerasdr.evaluation.given_tables import (
    NO_GRADE,
    GivenPredictions,
    GivenTable,
    read_given_labels,
    read_given_predictions,
)
from kerasdr.evaluation.graded import (
    Graded,
    Screened,
    graded_people,
    graded_photographs,
    screened_people,
    screened_photographs,
)
from kerasdr.evaluation.groups import Grouping
from kerasdr.evaluation.intervals import Interval, IntervalKind, few_people
from kerasdr.evaluation.judged_groups import judged_groups, subgroups_json
from kerasdr.evaluation.matching import Matched, first_names, match
from kerasdr.evaluation.metrics import confusion_matrix
from kerasdr.evaluation.standard_figures import CALIBRATION_FIGURES, StandardFigures, standard_figures
from kerasdr.evaluation.subgroups import MIN_PEOPLE, Subgroups
from kerasdr.files import printable_path

By = Literal["eye", "person", "both"]

N_RESAMPLES = 2000

DEFINITIONS = {
    "referable": "grade 2 or worse",
    "sight_threatening": "grade 3 or worse",
    "by_person": "worse eye: the person's worst label, worst grade and highest probability, of the graded photographs; "
    "called referable if any photograph is",
    "at_90_or_95": "the best on the empirical ROC of the probability of referable that keeps at least the other figure; "
    "equal probabilities stay together, nothing is interpolated, and each resample has its own threshold",
    "intention_to_screen": "photographs that were not graded count as called referable; a person with one is referred",
    "brier_and_ece": "; ".join(f"{name}: {calibration_figures.DEFINITIONS[name]}" for name in CALIBRATION_FIGURES),
    "grade_set": "coverage, whether the label is in the set, and size, of the photographs that have one; averaged over each "
    "person's photographs and then over people",
    "share_not_graded": "photographs without a grade, of those labelled; by person, people who have any",
}


@dataclass(frozen=True, eq=False)
class Judged:
    """What labels say of predictions.

    Attributes:
        predictions, labels: the files.
        columns: of the grades, in predictions and labels.
        people_from: where people are known from, in words.
        decision: what calls a photograph referable, in words.
        interval: how intervals are made, in words.
        counts: of photographs and people, by plain names.
        without_label, without_prediction: names of photographs in one file alone.
        by_eye, by_person: the figures; None if not asked for.
        confusion_by_eye, confusion_by_person: ``(5, 5)``, rows labels; None if not asked for.
        notes: what a reader must know, each one line.
        subgroups: figures of groups of photographs, one entry a column that was asked for.
    """

    predictions: Path
    labels: Path
    columns: tuple[str, str]
    people_from: str
    decision: str
    interval: str
    counts: dict[str, int]
    without_label: list[str]
    without_prediction: list[str]
    by_eye: StandardFigures | None
    by_person: StandardFigures | None
    confusion_by_eye: NDArray[np.int64] | None
    confusion_by_person: NDArray[np.int64] | None
    notes: list[str]
    subgroups: tuple[Subgroups, ...] = ()


def describe_interval(kind: IntervalKind, n_resamples: int = N_RESAMPLES) -> str:
    """Say how intervals are made."""
    name = "BCa (bias-corrected and accelerated)" if kind == "bca" else "percentile"
    return f"{name} bootstrap over people, {n_resamples} resamples, 95%"


def judge(
    predictions: Path,
    labels: Path,
    by: By = "both",
    *,
    seed: int = 0,
    kind: IntervalKind = "percentile",
    groups: Sequence[Grouping] = (),
    min_people: int = MIN_PEOPLE,
    missing_as_ungradable: bool = False,
) -> Judged:
    """Judge a CSV of predictions, of any tool, by a CSV of labels.

    Args:
        predictions, labels: read by :mod:`~kerasdr.evaluation.given_tables`, matched by
            :func:`~kerasdr.evaluation.matching.match`.
        by: what to report on: each photograph, each person's worse eye, or both.
        seed, kind: of the bootstrap.
        groups: columns whose values make groups, each of which is reported on by photograph.
        min_people: of a group with fewer people no figure is given.
        missing_as_ungradable: count photographs that have a grade in the labels and no row in the predictions as ungradable,
            and not as if they were not there.

    Raises:
        KerasdrError: if a file or a column cannot be used, they have no labelled photograph in common, or nobody says whose
            photographs are that are missing.
    """
    said, truth = read_given_predictions(predictions), read_given_labels(labels)
    alone = match(said, truth)
    missing = _missing(said, truth, alone) if missing_as_ungradable else []
    if missing:
        said = said.with_ungradable(missing)
    matched = match(said, truth) if missing else alone
    labelled = truth.grades[matched.labels] != NO_GRADE
    if not labelled.any():
        raise KerasdrError(
            f"no photograph that {said.shown} grades has a grade in {truth.shown}: fill in the column {truth.grade_column}"
        )
    rows, grades, people = (
        matched.predictions[labelled],
        truth.grades[matched.labels[labelled]],
        matched.people[labelled],
    )
    graded, screened = _entries(said, rows, grades, people)
    eyes, persons = by in ("eye", "both"), by in ("person", "both")
    worse = graded_people(graded)
    status = Counter(said.status[row] for row in rows)
    counts = {
        "photographs": len(rows),
        "people": len(np.unique(people)),
        "graded": len(graded),
        "people_graded": len(worse),
        "ungradable": status["ungradable"],
        "failed": status["failed"],
        "no_grade": status["no grade"],
        "labels_without_grade": int((~labelled).sum()),
        "labels_without_prediction": len(alone.without_prediction),
        "missing_as_ungradable": len(missing),
        "predictions_without_label": len(matched.without_label),
    }
    return Judged(
        predictions=predictions,
        labels=labels,
        columns=(said.grade_column, truth.grade_column),
        people_from=matched.people_from,
        decision=said.decision,
        interval=describe_interval(kind),
        counts=counts,
        without_label=matched.without_label,
        without_prediction=alone.without_prediction,
        by_eye=standard_figures(graded, screened, n_resamples=N_RESAMPLES, seed=seed, kind=kind) if eyes else None,
        by_person=standard_figures(worse, screened_people(screened), n_resamples=N_RESAMPLES, seed=seed, kind=kind)
        if persons
        else None,
        confusion_by_eye=confusion_matrix(graded.truth, graded.predicted) if eyes else None,
        confusion_by_person=confusion_matrix(worse.truth, worse.predicted) if persons else None,
        notes=[*said.notes, *_notes(said.shown, truth.shown, matched, missing, counts)],
        subgroups=judged_groups(said, truth, matched, labelled, groups, min_people=min_people, seed=seed),
    )


def to_json(judged: Judged) -> dict[str, Any]:
    """Return all of it as plain data: figures under their plain names, those by person under ``by_person``.

    A figure or an end of an interval that is undefined is null, and ``undefined`` or ``no_interval`` says why.
    """
    content: dict[str, Any] = {}
    if judged.by_eye is not None and judged.confusion_by_eye is not None:
        content |= _figures_json(judged.by_eye, judged.confusion_by_eye)
    if judged.by_person is not None and judged.confusion_by_person is not None:
        content["by_person"] = _figures_json(judged.by_person, judged.confusion_by_person)
    if judged.subgroups:
        content["subgroups"] = subgroups_json(judged.subgroups)
    return content | {
        "interval": judged.interval,
        "counts": judged.counts,
        "labels_without_prediction": judged.without_prediction,
        "predictions_without_label": judged.without_label,
        "predictions": {"file": printable_path(judged.predictions), "column": judged.columns[0]},
        "labels": {"file": printable_path(judged.labels), "column": judged.columns[1]},
        "people_from": judged.people_from,
        "decision": judged.decision,
        "definitions": DEFINITIONS,
        "notes": judged.notes,
    }


def _entries(
    said: GivenPredictions, rows: NDArray[np.int64], grades: NDArray[np.int64], people: NDArray[np.str_]
) -> tuple[Graded, Screened]:
    is_graded = said.grades[rows] != NO_GRADE
    called = said.called_referable[rows]
    kept = rows[is_graded]
    graded = graded_photographs(
        grades[is_graded],
        said.grades[kept],
        people[is_graded],
        None if said.probabilities is None else said.probabilities[kept],
        called[is_graded],
        None if said.set_bounds is None else said.set_bounds[kept],
    )
    return graded, screened_photographs(grades, called, is_graded, people)


def _missing(said: GivenPredictions, truth: GivenTable, matched: Matched) -> list[str]:
    """Return the names of photographs that have a grade in the labels and no row in the predictions."""
    alone = np.setdiff1d(np.flatnonzero(truth.grades != NO_GRADE), matched.labels)
    if len(alone) and truth.people is None and said.people is not None:
        raise KerasdrError(
            f"{truth.shown} does not say whose photographs are that {said.shown} lacks, such as "
            f"{printable_path(truth.names[alone[0]])}: put the column {said.person_column} into it"
        )
    return [truth.names[row] for row in alone]


def _notes(predictions: str, labels: str, matched: Matched, missing: list[str], counts: dict[str, int]) -> list[str]:
    notes = []
    for names, file, other, how in (
        (missing, labels, predictions, "counted as ungradable"),
        (matched.without_prediction, labels, predictions, "counted nowhere"),
        (matched.without_label, predictions, labels, "counted nowhere"),
    ):
        if names:
            notes.append(f"{_photographs(len(names), file)} not in {other}, {how}: {first_names(names)}")
    if counts["labels_without_grade"]:
        number = counts["labels_without_grade"]
        notes.append(f"{_photographs(number, labels)} without a grade there, counted nowhere")
    if not counts["graded"]:
        notes.append(f"{predictions} grades none of the labelled photographs: all but intention to screen is undefined")
    else:
        notes += [f"{line}; label more" for line in few_people("graded photographs are", counts["people_graded"])]
    return notes


def _photographs(number: int, file: str) -> str:
    return f"{number} photograph{'s' if number != 1 else ''} of {file} {'are' if number != 1 else 'is'}"


def _figures_json(found: StandardFigures, confusion: NDArray[np.int64]) -> dict[str, Any]:
    return {
        **{name: _plain(figure) for name, figure in found.figures.items()},
        "undefined": found.undefined,
        "no_interval": found.no_interval,
        "no_width": found.no_width,
        "undefined_resamples": found.undefined_resamples,
        "confusion_matrix": confusion.tolist(),
    }


def _plain(figure: Interval) -> dict[str, float | int | None]:
    ends = {key: getattr(figure, key) for key in ("value", "low", "high")}
    plain = {key: None if np.isnan(value) else float(value) for key, value in ends.items()}
    return {**plain, "n_images": figure.n_images, "n_people": figure.n_people}
