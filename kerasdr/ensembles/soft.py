"""Soft voting: the mean of the members' probabilities."""

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.registry import register_method
from kerasdr.ensembles.spec import EnsembleSpec, equal_spec


@register_method("soft")
def soft_vote(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over members, ``(M, N, 5)`` -> ``(N, 5)``; each member counts the same."""
    return probabilities.mean(axis=0)


def soft_spec(n_members: int) -> EnsembleSpec:
    """Return soft voting of ``n_members``."""
    return equal_spec("soft", n_members)
