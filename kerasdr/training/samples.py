"""What a network is fitted on or asked about: rows of the table with their partners, grades and weights."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import MemberConfig
from kerasdr.data.pairs import gradable_partners
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES


@dataclass(frozen=True)
class Samples:
    """Samples of one split, each of shape ``(n,)``.

    Attributes:
        rows: position of the photograph in the table.
        partners: position of its partner's photograph, -1 where it has none.
        grades: the true grade, 0-4.
        people: the person's name.
        emphasis: weight in the loss beside that of the grade, mean 1; None if all count the same.
    """

    rows: NDArray[np.int64]
    partners: NDArray[np.int64]
    grades: NDArray[np.int64]
    people: NDArray[np.str_]
    emphasis: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def repeated(self, counts: NDArray[np.int64]) -> "Samples":
        """Return the samples with the n-th of them ``counts[n]`` times, ``(n,)``."""
        if self.emphasis is not None:
            raise ValueError("samples with an emphasis cannot be repeated: it would no longer have a mean of 1")
        rows, partners = np.repeat(self.rows, counts), np.repeat(self.partners, counts)
        return Samples(rows, partners, np.repeat(self.grades, counts), np.repeat(self.people, counts))

    def emphasised(self, weights: NDArray[np.floating]) -> "Samples":
        """Return the samples with these weights, ``(n,)``, brought to a mean of 1."""
        return replace(self, emphasis=(weights / weights.mean()).astype(np.float32))


def take_samples(
    table: pd.DataFrame, usable: NDArray[np.bool_], split: str, member: MemberConfig, target: str
) -> Samples:
    """Return the samples of a split: usable photographs with a known grade, each with its usable partner.

    What cannot be read, is refused by the quality gate or is labelled ungradable is neither a sample nor a partner; a
    photograph without a grade may be a partner.

    Args:
        table: the record table, with splits.
        usable: which rows can be read and graded, ``(N,)``.
        split: ``train``, ``validation`` or ``test``.
        member: a dual one pairs photographs by its ``pairing``.
        target: ``eye`` (own grade) or ``person`` (the person's worst grade).

    Raises:
        KerasdrError: if nothing is left.
    """
    grades = grades_asked_for(table, target)
    known = grades.notna().to_numpy() & usable
    rows = np.flatnonzero(known & (table["split"] == split).to_numpy())
    if len(rows) == 0:
        raise KerasdrError(f"no usable photograph with a grade is in the {split} part: check data.split and the labels")
    partners = np.full(len(table), -1)
    if member.model.mode == "dual":
        partners = gradable_partners(table, member.model.pairing)
        partners = np.where((partners >= 0) & usable[partners], partners, -1)
    return Samples(
        rows=rows,
        partners=partners[rows],
        grades=grades.iloc[rows].to_numpy(dtype="int64"),
        people=table["patient_id"].to_numpy(dtype=str)[rows],
    )


def person_or_eye_grades(table: pd.DataFrame, target: str) -> pd.Series:
    """Return the grade that each photograph is to be given, by ``data.target``: its own, or its person's worst.

    A person's worst grade is that of all labels, whether the photograph is there or not.
    """
    if target == "person":
        worst = table[["grade", "person_grade"]].groupby(table["patient_id"]).transform("max")
        return worst.max(axis=1).astype("Int64")
    return table["grade"]


def grades_asked_for(table: pd.DataFrame, target: str) -> pd.Series:
    """Return :func:`person_or_eye_grades`, ``<NA>`` where the photograph is labelled ungradable: nothing is asked of it."""
    return person_or_eye_grades(table, target).where(table["quality"] != "ungradable")


def grade_weights(grades: NDArray[np.int64], kind: str) -> NDArray[np.float32]:
    """Return the weight of each grade in the loss, ``(5,)``; their mean over the samples is 1.

    Args:
        grades: grades of the training samples.
        kind: ``none``, ``sqrt`` (root of the inverse frequency) or ``balanced`` (inverse frequency). A screening population
            is mostly grade 0, and plain cross-entropy then learns to say 0. A grade that no sample has weighs 0, and the
            others weigh what they would if there were no such grade.
    """
    counts = np.bincount(grades, minlength=N_GRADES).astype(np.float64)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -power, 0.0)
    return (weights / (weights @ counts / counts.sum())).astype(np.float32)
