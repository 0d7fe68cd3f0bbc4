"""Boosting: SAMME by person. Members are trained one after another, each on weights that dwell on the errors so far.

Zhu, Zou, Rosset and Hastie, "Multi-class AdaBoost", Statistics and Its Interface 2, 2009, algorithm 2. There each
sample is right or wrong; here the unit is the person, who is wrong in the share of their photographs that is graded
wrongly. With one photograph a person the two are the same.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.ensembles.hard import vote_shares
from kerasdr.ensembles.registry import register_method
from kerasdr.ensembles.spec import EnsembleSpec, equal_spec
from kerasdr.grades import N_GRADES


@register_method("boosting", own_training=True)
def boosted_vote(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each grade's share of the votes weighted by alpha, ``(M, N, 5)`` -> ``(N, 5)``.

    The largest is SAMME's decision, the grade of the highest sum of alphas; see
    :func:`~kerasdr.ensembles.hard.vote_shares` for ties.
    """
    return vote_shares(probabilities, np.asarray(spec.weights))


def boosting_spec(alphas: Sequence[float]) -> EnsembleSpec:
    """Return the spec of members trained by SAMME; its weights are the alphas as shares of their sum.

    If every alpha is 0, no member was better than chance, and each counts the same.

    Args:
        alphas: one a member, at least 0, as :func:`samme_round` gave them.

    Raises:
        ValueError: if an alpha is negative or not finite, or there is none.
    """
    if not len(alphas) or not all(math.isfinite(alpha) and alpha >= 0 for alpha in alphas):
        raise ValueError(f"alphas must be one or more finite numbers, at least 0, got {list(alphas)}")
    total = sum(alphas)
    if total == 0:
        return equal_spec("boosting", len(alphas))
    return EnsembleSpec("boosting", tuple(float(alpha / total) for alpha in alphas))


def samme_weights(people: ArrayLike) -> NDArray[np.float64]:
    """Return the weights of the first round, ``(N,)``, summing to 1.

    Every person weighs the same, and a person's photographs share that weight equally.

    Args:
        people: the person of each training photograph, ``(N,)``.
    """
    names, owner, photographs = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
    return 1.0 / (len(names) * photographs[owner])


def samme_round(
    weights: ArrayLike, truth: ArrayLike, predicted: ArrayLike, people: ArrayLike
) -> tuple[float, NDArray[np.float64]]:
    """Judge a member on the training photographs and weigh these for the next one.

    A person's weight ``w`` is the sum of their photographs' weights, and their error ``e`` the share of it, 0 to 1,
    that lies on wrongly graded photographs. The member's error is ``err = sum(w * e)``, its
    ``alpha = log((1 - err) / err) + log(K - 1)`` with K = 5 grades, and the weight of every photograph of a person is
    multiplied by the person's ``exp(alpha * e)``: a right photograph of someone who was half wrong is dwelt on too.

    Two cases are clamped. An ``err`` below half a person, ``1 / (2 * people)``, counts as that, so that alpha stays
    finite for a member without errors. From ``err = 1 - 1/K`` on, the member is no better than chance: alpha is 0 and
    the weights stay as they are.

    Args:
        weights: of the photographs in this member's training, ``(N,)``, at least 0, with a sum above 0.
        truth: their grades, ``(N,)``.
        predicted: the grades that the member gives them, ``(N,)``.
        people: the person of each, ``(N,)``.

    Returns:
        alpha, at least 0, and the weights of the next round ``(N,)``, summing to 1.

    Raises:
        ValueError: if the shapes differ, or the weights are none.
    """
    w, right, wrong = np.asarray(weights, np.float64), np.asarray(truth), np.asarray(predicted)
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    if not (w.ndim == 1 and w.shape == right.shape == wrong.shape == owner.shape):
        raise ValueError(f"shapes must be one (N,), got {w.shape}, {right.shape}, {wrong.shape} and {owner.shape}")
    if not np.isfinite(w).all() or w.min(initial=0.0) < 0 or w.sum() <= 0:
        raise ValueError("weights must be finite, at least 0, and sum to more than 0")
    w = w / w.sum()
    of_person = np.bincount(owner, weights=w)
    missed = np.bincount(owner, weights=w * (right != wrong))
    error = float(missed.sum())
    if error >= 1.0 - 1.0 / N_GRADES:
        return 0.0, w
    error = max(error, 1.0 / (2 * len(names)))
    alpha = max(math.log((1.0 - error) / error) + math.log(N_GRADES - 1), 0.0)
    share = np.divide(missed, of_person, out=np.zeros_like(missed), where=of_person > 0)
    w = w * np.exp(alpha * share)[owner]
    return alpha, w / w.sum()
