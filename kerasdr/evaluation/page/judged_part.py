"""One part of a run's data, judged: figures by eye and by person, and the decision at the run's own threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.graded import (
    Graded,
    Screened,
    graded_people,
    graded_photographs,
    screened_people,
    screened_photographs,
)
from kerasdr.evaluation.metrics import binary_confusion, confusion_matrix
from kerasdr.evaluation.page.run_files import PartFiles
from kerasdr.evaluation.standard_figures import StandardFigures, standard_figures
from kerasdr.grades import N_GRADES, REFERABLE_FROM

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
        threshold: the run's own threshold on the probability of referable, if it has one.
        at_threshold: sensitivity and specificity there, by eye.
    """

    files: PartFiles
    photographs: Graded
    people: Graded
    by_eye: StandardFigures
    by_person: StandardFigures
    confusion: NDArray[np.int64]
    screened_gap: str
    threshold: float | None
    at_threshold: tuple[float, float] | None

    @property
    def title(self) -> str:
        """What the part is called."""
        return {"test": "test part", "out of fold": "out of fold", "validation": "validation part"}[self.files.key]


def judge_part(files: PartFiles, seed: int, threshold: float | None, *, n_resamples: int = 2000) -> JudgedPart:
    """Judge a part.

    Args:
        files: what the run says of it.
        seed: of the bootstrap; with the run's own seed, its own figures come out again.
        threshold: the run's own on the probability of referable, if it has one.
        n_resamples: of the bootstrap.
    """
    table = files.predictions
    people = table["patient_id"].to_numpy(dtype=str)
    probabilities = probabilities_of(table)
    eyes = graded_photographs(table["grade"], table["predicted"], people, probabilities)
    screened, gap = _screened(files, eyes, people)
    worse = graded_people(eyes)
    at_threshold = None
    if threshold is not None and eyes.p_referable is not None:
        decided = binary_confusion(eyes.truth >= REFERABLE_FROM, eyes.p_referable >= threshold)
        at_threshold = (float(counts.sensitivity(decided)), float(counts.specificity(decided)))
    return JudgedPart(
        files,
        eyes,
        worse,
        standard_figures(eyes, screened, seed=seed, n_resamples=n_resamples),
        standard_figures(
            worse, None if screened is None else screened_people(screened), seed=seed, n_resamples=n_resamples
        ),
        confusion_matrix(table["grade"], table["predicted"]),
        gap,
        threshold,
        at_threshold,
    )


def probabilities_of(table: pd.DataFrame) -> NDArray[np.float64] | None:
    """Return the probabilities ``(n, 5)`` of a table of predictions; None if it has none."""
    columns = [f"prob_{grade}" for grade in range(N_GRADES)]
    return table[columns].to_numpy(dtype=np.float64) if columns[0] in table else None


def chosen_threshold(metrics: dict[str, Any]) -> float | None:
    """Return the threshold on the probability of referable that a run chose, ``operating_point.threshold``, if it did."""
    chosen = metrics.get("operating_point")
    value = chosen.get("threshold") if isinstance(chosen, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        return None
    return float(value)


def _screened(files: PartFiles, eyes: Graded, people: NDArray[np.str_]) -> tuple[Screened | None, str]:
    missing = files.left_out
    if missing is None:
        if files.asked == len(eyes):  # nothing was left out, so there is nothing to know of it
            missing = pd.DataFrame({"grade": np.zeros(0, dtype=np.int64), "patient_id": np.zeros(0, dtype=str)})
        else:
            return None, KEPT_NO_GRADES
    grades = np.concatenate([eyes.truth, missing["grade"].to_numpy(dtype=np.int64)])
    called = np.concatenate([eyes.called_referable, np.zeros(len(missing), dtype=bool)])
    graded = np.arange(len(grades)) < len(eyes)
    owners = np.concatenate([people, missing["patient_id"].to_numpy(dtype=str)])
    return screened_photographs(grades, called, graded, owners), ""
