"""Simulated validation people."""

import numpy as np
import pytest

from kerasdr.evaluation.conformal_simulation import SimulatedPeople, simulate_people


@pytest.fixture(scope="session")
def sharp() -> SimulatedPeople:
    """600 people graded by a network whose log-probabilities are twice what they should be."""
    return simulate_people(600, np.random.default_rng(3), sharpness=2.0)


@pytest.fixture(scope="session")
def honest() -> SimulatedPeople:
    """600 people graded by a network that is perfectly calibrated."""
    return simulate_people(600, np.random.default_rng(4), sharpness=1.0)


@pytest.fixture(scope="session")
def few() -> SimulatedPeople:
    """40 people."""
    return simulate_people(40, np.random.default_rng(5))


def as_often_as_said() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities ``(300, 5)``, and grades that occur exactly as often as they say."""
    kinds = [[0.5, 0.2, 0.1, 0.1, 0.1], [0.2, 0.4, 0.2, 0.1, 0.1], [0.1, 0.1, 0.1, 0.3, 0.4]]
    grades = [np.repeat(np.arange(5), np.round(np.array(kind) * 100).astype(int)) for kind in kinds]
    return np.repeat(kinds, 100, axis=0), np.concatenate(grades)
