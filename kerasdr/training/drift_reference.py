"""What a run's photographs look like to its bundle: what those of later nights are compared with."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.grades import N_GRADES
from kerasdr.scoring.doubts import Doubts, find_doubts
from kerasdr.scoring.drift import observe, reference_of
from kerasdr.scoring.drift_reference import DriftReference
from kerasdr.scoring.eye_sides import EyeSides, find_eye_sides
from kerasdr.training.prepared import PreparedPhotographs
from kerasdr.training.samples import Samples


def validation_reference(
    table: pd.DataFrame,
    samples: Samples,
    probabilities: NDArray[np.float64],
    prepared: Iterable[PreparedPhotographs],
    figures: Sequence[Mapping[str, float]],
    readable: NDArray[np.bool_],
) -> DriftReference:
    """Return the distributions on a run's validation part.

    Args:
        table: the record table, with splits.
        samples: of validation, as they were graded.
        probabilities: of these, calibrated as the bundle calibrates, ``(n, 5)``.
        prepared: photographs as the members see them: what one of them cannot see, the bundle does not grade.
        figures: of the quality gate, for each row of the table.
        readable: which rows could be read, ``(N,)``.
    """
    usable = np.logical_and.reduce([photographs.usable for photographs in prepared])
    every = np.full((len(table), N_GRADES), np.nan)
    every[samples.rows] = probabilities
    graded = np.isfinite(every[:, 0])
    # A photograph without a grade could be graded and was not asked about: it tells of light and focus alone.
    rows = np.flatnonzero((table["split"] == "validation").to_numpy() & readable)
    statuses = np.where(graded, "graded", np.where(usable, "passed", "ungradable"))
    return reference_of(
        observe(
            table["patient_id"].to_numpy(dtype=str)[rows].tolist(),
            statuses[rows].tolist(),
            every[rows],
            [figures[row] for row in rows.tolist()],
        )
    )


def usual_figures(table: pd.DataFrame, prepared: PreparedPhotographs, share: float) -> Doubts | None:
    """Return the limits beyond which a photograph is doubtful, of a run's training and validation photographs.

    Args:
        table: the record table, with splits.
        prepared: its photographs.
        share: of them, that may lie beyond each limit; 0 for no limits.
    """
    return find_doubts([prepared.figures[row] for row in _good(table, prepared)], share) if share > 0 else None


def usual_eye_sides(table: pd.DataFrame, prepared: PreparedPhotographs) -> EyeSides:
    """Return how a run's training and validation photographs show eyes.

    Args:
        table: the record table, with splits.
        prepared: its photographs.
    """
    good = _good(table, prepared)
    eyes = table["eye"].to_numpy(dtype=str)[good].tolist()
    return find_eye_sides(eyes, [prepared.figures[row] for row in good])


def _good(table: pd.DataFrame, prepared: PreparedPhotographs) -> NDArray[np.int64]:
    # One that people call ungradable is no measure of a good one, and the test part stays shut.
    labelled_good = (table["quality"] != "ungradable").to_numpy()
    return np.flatnonzero(table["split"].isin(("train", "validation")).to_numpy() & labelled_good & prepared.usable)
