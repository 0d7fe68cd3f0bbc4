"""Soft voting: the mean of the members' probabilities."""

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.spec import EnsembleSpec, register_method


@register_method("soft")
def soft_vote(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over members, ``(M, N, 5)`` -> ``(N, 5)``; each member counts the same."""
    return probabilities.mean(axis=0)


def soft_spec(n_members: int) -> EnsembleSpec:
    """Return soft voting of ``n_members``."""
    return EnsembleSpec("soft", (1.0 / n_members,) * n_members)
