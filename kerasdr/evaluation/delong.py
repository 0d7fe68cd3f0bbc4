"""Areas under correlated ROC curves of the same photographs: variance, interval and test, with people as clusters.

The estimator is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44(3), 1988), computed from midranks (Sun and Xu, IEEE
Signal Processing Letters 21(11), 2014). Photographs of one person are not independent; what is here sums each person's
structural components first (Obuchowski, Biometrics 53(2), 1997). Where every person has one photograph that is DeLong's
estimator itself, to the last digit but rounding.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation.intervals import Interval

_Array = NDArray[np.float64]
# Variances of areas are near 1/n; what is left of a difference of equal ones is far below this.
_NO_VARIANCE = 1e-15


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas under the curves of several graders, and how they vary together.

    Attributes:
        aucs: ``(k,)``, each 0-1; nan if a class is absent.
        covariance: ``(k, k)``; nan where undefined.
        n_images, n_people: of how many they are.
        gap: why the covariance is undefined; empty if it is not.
    """

    aucs: _Array
    covariance: _Array
    n_images: int
    n_people: int
    gap: str = ""


@dataclass(frozen=True)
class AreaTest:
    """A test of two areas.

    Attributes:
        difference: of the areas, second less first, with its normal interval; its ends are nan if the test is undefined.
        z: the difference in its standard errors; nan if undefined.
        p: two-sided; nan if undefined.
        gap: why it is undefined; empty if it is not.
    """

    difference: Interval
    z: float
    p: float
    gap: str = ""


def areas(positive: ArrayLike, scores: ArrayLike, people: ArrayLike | None = None) -> Areas:
    """Return the areas of graders with their covariance.

    Args:
        positive: the truth, ``(n,)`` booleans.
        scores: of each grader, ``(k, n)``, higher for positives; equal ones are ties.
        people: the person of each photograph, ``(n,)``; each photograph its own person if None.

    Raises:
        ValueError: if shapes differ or a score is nan.
    """
    truth, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or values.ndim != 2 or values.shape[1] != len(truth):
        raise ValueError(f"positive must be (n,) and scores (k, n), got {truth.shape} and {values.shape}")
    if np.isnan(values).any():
        raise ValueError("scores must be numbers, got nan")
    owner = np.arange(len(truth)) if people is None else np.unique(np.asarray(people), return_inverse=True)[1]
    n_people = len(np.unique(owner))
    m, n = int(truth.sum()), int((~truth).sum())
    nothing = np.full((len(values), len(values)), np.nan)
    if not m or not n:
        gap = f"there is no {'positive' if not m else 'negative'} photograph"
        return Areas(np.full(len(values), np.nan), nothing, len(truth), n_people, gap)
    components = [_placements(truth, row) for row in values]
    aucs = np.array([above.mean() for above, _ in components])
    of_positives = len(np.unique(owner[truth]))
    of_negatives = len(np.unique(owner[~truth]))
    if min(of_positives, of_negatives) < 2:
        gap = f"only one person has {'positive' if of_positives < 2 else 'negative'} photographs"
        return Areas(aucs, nothing, len(truth), n_people, gap)
    # Each person's components less what they would be on average, (k, people).
    pairs = list(zip(components, aucs, strict=True))
    ten = np.stack([np.bincount(owner[truth], above - auc, n_people) for (above, _), auc in pairs])
    one = np.stack([np.bincount(owner[~truth], below - auc, n_people) for (_, below), auc in pairs])
    both = ten @ one.T
    covariance = (
        of_positives / (of_positives - 1) * (ten @ ten.T) / m**2
        + of_negatives / (of_negatives - 1) * (one @ one.T) / n**2
        + n_people / (n_people - 1) * (both + both.T) / (m * n)
    )
    return Areas(aucs, covariance, len(truth), n_people)


def auc_interval(
    positive: ArrayLike, scores: ArrayLike, people: ArrayLike | None = None, *, level: float = 0.95
) -> Interval:
    """Return the area of one grader with its normal interval, cut off at 0 and 1.

    Args:
        positive, scores: ``(n,)``; people: as of :func:`areas`.
        level: nominal coverage.

    Returns:
        The area; its ends are nan where its variance is undefined, or 0 as of an area of 1.
    """
    found = areas(positive, np.asarray(scores, dtype=np.float64)[None], people)
    auc, variance = float(found.aucs[0]), float(found.covariance[0, 0])
    if not variance > _NO_VARIANCE:
        return Interval(auc, math.nan, math.nan, level, found.n_images, found.n_people)
    half = _width(level) * math.sqrt(variance)
    return Interval(auc, max(0.0, auc - half), min(1.0, auc + half), level, found.n_images, found.n_people)


def compare_areas(
    positive: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    people: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> AreaTest:
    """Test whether two graders of the same photographs have the same area.

    Args:
        positive, first, second: truth and scores, ``(n,)``; people: as of :func:`areas`.
        level: of the difference's interval.

    Returns:
        The test. Graders who rank alike have difference 0 and p 1; where the areas differ and neither varies, as between a
        perfect grader and one who is always wrong, it is undefined.
    """
    found = areas(positive, np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)]), people)
    difference = float(found.aucs[1] - found.aucs[0])
    sides = found.covariance
    variance = float(sides[0, 0] + sides[1, 1] - 2.0 * sides[0, 1])
    counts = (level, found.n_images, found.n_people)
    if found.gap:
        return AreaTest(Interval(difference, math.nan, math.nan, *counts), math.nan, math.nan, found.gap)
    if variance <= _NO_VARIANCE:
        if abs(difference) < 1e-12:
            return AreaTest(Interval(0.0, 0.0, 0.0, *counts), 0.0, 1.0)
        gap = "the areas differ, but by their variance of 0 they could not"
        return AreaTest(Interval(difference, math.nan, math.nan, *counts), math.nan, math.nan, gap)
    error = math.sqrt(variance)
    half, z = _width(level) * error, difference / error
    p = math.erfc(abs(z) / math.sqrt(2.0))
    return AreaTest(Interval(difference, difference - half, difference + half, *counts), z, p)


def midranks(values: ArrayLike) -> _Array:
    """Return the rank of each of some values ``(n,)`` from 1, those that are equal sharing the mean of theirs."""
    _, place, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[place]


def _placements(truth: NDArray[np.bool_], scores: _Array) -> tuple[_Array, _Array]:
    """Return of each positive the share of negatives below it, and of each negative that of positives above it."""
    ranks = midranks(scores)
    m, n = int(truth.sum()), int((~truth).sum())
    above = (ranks[truth] - midranks(scores[truth])) / n
    below = 1.0 - (ranks[~truth] - midranks(scores[~truth])) / m
    return above, below


def _width(level: float) -> float:
    return NormalDist().inv_cdf((1.0 + level) / 2.0)
