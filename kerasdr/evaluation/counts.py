"""Figures of merit from confusion matrices, of one data set or of many resamples at once; nan where undefined.

Every function takes counts ``(..., 5, 5)``, rows true grades and columns predicted ones, or ``(..., 2, 2)`` where it says
so, and returns ``(...)``. Counts may be weights.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weighting = Literal["quadratic", "linear", "none"]
Figures = NDArray[np.float64]


def kappa(confusion: ArrayLike, weighting: Weighting = "quadratic") -> Figures:
    """Return Cohen's kappa (Psychological Bulletin 70(4), 1968) from matrices ``(..., g, g)``.

    1 is full agreement, 0 that of chance. Undefined where truth and prediction are both one and the same single grade:
    chance agrees fully there.

    Args:
        confusion: counts.
        weighting: of a disagreement of ``d`` grades: ``d**2``, ``d``, or 1 for any.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    distance = np.abs(np.subtract.outer(np.arange(counts.shape[-1]), np.arange(counts.shape[-1]))).astype(np.float64)
    disagreement = {"quadratic": distance**2, "linear": distance, "none": (distance > 0).astype(np.float64)}[weighting]
    total = counts.sum(axis=(-2, -1))
    expected = counts.sum(axis=-1)[..., :, None] * counts.sum(axis=-2)[..., None, :]
    observed_sum = (counts * disagreement).sum(axis=(-2, -1)) * total
    return 1.0 - _ratio(observed_sum, (expected * disagreement).sum(axis=(-2, -1)))


def accuracy(confusion: ArrayLike) -> Figures:
    """Return the share whose grade is right."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(_diagonal(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def mean_absolute_error(confusion: ArrayLike) -> Figures:
    """Return the mean distance between true and predicted grade, in grades."""
    counts = np.asarray(confusion, dtype=np.float64)
    grades = np.arange(counts.shape[-1])
    distance = np.abs(np.subtract.outer(grades, grades))
    return _ratio((counts * distance).sum(axis=(-2, -1)), counts.sum(axis=(-2, -1)))


def sensitivities(confusion: ArrayLike) -> Figures:
    """Return for each grade ``(..., 5)`` the share of its own that were given it; undefined for a grade nobody has."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(_diagonal(counts), counts.sum(axis=-1))


def precisions(confusion: ArrayLike) -> Figures:
    """Return for each grade ``(..., 5)`` how often it was right when given; undefined for a grade that was never given."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(_diagonal(counts), counts.sum(axis=-2))


def balanced_accuracy(confusion: ArrayLike) -> Figures:
    """Return the mean sensitivity over the grades that occur."""
    each = sensitivities(confusion)
    occurs = ~np.isnan(each)
    return _ratio(np.where(occurs, each, 0.0).sum(axis=-1), occurs.sum(axis=-1))


def sensitivity(binary: ArrayLike) -> Figures:
    """Return the share of positives that were called positive, from ``(..., 2, 2)``; undefined without positives."""
    counts = np.asarray(binary, dtype=np.float64)
    return _ratio(counts[..., 1, 1], counts[..., 1, :].sum(axis=-1))


def specificity(binary: ArrayLike) -> Figures:
    """Return the share of negatives that were called negative, from ``(..., 2, 2)``; undefined without negatives."""
    counts = np.asarray(binary, dtype=np.float64)
    return _ratio(counts[..., 0, 0], counts[..., 0, :].sum(axis=-1))


def _diagonal(counts: Figures) -> Figures:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(above: NDArray[np.generic], below: NDArray[np.generic]) -> Figures:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(below) > 0, np.asarray(above) / np.asarray(below), np.nan)
