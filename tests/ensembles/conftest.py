from collections.abc import Callable

import numpy as np
import pytest

from kerasdr.evaluation.metrics import quadratic_kappa

Kappa = Callable[[np.ndarray, np.ndarray], float]
MakeMember = Callable[[np.ndarray, float, int], np.ndarray]


@pytest.fixture
def kappa() -> Kappa:
    return lambda grades, probabilities: quadratic_kappa(grades, probabilities.argmax(axis=1))


@pytest.fixture
def member() -> MakeMember:
    """Make probabilities (N, 5) of a member that knows a share of the truth, for some seed."""

    def make(grades: np.ndarray, skill: float, seed: int) -> np.ndarray:
        p = np.random.default_rng(seed).dirichlet(np.ones(5), len(grades))
        return (1 - skill) * p + skill * np.eye(5)[grades]

    return make


@pytest.fixture
def grades() -> np.ndarray:
    """Of 60 people with two photographs each."""
    return np.random.default_rng(0).integers(0, 5, 120)


@pytest.fixture
def people() -> np.ndarray:
    return np.repeat(np.arange(60), 2)
