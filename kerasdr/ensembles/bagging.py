"""Bagging: members trained on bootstraps of the people, combined by the mean of their probabilities.

Breiman, "Bagging predictors", Machine Learning 24(2), 1996.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.ensembles.registry import register_method
from kerasdr.ensembles.spec import EnsembleSpec, equal_spec


@register_method("bagging", own_training=True)
def bagged_mean(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over members, ``(M, N, 5)`` -> ``(N, 5)``; each member counts the same."""
    return probabilities.mean(axis=0)


def bagging_spec(n_members: int) -> EnsembleSpec:
    """Return bagging of ``n_members`` that were each trained on a bootstrap of their own."""
    return equal_spec("bagging", n_members)


def bootstrap_people(patient_ids: ArrayLike, seed: int) -> NDArray[np.int64]:
    """Draw as many people as there are, with replacement; a person comes with all photographs.

    About 63% of people are drawn at least once. The draw depends on the set of people and the seed alone, not on the
    order of rows.

    Args:
        patient_ids: the person of each training photograph, ``(N,)``.
        seed: of the draw; another one for each member.

    Returns:
        How often each photograph stands in the bootstrap, ``(N,)``: the same number for all photographs of a person, 0
        for people who were not drawn.
    """
    people, owner = np.unique(np.asarray(patient_ids), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(0, len(people), len(people))
    return np.bincount(drawn, minlength=len(people))[owner]
