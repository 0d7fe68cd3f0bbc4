"""Predictions of a run, as files: one row a photograph."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.calibration import Decision
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, write_bytes_atomically
from kerasdr.grades import GRADES, N_GRADES

PROBABILITY_FORMAT = "%.9g"
"""As many digits as a network's single-precision numbers have: fewer would tie what a rank tells apart."""

_TEXTS = ("image_id", "patient_id", "grade_set", "screen_positive", "refer_to_reader")


def write_predictions(
    path: Path,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grades: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    raw: NDArray[np.floating] | None = None,
    decision: Decision | None = None,
) -> None:
    """Write what :func:`predictions_csv` gives of the other arguments."""
    write_bytes_atomically(path, predictions_csv(table, rows, grades, probabilities, raw, decision))


def predictions_csv(
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grades: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    raw: NDArray[np.floating] | None = None,
    decision: Decision | None = None,
) -> bytes:
    """Return one row a photograph: ``image_id, patient_id, eye, grade, predicted, prob_0 .. prob_4``.

    With a calibration follow ``prob_raw_0 .. prob_raw_4``, ``grade_set``, ``screen_positive`` and ``refer_to_reader``.

    Args:
        table: the record table.
        rows: which of its rows, ``(n,)``.
        grades: the true grades, ``(n,)``.
        probabilities: ``(n, 5)``; calibrated ones, if there is a calibration.
        raw: before calibration, ``(n, 5)``.
        decision: what follows from the calibrated ones.
    """
    part = table.iloc[rows][["image_id", "patient_id", "eye"]].reset_index(drop=True)
    part["grade"] = grades
    part["predicted"] = probabilities.argmax(axis=1)
    for grade in range(N_GRADES):
        part[f"prob_{grade}"] = probabilities[:, grade]
    if raw is not None and decision is not None:
        for grade in range(N_GRADES):
            part[f"prob_raw_{grade}"] = raw[:, grade]
        part["grade_set"] = decision.texts
        part["screen_positive"] = "" if decision.positive is None else np.where(decision.positive, "yes", "no")
        part["refer_to_reader"] = np.where(decision.to_reader, "yes", "no")
    return part.to_csv(index=False, lineterminator="\n", float_format=PROBABILITY_FORMAT).encode()


def read_predictions(path: Path) -> pd.DataFrame:
    """Read what :func:`write_predictions` wrote; identifiers stay text.

    Raises:
        KerasdrError: if it is not there, or is something else.
    """
    try:
        # A person may well be called NA, and nothing is missing from predictions.
        table = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, str), keep_default_na=False)
        table = table.astype({"image_id": str, "patient_id": str, "grade": "int64", "predicted": "int64"})
        for column in ("grade", "predicted"):
            if not table[column].isin(GRADES).all():
                raise ValueError(f"column {column} holds something else than the grades 0 to {N_GRADES - 1}")
        for column in (f"{prefix}{grade}" for prefix in ("prob_", "prob_raw_") for grade in GRADES):
            if column in table:
                table[column] = _probabilities(table[column])
        return table
    except (OSError, KeyError, ValueError) as error:
        raise KerasdrError(cannot_read(path, error)) from error


def _probabilities(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    if not numbers.between(0.0, 1.0).all():
        raise ValueError(f"column {column.name} holds something else than probabilities, from 0 to 1")
    return numbers


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run.

    Raises:
        KerasdrError: if it is not there, or is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KerasdrError(cannot_read(path, error)) from error
    if not isinstance(content, dict):
        raise KerasdrError(cannot_read(path, "not a JSON object"))
    return content


def cannot_read(path: Path, reason: object) -> str:
    """Say that a file of a run cannot be read, and what to do."""
    text = " ".join(str(getattr(reason, "strerror", None) or reason).split())
    return f"cannot read {printable_path(path)}: {text}; train that run anew, or take its folder away"
