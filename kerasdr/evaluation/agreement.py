"""How a new model's answers agree with an old one's on the same photographs, where nobody knows the truth."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.number_text import signed
from kerasdr.grades import GRADES, N_GRADES

_NOT_GRADED = ("ungradable", "failed")
_WIDTH = 12


class Said(Protocol):
    """What a model said of a photograph, such as :class:`kerasdr.scoring.rows.Row`."""

    @property
    def status(self) -> str:
        """``graded``, ``ungradable`` or ``failed``."""

    @property
    def grade(self) -> int | None:
        """0-4, or None unless graded."""

    @property
    def prob_referable(self) -> float | None:
        """Probability of that, or None unless graded."""


Pairs = Sequence[tuple[Said, Said]]


def cross_table(pairs: Pairs) -> NDArray[np.int64]:
    """Return counts ``(7, 7)``: rows are what the old model said, columns the new one: 0 to 4, ungradable, failed."""
    table = np.zeros((N_GRADES + len(_NOT_GRADED),) * 2, np.int64)
    for old, new in pairs:
        table[_place(old), _place(new)] += 1
    return table


def _place(said: Said) -> int:
    return N_GRADES + _NOT_GRADED.index(said.status) if said.grade is None else said.grade


def agreement_text(pairs: Pairs) -> str:
    """Return the whole comparison as text, without a line end at its end.

    Args:
        pairs: what the old model and the new one said of each photograph.
    """
    figures = [
        ("agreement", _kappa(pairs)),
        ("prob_referable", _probability(pairs)),
    ]
    return "\n".join([*_table(cross_table(pairs)), *(f"{name:<17}{text}" for name, text in figures)])


def _table(table: NDArray[np.int64]) -> list[str]:
    names = (*map(str, GRADES), *_NOT_GRADED)
    lines = [f"{'old | new':<{_WIDTH}}" + "".join(f"{name:>{_WIDTH}}" for name in names)]
    for name, row in zip(names, table, strict=True):
        if name in map(str, GRADES) or row.any():
            lines.append(f"{name:<{_WIDTH}}" + "".join(f"{count:>{_WIDTH}}" for count in row))
    return lines


def _kappa(pairs: Pairs) -> str:
    both = cross_table(pairs)[:N_GRADES, :N_GRADES]
    kappa = float(counts.kappa(both))
    of = f"of {both.sum()} graded by both"
    if math.isnan(kappa):
        why = "both give all one and the same grade" if both.any() else "there is none"
        return f"quadratic kappa undefined {of}: {why}"
    return f"quadratic kappa {kappa:.4f} {of}"


def _probability(pairs: Pairs) -> str:
    changes = [
        new.prob_referable - old.prob_referable
        for old, new in pairs
        if old.prob_referable is not None and new.prob_referable is not None
    ]
    if not changes:
        return "undefined: no photograph was graded by both"
    return (
        f"changes by {signed(sum(changes) / len(changes), 4)} on average, by {signed(max(changes, key=abs), 4)} at most"
    )
