"""Weighted average: better members count more, by weights found on validation data."""

import itertools

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.registry import Score, register_method
from kerasdr.ensembles.spec import EnsembleSpec


def fit_weights(
    probabilities: NDArray[np.float64], grades: NDArray[np.int64], score: Score, step: float = 0.05
) -> tuple[float, ...]:
    """Find the weights of the highest score, by exchange between pairs of members from equal weights on.

    A score such as kappa is piecewise constant in the weights, so a gradient says nothing: weight is moved from one
    member to another in multiples of ``step`` as long as that gains, the largest gain first. Among equal scores the
    weights nearest to equal ones are taken, since they lean least on the validation data.

    Args:
        probabilities: ``(M, N, 5)`` on validation data.
        grades: ``(N,)``.
        score: what to raise.
        step: the smallest share that is moved, in parts of a member's equal share.

    Returns:
        One weight a member, at least 0, summing to 1.
    """
    n = len(probabilities)
    units = round(1.0 / step)
    # Integer shares of 1/(units * n), so that sums stay exact and the start is exactly equal.
    shares = np.full(n, units)
    unit = np.asarray(probabilities, np.float64) / (units * n)

    def value(candidate: NDArray[np.int64], mixture: NDArray[np.float64]) -> tuple[float, float]:
        spread = float(np.square(candidate - units).sum())
        return round(score(grades, mixture), 12), -spread

    mixture = np.tensordot(shares, unit, axes=1)
    best = value(shares, mixture)
    while True:
        found = None
        for giver, taker in itertools.permutations(range(n), 2):
            # An exchange moves along a line: only the difference of the two members is added, not all of them again.
            change = unit[taker] - unit[giver]
            for amount in range(1, shares[giver] + 1):
                candidate = shares.copy()
                candidate[giver] -= amount
                candidate[taker] += amount
                reached = value(candidate, mixture + amount * change)
                if reached > best:
                    best, found = reached, candidate
        if found is None:
            return tuple(float(share) for share in shares / shares.sum())
        shares = found
        mixture = np.tensordot(shares, unit, axes=1)


def _fit(probabilities: NDArray[np.float64], grades: NDArray[np.int64], score: Score) -> EnsembleSpec:
    return EnsembleSpec("weighted", fit_weights(probabilities, grades, score))


@register_method("weighted", fit=_fit)
def weighted_average(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean over members, ``(M, N, 5)`` -> ``(N, 5)``."""
    return np.tensordot(np.asarray(spec.weights), probabilities, axes=1)
