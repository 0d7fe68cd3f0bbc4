"""Points of the ROC against a search through every threshold."""

import numpy as np
import pytest

from kerasdr.evaluation import metrics
from kerasdr.evaluation.ranking import roc


def best(truth: np.ndarray, scores: np.ndarray, at_least: float, kept: str) -> float:
    """Try every threshold, those above and below all scores too, with whole numbers where they can be."""
    found = 0.0
    for threshold in [-np.inf, *np.unique(scores), np.inf]:
        called = scores >= threshold
        sensitivity = np.sum(called & truth) / np.sum(truth)
        specificity = np.sum(~called & ~truth) / np.sum(~truth)
        keeps, other = (specificity, sensitivity) if kept == "specificity" else (sensitivity, specificity)
        if keeps >= at_least - 1e-12:
            found = max(found, other)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_operating_points_by_brute_force(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(10, 80))
    truth = random.random(n) < 0.4
    truth[:2] = [True, False]
    scores = np.round(random.random(n) + 0.3 * truth, 1 if seed % 2 else 3)
    for level in (0.5, 0.9, 0.95, 1.0):
        expected = best(truth, scores, level, "specificity")
        assert metrics.sensitivity_at_specificity(truth, scores, level) == pytest.approx(expected, abs=1e-12)
        expected = best(truth, scores, level, "sensitivity")
        assert metrics.specificity_at_sensitivity(truth, scores, level) == pytest.approx(expected, abs=1e-12)


def test_the_target_itself_is_reached() -> None:
    # One of ten negatives above the threshold is a specificity of 90%, whatever 1 - 0.9 is in binary.
    truth = np.array([True] * 10 + [False] * 10)
    scores = np.concatenate([np.full(10, 0.5), [0.9], np.full(9, 0.1)])
    assert metrics.sensitivity_at_specificity(truth, scores, 0.9) == 1.0
    assert metrics.sensitivity_at_specificity(truth, scores, 0.95) == 0.0
    assert metrics.specificity_at_sensitivity(~truth, -scores, 0.9) == 1.0
    assert metrics.specificity_at_sensitivity(~truth, -scores, 0.95) == 0.0


def test_ties_are_not_split() -> None:
    truth = np.array([True, True, False, False])
    scores = np.full(4, 0.5)
    assert metrics.sensitivity_at_specificity(truth, scores, 0.9) == 0.0
    assert metrics.specificity_at_sensitivity(truth, scores, 0.9) == 0.0
    assert metrics.auc(truth, scores) == 0.5
    assert metrics.average_precision(truth, scores) == 0.5


def test_weights_are_repeats() -> None:
    random = np.random.default_rng(1)
    truth, scores = random.random(40) < 0.5, np.round(random.random(40), 1)
    times = random.integers(0, 4, (6, 40))
    weighted = roc(truth, scores, times)
    for index, repeat in enumerate(times):
        rows = np.repeat(np.arange(40), repeat)
        alone = roc(truth[rows], scores[rows])
        for name, level in (
            ("auc", ()),
            ("average_precision", ()),
            ("sensitivity_at", (0.9,)),
            ("specificity_at", (0.9,)),
        ):
            assert getattr(weighted, name)(*level)[index] == pytest.approx(
                float(getattr(alone, name)(*level)), abs=1e-12
            )


def test_one_class_is_undefined() -> None:
    for truth in (np.ones(3, bool), np.zeros(3, bool)):
        curve = roc(truth, [0.1, 0.2, 0.3])
        for value in (curve.auc(), curve.average_precision(), curve.sensitivity_at(0.9), curve.specificity_at(0.9)):
            assert np.isnan(value)
    assert np.isnan(roc([], []).auc())


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="got nan"):
        roc([True, False], [0.1, np.nan])
    with pytest.raises(ValueError, match="one shape"):
        roc([True, False], [0.1])
