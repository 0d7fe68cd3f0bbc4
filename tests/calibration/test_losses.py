import numpy as np
import pytest
from sklearn.metrics import log_loss

from kerasdr.calibration import brier_scores, log_losses

P = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.0, 0.0, 1.0, 0.0, 0.0], [0.2, 0.2, 0.2, 0.2, 0.2]])


def test_by_hand() -> None:
    assert log_losses([0, 2, 4], P) == pytest.approx([np.log(2), 0.0, np.log(5)])
    assert brier_scores([0, 2, 4], P) == pytest.approx([0.25 + 0.04 + 0.03, 0.0, 4 * 0.04 + 0.64])


def test_log_loss_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    p, grades = random.dirichlet(np.ones(5), 200), random.integers(0, 5, 200)
    assert log_losses(grades, p).mean() == pytest.approx(log_loss(grades, p, labels=range(5)))


def test_a_grade_said_to_be_impossible_costs_what_a_millionth_does() -> None:
    assert log_losses([0], P[1:2]) == pytest.approx([6 * np.log(10)])
    assert brier_scores([0], P[1:2]) == pytest.approx([2.0])
