"""Every figure that scikit-learn defines, on random data with ties, to 1e-9."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    mean_absolute_error,
    precision_score,
    recall_score,
    roc_auc_score,
)

from kerasdr.evaluation import metrics
from kerasdr.evaluation.graded import graded_photographs
from kerasdr.evaluation.standard_figures import standard_figures


@pytest.mark.parametrize("seed", range(20))
def test_figures_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(30, 200))
    truth = random.choice(5, n, p=[0.5, 0.15, 0.2, 0.1, 0.05])
    truth[:5] = range(5)
    guess = np.clip(truth + random.integers(-2, 3, n), 0, 4)
    guess[guess == 1] = random.integers(0, 2)  # grade 1 is never given by half of them
    p = random.multinomial(10, np.full(5, 0.2), n) / 10  # sums of tenths: many ties
    expected = {
        "quadratic_kappa": cohen_kappa_score(truth, guess, weights="quadratic", labels=range(5)),
        "linear_kappa": cohen_kappa_score(truth, guess, weights="linear", labels=range(5)),
        "unweighted_kappa": cohen_kappa_score(truth, guess, labels=range(5)),
        "accuracy": accuracy_score(truth, guess),
        "balanced_accuracy": balanced_accuracy_score(truth, guess),
        "mean_absolute_error": mean_absolute_error(truth, guess),
        "sensitivity_referable": recall_score(truth >= 2, guess >= 2),
        "specificity_referable": recall_score(truth < 2, guess < 2),
    }
    recall = recall_score(truth, guess, average=None, labels=range(5), zero_division=np.nan)
    precision = precision_score(truth, guess, average=None, labels=range(5), zero_division=np.nan)
    for grade in range(5):
        expected[f"sensitivity_grade_{grade}"] = recall[grade]
        expected[f"precision_grade_{grade}"] = precision[grade]
    for name, lowest in (("referable", 2), ("sight_threatening", 3)):
        score = np.round(p[:, lowest:].sum(axis=1), 12)
        expected[f"auc_{name}"] = roc_auc_score(truth >= lowest, score)
        expected[f"average_precision_{name}"] = average_precision_score(truth >= lowest, score)

    found = standard_figures(graded_photographs(truth, guess, np.arange(n), p), n_resamples=2).figures
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-9, nan_ok=True), name

    score = np.round(p[:, 2:].sum(axis=1), 12)
    assert metrics.linear_kappa(truth, guess) == found["linear_kappa"].value
    assert metrics.unweighted_kappa(truth, guess) == found["unweighted_kappa"].value
    assert metrics.sensitivities(truth, guess) == pytest.approx(recall, abs=1e-9, nan_ok=True)
    assert metrics.precisions(truth, guess) == pytest.approx(precision, abs=1e-9, nan_ok=True)
    assert metrics.sensitivity(truth >= 2, guess >= 2) == found["sensitivity_referable"].value
    assert metrics.specificity(truth >= 2, guess >= 2) == found["specificity_referable"].value
    assert metrics.average_precision(truth >= 2, score) == found["average_precision_referable"].value
    assert (metrics.confusion_matrix(truth, guess) == confusion_matrix(truth, guess, labels=range(5))).all()


def test_sums_of_the_same_decimals_are_ties() -> None:
    # 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit.
    p = np.array([[0.2, 0.2, 0.1, 0.2, 0.3], [0.2, 0.2, 0.3, 0.2, 0.1]])
    assert p[0, 2:].sum() != p[1, 2:].sum()
    for truth in ([2, 0], [0, 2]):
        found = standard_figures(graded_photographs(truth, [0, 0], ["a", "b"], p), n_resamples=2).figures
        assert found["auc_referable"].value == 0.5
