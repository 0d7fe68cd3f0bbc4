"""Hard voting: each member votes for its most probable grade, the most votes win."""

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.registry import register_method
from kerasdr.ensembles.spec import EnsembleSpec
from kerasdr.grades import N_GRADES

TIE_SHARE = 1e-3
"""The part of the result that decides ties: too small to outdo a vote, large enough to survive rounding in a CSV."""


@register_method("hard")
def hard_vote(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return :func:`vote_shares` of one vote a member, ``(M, N, 5)`` -> ``(N, 5)``."""
    return vote_shares(probabilities, np.full(len(probabilities), 1.0 / len(probabilities)))


def vote_shares(probabilities: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each grade's share of the votes, with ties broken by the members' probabilities.

    A member's vote goes to its most probable grade (the lower of two equal ones). The result is
    ``(1 - t) * shares + t * mean``, where ``mean`` is the weighted mean of the probabilities and ``t`` is
    :data:`TIE_SHARE`. So its largest entry is the grade with the most votes; among grades with as many votes, the one
    with the higher summed probability; if even these are equal, the lower grade, as everywhere. With unequal weights,
    votes that are closer than about a thousandth of all count as tied.

    Args:
        probabilities: ``(M, N, 5)``; with equal weights, of fewer than 999 members.
        weights: ``(M,)``, what each vote counts, at least 0, summing to 1.

    Returns:
        ``(N, 5)``, rows summing to 1.
    """
    votes = np.eye(N_GRADES)[probabilities.argmax(axis=2)]
    shares, mean = np.tensordot(weights, votes, axes=1), np.tensordot(weights, probabilities, axes=1)
    return (1.0 - TIE_SHARE) * shares + TIE_SHARE * mean
