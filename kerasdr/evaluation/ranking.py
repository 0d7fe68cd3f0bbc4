"""How well scores rank positives above negatives: ROC and precision, of one data set or of many resamples at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Counts are whole numbers, a share of them such as 0.1 * 30 need not be: this is far below one count.
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Roc:
    """The empirical ROC: what is called positive at every threshold, from none to all.

    A threshold lies between two different scores: equal scores fall on one side together. All figures are nan where there
    is no positive or no negative.

    Attributes:
        true_positives, false_positives: counts ``(..., t)``, never falling along the last axis; the first is 0 and the last
            all of them.
    """

    true_positives: NDArray[np.float64]
    false_positives: NDArray[np.float64]

    @property
    def positives(self) -> NDArray[np.float64]:
        """How many positives there are, ``(...)``."""
        return self.true_positives[..., -1]

    @property
    def negatives(self) -> NDArray[np.float64]:
        """How many negatives there are, ``(...)``."""
        return self.false_positives[..., -1]

    def auc(self) -> NDArray[np.float64]:
        """Return the area under the curve: how often a positive outranks a negative, ties counting half."""
        tp, fp = self.true_positives, self.false_positives
        area = (np.diff(fp, axis=-1) * (tp[..., 1:] + tp[..., :-1])).sum(axis=-1) / 2.0
        return self._where_defined(area / self._at_least_one(self.positives * self.negatives))

    def average_precision(self) -> NDArray[np.float64]:
        """Return the mean over positives of the precision at each one's threshold, without interpolation.

        This is the sum of (recall - recall before) * precision over thresholds, as scikit-learn defines it.
        """
        tp, fp = self.true_positives[..., 1:], self.false_positives[..., 1:]
        precision = tp / self._at_least_one(tp + fp)
        total = (np.diff(self.true_positives, axis=-1) * precision).sum(axis=-1)
        return self._where_defined(total / self._at_least_one(self.positives))

    def sensitivity_at(self, specificity: float) -> NDArray[np.float64]:
        """Return the highest sensitivity at any threshold whose specificity is at least the one asked for.

        Only points of the empirical curve count, nothing is interpolated; calling nobody positive is one of them, so
        there always is such a threshold.
        """
        allowed = self.false_positives <= (1.0 - specificity) * self.negatives[..., None] + _SLACK
        best = np.where(allowed, self.true_positives, 0.0).max(axis=-1)
        return self._where_defined(best / self._at_least_one(self.positives))

    def specificity_at(self, sensitivity: float) -> NDArray[np.float64]:
        """Return the highest specificity at any threshold whose sensitivity is at least the one asked for.

        Only points of the empirical curve count, nothing is interpolated; calling everybody positive is one of them.
        """
        allowed = self.true_positives >= sensitivity * self.positives[..., None] - _SLACK
        fewest = np.where(allowed, self.false_positives, np.inf).min(axis=-1)
        return self._where_defined(1.0 - fewest / self._at_least_one(self.negatives))

    def _where_defined(self, figure: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where((self.positives > 0) & (self.negatives > 0), figure, np.nan)

    @staticmethod
    def _at_least_one(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(counts, 1.0)  # where there is none the numerator is 0 or the figure undefined


def roc(positive: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Roc:
    """Return the ROC of scores.

    Args:
        positive: ``(n,)`` booleans.
        scores: ``(n,)``, higher for positives; equal ones are ties.
        weights: how often each counts, whole numbers ``(..., n)``, such as those of resamples; once if None.

    Raises:
        ValueError: if the shapes differ or a score is nan.
    """
    truth = np.asarray(positive, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    if truth.shape != values.shape or truth.ndim != 1:
        raise ValueError(f"positive and scores must be of one shape (n,), got {truth.shape} and {values.shape}")
    if np.isnan(values).any():
        raise ValueError("scores must be numbers, got nan")
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, dtype=np.int64)
    counts = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    counts = counts[..., order]
    everything = np.cumsum(counts, axis=-1)[..., ends]
    tp = np.cumsum(counts * truth[order], axis=-1)[..., ends]
    none = np.zeros((*tp.shape[:-1], 1))
    return Roc(np.concatenate([none, tp], axis=-1), np.concatenate([none, everything - tp], axis=-1))
