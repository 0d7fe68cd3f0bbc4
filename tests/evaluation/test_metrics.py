import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, roc_auc_score

from kerasdr.evaluation import metrics


def pairs(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 5, n)
    return truth, np.clip(truth + random.integers(-1, 2, n), 0, 4)


def test_confusion_by_hand() -> None:
    confusion = metrics.confusion_matrix([0, 0, 1, 4], [0, 2, 1, 3])
    expected = np.zeros((5, 5), int)
    expected[0, 0] = expected[0, 2] = expected[1, 1] = expected[4, 3] = 1
    assert (confusion == expected).all()


@pytest.mark.parametrize("seed", range(20))
def test_figures_agree_with_scikit_learn(seed: int) -> None:
    truth, guess = pairs(seed)
    kappa = cohen_kappa_score(truth, guess, weights="quadratic", labels=range(5))
    assert metrics.quadratic_kappa(truth, guess) == pytest.approx(kappa)
    assert metrics.balanced_accuracy(truth, guess) == pytest.approx(balanced_accuracy_score(truth, guess))
    scores = np.round(np.random.default_rng(seed).random(len(truth)), 1)  # with ties
    assert metrics.auc(truth >= 2, scores) == pytest.approx(roc_auc_score(truth >= 2, scores))


def test_kappa_by_hand() -> None:
    # Two photographs, one a grade off: observed 1, expected by chance (0,0),(0,1),(1,0),(1,1)... -> 2 * 1 / 2 = 1.
    assert metrics.quadratic_kappa([0, 1], [0, 1]) == 1.0
    assert metrics.quadratic_kappa([0, 1], [1, 0]) == -1.0
    assert metrics.quadratic_kappa([0, 2, 4], [0, 2, 2]) == pytest.approx(
        1 - (4 / 3) / ((0 + 4 + 4 + 4 + 0 + 0 + 16 + 4 + 4) / 9)
    )


def test_constant_answers_count_as_nothing() -> None:
    assert metrics.quadratic_kappa([0, 1, 2, 3], [0, 0, 0, 0]) == 0.0
    assert metrics.quadratic_kappa([2, 2, 2], [2, 2, 2]) == 0.0


def test_simple_figures() -> None:
    assert metrics.accuracy([0, 1, 2, 3], [0, 1, 2, 0]) == 0.75
    assert metrics.mean_absolute_error([0, 1, 2, 4], [0, 1, 2, 0]) == 1.0
    assert np.isnan(metrics.auc([True, True], [0.1, 0.2]))
    p = np.eye(5)[[0, 1, 2, 3, 4]]
    assert metrics.auc_referable([0, 1, 2, 3, 4], p) == 1.0
    assert metrics.auc_referable([2, 3, 0, 1, 0], p) < 0.5


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        metrics.confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="0, 1, 2, 3 or 4"):
        metrics.confusion_matrix([0, 5], [0, 1])
