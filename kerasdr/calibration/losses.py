"""Proper scores of probabilities, photograph by photograph: lower is better, and the true probabilities are best of all."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.grades import N_GRADES

FLOOR = 1e-6
"""Smaller probabilities count as this before a logarithm: a job writes six decimals, and voting by heads gives zeros."""


def log_losses(grades: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return minus the logarithm of the true grade's probability, ``(n,)``, natural, at most ``-log(FLOOR)`` = 13.8.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``, rows summing to 1.
    """
    truth = np.asarray(grades, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    own: NDArray[np.float64] = p[np.arange(len(truth)), truth]
    return -np.log(np.clip(own, FLOOR, 1.0))


def brier_scores(grades: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the squared distance between probabilities and truth, summed over the five grades, ``(n,)`` in 0-2.

    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78(1), 1950.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``.
    """
    truth = np.eye(N_GRADES)[np.asarray(grades, dtype=np.int64)]
    distances: NDArray[np.float64] = np.square(np.asarray(probabilities, dtype=np.float64) - truth).sum(axis=1)
    return distances
