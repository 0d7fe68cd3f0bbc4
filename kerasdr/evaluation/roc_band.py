"""A pointwise band around an empirical ROC, from resamples of people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.graded import Graded
from kerasdr.evaluation.intervals import people_draws
from kerasdr.evaluation.ranking import Roc, roc
from kerasdr.grades import REFERABLE_FROM

_CELLS_AT_ONCE = 1_000_000


@dataclass(frozen=True, eq=False)
class RocBand:
    """The ROC for referable retinopathy with its band.

    Attributes:
        roc: the empirical curve.
        at: false-positive rates of the band, ``(k,)``.
        low, high: ends of the pointwise interval of the sensitivity there, ``(k,)``; nan where more than half of the
            resamples have no curve.
        level: nominal coverage at each rate by itself; the band as a whole holds the curve less often.
        resamples, left_out: how many there were, and how many of them had one class only and no curve.
    """

    roc: Roc
    at: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float
    resamples: int
    left_out: int


def roc_band(
    graded: Graded, *, points: int = 51, n_resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> RocBand | None:
    """Return the ROC for referable with the percentile interval of its sensitivity at fixed false-positive rates.

    Each resample of people has a curve of its own, which is read at the same rates ("vertical averaging": Fawcett, Pattern
    Recognition Letters 27(8), 2006, section 8.1): between its points on the straight line, at a step at its top.

    Args:
        graded: photographs, or people.
        points: how many rates, from 0 to 1.
        n_resamples, seed, level: as of :func:`~kerasdr.evaluation.intervals.bootstrap_people`, whose draws these are.

    Returns:
        None where there are no probabilities, or one of the classes is absent.
    """
    positive = graded.truth >= REFERABLE_FROM
    if graded.p_referable is None or positive.all() or not positive.any():
        return None
    rates = np.linspace(0.0, 1.0, points)
    names, owner = np.unique(graded.people, return_inverse=True)
    read: list[NDArray[np.float64]] = []
    if len(names) > 1:
        at_once = max(1, _CELLS_AT_ONCE // len(graded))
        for draws in people_draws(len(names), n_resamples=n_resamples, seed=seed, at_once=at_once):
            curves = roc(positive, graded.p_referable, draws[:, owner])
            read += [
                sensitivities_at(tp, fp, rates)
                for tp, fp in zip(curves.true_positives, curves.false_positives, strict=True)
                if tp[-1] > 0 and fp[-1] > 0
            ]
    left_out = n_resamples - len(read)
    if len(read) < n_resamples / 2:
        low = high = np.full(points, np.nan)
    else:
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(np.stack(read), [tail, 1.0 - tail], axis=0)
    return RocBand(roc(positive, graded.p_referable), rates, low, high, level, n_resamples, left_out)


def sensitivities_at(
    true_positives: NDArray[np.float64], false_positives: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sensitivity of one curve at false-positive rates ``(k,)``.

    Args:
        true_positives, false_positives: of one :class:`~kerasdr.evaluation.ranking.Roc` with both classes, ``(t,)``.
        rates: in 0-1.
    """
    across, up = false_positives / false_positives[-1], true_positives / true_positives[-1]
    # The last point at or left of each rate: at a step that is its top.
    before = np.searchsorted(across, rates, side="right") - 1
    after = np.minimum(before + 1, len(across) - 1)
    gap = across[after] - across[before]
    share = np.where(gap > 0, (rates - across[before]) / np.where(gap > 0, gap, 1.0), 0.0)
    return np.asarray(up[before] + share * (up[after] - up[before]), dtype=np.float64)
