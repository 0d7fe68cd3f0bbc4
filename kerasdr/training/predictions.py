"""Predictions of a run, as files: one row a photograph."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.files import write_bytes_atomically
from kerasdr.grades import N_GRADES


def write_predictions(
    path: Path,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grades: NDArray[np.int64],
    probabilities: NDArray[np.floating],
) -> None:
    """Write one row a photograph: ``image_id, patient_id, eye, grade, predicted, prob_0 .. prob_4``.

    Args:
        path: the CSV.
        table: the record table.
        rows: which of its rows, ``(n,)``.
        grades: the true grades, ``(n,)``.
        probabilities: ``(n, 5)``.
    """
    part = table.iloc[rows][["image_id", "patient_id", "eye"]].reset_index(drop=True)
    part["grade"] = grades
    part["predicted"] = probabilities.argmax(axis=1)
    for grade in range(N_GRADES):
        part[f"prob_{grade}"] = probabilities[:, grade]
    write_bytes_atomically(path, part.to_csv(index=False, lineterminator="\n", float_format="%.6f").encode())
