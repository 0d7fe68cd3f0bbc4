import itertools
from typing import Any

import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec, combine, fit_weights, soft_spec


def test_weighted_average_by_hand() -> None:
    p = np.array([[[1.0, 0, 0, 0, 0]], [[0, 0.5, 0.5, 0, 0]]])
    assert combine(EnsembleSpec("weighted", (0.2, 0.8)), p) == pytest.approx(np.array([[0.2, 0.4, 0.4, 0, 0]]))


def test_weight_goes_to_the_member_that_knows(grades: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, 0.0, 1), member(grades, 0.6, 2), member(grades, 0.0, 3)])
    weights = fit_weights(p, grades, kappa)
    assert weights[1] > 0.5 > max(weights[0], weights[2])
    assert sum(weights) == pytest.approx(1.0)


def test_weights_follow_the_members_order(grades: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, skill, seed) for seed, skill in enumerate((0.1, 0.3, 0.2))])
    weights = fit_weights(p, grades, kappa)
    assert kappa(grades, combine(EnsembleSpec("weighted", weights), p)) >= kappa(grades, combine(soft_spec(3), p))
    again = fit_weights(p[[2, 0, 1]], grades, kappa)
    assert again == pytest.approx([weights[2], weights[0], weights[1]])


def test_equal_members_keep_equal_weights(grades: np.ndarray, member: Any, kappa: Any) -> None:
    same = member(grades, 0.3, 1)
    assert fit_weights(np.stack([same, same]), grades, kappa) == (0.5, 0.5)


def test_no_exchange_between_two_members_is_better(grades: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, skill, seed) for seed, skill in enumerate((0.1, 0.2, 0.15))])
    weights = np.array(fit_weights(p, grades, kappa))
    reached = kappa(grades, np.tensordot(weights, p, axes=1))
    for giver, taker in itertools.permutations(range(3), 2):
        for amount in np.arange(1 / 60, weights[giver] + 1e-9, 1 / 60):
            other = weights.copy()
            other[giver] -= amount
            other[taker] += amount
            assert kappa(grades, np.tensordot(other, p, axes=1)) <= reached + 1e-9
