"""What is computed of a group of photographs, for many resamples at once, and why a figure is undefined."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.given_tables import NO_GRADE
from kerasdr.evaluation.intervals import Interval, resample_interval
from kerasdr.evaluation.ranking import roc
from kerasdr.evaluation.standard_figures import NO_PROBABILITIES
from kerasdr.grades import N_GRADES, REFERABLE_FROM

COMPARED = (
    "quadratic_kappa",
    "sensitivity_referable",
    "specificity_referable",
    "auc_referable",
    "share_not_graded",
    "calibration_gap",
)
"""Figures in which a group is compared with all others."""

FIGURES = (*COMPARED, "mean_prob_referable", "share_referable")

Values = dict[str, NDArray[np.float64]]
"""A figure's values by its name, each ``(r,)``."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Photographs with a true grade; each array ``(n,)``.

    Attributes:
        truth: grades, 0-4.
        predicted: grades, or :data:`~kerasdr.evaluation.given_tables.NO_GRADE` where not graded.
        called_referable: the decision; of no meaning where not graded.
        p_referable: probability of grade 2 or worse, nan where not graded; None if unknown.
        people: who each is of.
        all_graded: whether photographs that were not graded are missing here, so that nothing is known of their share.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    called_referable: NDArray[np.bool_]
    p_referable: NDArray[np.float64] | None
    people: NDArray[np.str_]
    all_graded: bool = False

    @property
    def graded(self) -> NDArray[np.bool_]:
        """Which were graded, ``(n,)``."""
        return self.predicted != NO_GRADE


def statistic(photographs: Labelled, weights: NDArray[np.float64]) -> Values:
    """Return all figures, each ``(r,)``, of photographs that count as often as ``weights`` say, ``(r, n)``."""
    graded = photographs.graded
    seen = weights[:, graded]
    truth, guess = photographs.truth[graded], photographs.predicted[graded]
    positive = truth >= REFERABLE_FROM

    def tally(true: NDArray[np.generic], said: NDArray[np.generic], size: int) -> NDArray[np.float64]:
        cells = np.zeros((len(true), size * size))
        cells[np.arange(len(true)), true.astype(np.int64) * size + said.astype(np.int64)] = 1.0
        return (seen @ cells).reshape(-1, size, size)

    decided = tally(positive, photographs.called_referable[graded], 2)
    nothing = np.full(len(weights), np.nan)
    values: Values = {
        "quadratic_kappa": counts.kappa(tally(truth, guess, N_GRADES)),
        "sensitivity_referable": counts.sensitivity(decided),
        "specificity_referable": counts.specificity(decided),
        "auc_referable": nothing,
        "share_not_graded": nothing if photographs.all_graded else _mean(weights, ~graded),
        "calibration_gap": nothing,
        "mean_prob_referable": nothing,
        "share_referable": _mean(seen, positive),
    }
    if photographs.p_referable is not None:
        p = photographs.p_referable[graded]
        values["auc_referable"] = roc(positive, p, seen).auc()
        values["mean_prob_referable"] = _mean(seen, p)
        values["calibration_gap"] = values["mean_prob_referable"] - values["share_referable"]
    return values


def _mean(weights: NDArray[np.float64], values: NDArray[np.generic]) -> NDArray[np.float64]:
    total = weights.sum(axis=1)
    return np.where(total > 0, weights @ values.astype(np.float64) / np.maximum(total, 1.0), np.nan)


def figures_of(
    photographs: Labelled,
    owner: NDArray[np.int64],
    member: NDArray[np.bool_],
    drawn: Values,
    level: float,
) -> dict[str, Interval]:
    """Return the figures of the photographs in a group, with their intervals.

    Args:
        photographs: all of them.
        owner: place of each photograph's person among all people, ``(n,)``.
        member: which photographs are of the group, ``(n,)``.
        drawn: the figures in every resample.
        level: of the intervals.
    """
    values = statistic(photographs, member[None, :].astype(np.float64))
    graded = member & photographs.graded
    referable = photographs.truth >= REFERABLE_FROM
    of = {
        "sensitivity_referable": graded & referable,
        "specificity_referable": graded & ~referable,
        "share_not_graded": member,
    }
    found = {}
    for name, value in values.items():
        counted = of.get(name, graded)
        sizes = int(counted.sum()), len(np.unique(owner[counted]))
        found[name] = resample_interval(float(value[0]), drawn[name], level, *sizes)
    return found


def why_undefined(
    photographs: Labelled,
    owner: NDArray[np.int64],
    member: NDArray[np.bool_],
    figures: Mapping[str, Interval],
    min_people: int,
) -> dict[str, str]:
    """Say why figures are undefined, of those that are."""
    people = len(np.unique(owner[member]))
    if people < min_people:
        few = f"{people} {'person' if people == 1 else 'people'}, fewer than {min_people}"
        return dict.fromkeys(FIGURES, few)
    truth = photographs.truth[member & photographs.graded]
    reasons = {}
    for name, figure in figures.items():
        if not np.isnan(figure.value):
            continue
        if name == "share_not_graded":
            reasons[name] = "photographs that were not graded are not in the predictions"
        elif not len(truth):
            reasons[name] = "no photograph was graded"
        elif name == "quadratic_kappa":
            reasons[name] = f"labels and predictions are all grade {truth[0]}: agreement by chance is full"
        elif photographs.p_referable is None and name not in ("sensitivity_referable", "specificity_referable"):
            reasons[name] = NO_PROBABILITIES
        else:
            none = "no" if (truth < REFERABLE_FROM).all() else "every"
            reasons[name] = f"{none} graded photograph is labelled grade {REFERABLE_FROM} or worse"
    return reasons
