"""One part of a run's data, judged: figures by eye and by person, and the decision at the run's own threshold."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.calibration.grade_sets import read_set
from kerasdr.evaluation.graded import (
    Graded,
    Screened,
    graded_people,
    graded_photographs,
    screened_people,
    screened_photographs,
)
from kerasdr.evaluation.metrics import confusion_matrix
from kerasdr.evaluation.page.run_files import PartFiles, RunFiles
from kerasdr.evaluation.standard_figures import StandardFigures, standard_figures
from kerasdr.grades import N_GRADES

KEPT_NO_GRADES = (
    "this run kept no grades of the photographs that it left out, so they cannot be counted: it was trained with an earlier "
    "version of kerasdr; train it anew"
)


@dataclass(frozen=True, eq=False)
class JudgedPart:
    """One part of a run's data, judged.

    Attributes:
        files: what the run says of it.
        photographs, people: by eye and by person (worse eye).
        by_eye, by_person: the standard figures, with intervals over people.
        confusion: of photographs, ``(5, 5)``.
        screened_gap: why there are no figures by intention to screen; empty where there are.
        threshold: of the run's own operating point, on the probability of referable, if it is known.
        at_point_by_eye, at_point_by_person: ``sensitivity_referable``, ``specificity_referable`` and the like where the
            decision is the run's operating point (``screen_positive``) and not the grade; None if it has none.
    """

    files: PartFiles
    photographs: Graded
    people: Graded
    by_eye: StandardFigures
    by_person: StandardFigures
    confusion: NDArray[np.int64]
    screened_gap: str
    threshold: float | None
    at_point_by_eye: StandardFigures | None
    at_point_by_person: StandardFigures | None

    @property
    def title(self) -> str:
        """What the part is called."""
        return {"test": "test part", "out of fold": "out of fold", "validation": "validation part"}[self.files.key]


def judge_part(files: PartFiles, seed: int, threshold: float | None, *, n_resamples: int = 2000) -> JudgedPart:
    """Judge a part.

    Args:
        files: what the run says of it.
        seed: of the bootstrap; with the run's own seed, its own figures come out again.
        threshold: of the run's own operating point, on the probability of referable, if it is known; the decision itself
            stands in the predictions.
        n_resamples: of the bootstrap.
    """
    table = files.predictions
    people = table["patient_id"].to_numpy(dtype=str)
    eyes = graded_photographs(
        table["grade"], table["predicted"], people, probabilities_of(table), set_bounds=_sets_of(table)
    )
    by_eye, by_person, gap = _judged(files, eyes, seed, n_resamples)
    at_point: tuple[StandardFigures | None, StandardFigures | None] = (None, None)
    if (positive := _positive_of(table)) is not None:
        decided = graded_photographs(table["grade"], table["predicted"], people, called_referable=positive)
        at_point = _judged(files, decided, seed, n_resamples)[:2]
    return JudgedPart(
        files,
        eyes,
        graded_people(eyes),
        by_eye,
        by_person,
        confusion_matrix(table["grade"], table["predicted"]),
        gap,
        threshold,
        *at_point,
    )


def probabilities_of(table: pd.DataFrame, prefix: str = "prob_") -> NDArray[np.float64] | None:
    """Return the probabilities ``(n, 5)`` of a table of predictions; None if it has none.

    Args:
        table: the predictions.
        prefix: ``prob_``, or ``prob_raw_`` for those before calibration.
    """
    columns = [f"{prefix}{grade}" for grade in range(N_GRADES)]
    return table[columns].to_numpy(dtype=np.float64) if set(columns) <= set(table) else None


def run_threshold(run: RunFiles) -> float | None:
    """Return the threshold of a run's operating point, as its bundle carries it; None if there is none to be read."""
    try:
        manifest = json.loads((run.path / "bundle" / "manifest.json").read_text(encoding="utf-8"))
        value = manifest["calibration"]["operating_point"]["threshold"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, float | int) and not isinstance(value, bool) else None


def _judged(
    files: PartFiles, eyes: Graded, seed: int, n_resamples: int
) -> tuple[StandardFigures, StandardFigures, str]:
    screened, gap = _screened(files, eyes)
    worse = graded_people(eyes)
    persons = None if screened is None else screened_people(screened)
    return (
        standard_figures(eyes, screened, seed=seed, n_resamples=n_resamples),
        standard_figures(worse, persons, seed=seed, n_resamples=n_resamples),
        gap,
    )


def _positive_of(table: pd.DataFrame) -> NDArray[np.bool_] | None:
    if "screen_positive" not in table or not table["screen_positive"].isin(["yes", "no"]).all():
        return None
    return (table["screen_positive"] == "yes").to_numpy()


def _sets_of(table: pd.DataFrame) -> NDArray[np.int64] | None:
    if "grade_set" not in table or not len(table):
        return None
    try:
        return np.array([read_set(text) for text in table["grade_set"]], dtype=np.int64)
    except ValueError:
        return None


def _screened(files: PartFiles, eyes: Graded) -> tuple[Screened | None, str]:
    missing = files.left_out
    if missing is None:
        if files.asked == len(eyes):  # nothing was left out, so there is nothing to know of it
            missing = pd.DataFrame({"grade": np.zeros(0, dtype=np.int64), "patient_id": np.zeros(0, dtype=str)})
        else:
            return None, KEPT_NO_GRADES
    grades = np.concatenate([eyes.truth, missing["grade"].to_numpy(dtype=np.int64)])
    called = np.concatenate([eyes.called_referable, np.zeros(len(missing), dtype=bool)])
    graded = np.arange(len(grades)) < len(eyes)
    owners = np.concatenate([eyes.people, missing["patient_id"].to_numpy(dtype=str)])
    return screened_photographs(grades, called, graded, owners), ""
