import time
from collections.abc import Callable

import numpy as np
import pytest

from kerasdr.evaluation import counts, metrics
from kerasdr.evaluation.graded import (
    Graded,
    graded_people,
    graded_photographs,
    screened_people,
    screened_photographs,
)
from kerasdr.evaluation.intervals import bootstrap_people
from kerasdr.evaluation.standard_figures import NO_PROBABILITIES, standard_figures


def population(seed: int, people: int, eyes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, prediction, people and probabilities; the eyes of a person are alike."""
    random = np.random.default_rng(seed)
    base = np.repeat(random.choice(5, people, p=[0.4, 0.2, 0.2, 0.1, 0.1]), eyes)
    truth = np.clip(base + random.integers(-1, 2, len(base)), 0, 4)
    logits = -np.abs(np.arange(5) - truth[:, None] - random.normal(0, 1.2, (len(base), 1)))
    p = np.exp(1.5 * logits)
    p /= p.sum(axis=1, keepdims=True)
    return truth, p.argmax(axis=1), np.repeat(np.arange(people), eyes), p


def calibration_error(forecast: np.ndarray, came_true: np.ndarray, rows: np.ndarray) -> float:
    """Ten bins of twelve of the 120 photographs, but for ties, whatever was drawn."""
    error = 0.0
    values = forecast.round(12)
    bins = (values[:, None] >= np.sort(values)[12::12]).sum(axis=1)
    for own in range(10):
        drawn = rows[bins[rows] == own]
        error += abs(forecast[drawn].sum() - came_true[drawn].sum()) / len(rows)
    return error


def test_draws_and_figures_are_those_of_the_plain_bootstrap() -> None:
    truth, guess, people, p = population(1, 60)
    graded = np.random.default_rng(1).random(len(truth)) < 0.9
    score, severe = p[:, 2:].sum(axis=1).round(12), p[:, 3:].sum(axis=1).round(12)
    found = standard_figures(
        graded_photographs(truth, guess, people, p),
        screened_photographs(truth, guess >= 2, graded, people),
        n_resamples=60,
        seed=3,
    )
    referred = (guess >= 2) | ~graded
    plain: dict[str, Callable[[np.ndarray], float]] = {
        "quadratic_kappa": lambda r: float(counts.kappa(metrics.confusion_matrix(truth[r], guess[r]))),
        "linear_kappa": lambda r: metrics.linear_kappa(truth[r], guess[r]),
        "unweighted_kappa": lambda r: metrics.unweighted_kappa(truth[r], guess[r]),
        "accuracy": lambda r: metrics.accuracy(truth[r], guess[r]),
        "balanced_accuracy": lambda r: metrics.balanced_accuracy(truth[r], guess[r]),
        "mean_absolute_error": lambda r: metrics.mean_absolute_error(truth[r], guess[r]),
        "auc_referable": lambda r: metrics.auc(truth[r] >= 2, score[r]),
        "auc_sight_threatening": lambda r: metrics.auc(truth[r] >= 3, severe[r]),
        "average_precision_referable": lambda r: metrics.average_precision(truth[r] >= 2, score[r]),
        "average_precision_sight_threatening": lambda r: metrics.average_precision(truth[r] >= 3, severe[r]),
        "sensitivity_at_90_specificity": lambda r: metrics.sensitivity_at_specificity(truth[r] >= 2, score[r], 0.9),
        "sensitivity_at_95_specificity": lambda r: metrics.sensitivity_at_specificity(truth[r] >= 2, score[r], 0.95),
        "specificity_at_90_sensitivity": lambda r: metrics.specificity_at_sensitivity(truth[r] >= 2, score[r], 0.9),
        "specificity_at_95_sensitivity": lambda r: metrics.specificity_at_sensitivity(truth[r] >= 2, score[r], 0.95),
        "sensitivity_referable": lambda r: metrics.sensitivity(truth[r] >= 2, guess[r] >= 2),
        "specificity_referable": lambda r: metrics.specificity(truth[r] >= 2, guess[r] >= 2),
        "sensitivity_referable_intention_to_screen": lambda r: metrics.sensitivity(truth[r] >= 2, referred[r]),
        "specificity_referable_intention_to_screen": lambda r: metrics.specificity(truth[r] >= 2, referred[r]),
        "share_not_graded": lambda r: float(np.mean(~graded[r])),
        "brier_grades": lambda r: float(np.mean([((p[i] - np.eye(5)[truth[i]]) ** 2).sum() for i in r])),
        "brier_referable": lambda r: float(np.mean((score[r] - (truth[r] >= 2)) ** 2)),
        "ece_top_grade": lambda r: calibration_error(p.max(axis=1), guess == truth, r),
        "ece_referable": lambda r: calibration_error(score, truth >= 2, r),
    }
    for grade in range(5):
        plain[f"sensitivity_grade_{grade}"] = lambda r, g=grade: metrics.sensitivities(truth[r], guess[r])[g]
        plain[f"precision_grade_{grade}"] = lambda r, g=grade: metrics.precisions(truth[r], guess[r])[g]
    assert set(plain) == set(found.figures)
    for name, statistic in plain.items():
        expected = bootstrap_people(statistic, people, n_resamples=60, seed=3)
        figure = found.figures[name]
        assert (figure.value, figure.low, figure.high) == pytest.approx(
            (expected.value, expected.low, expected.high), abs=1e-12
        ), name
        assert (figure.n_images, figure.n_people) == (120, 60)


def test_chunks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, guess, people, p = population(2, 30)
    graded = graded_photographs(truth, guess, people, p)
    whole = standard_figures(graded, n_resamples=50)
    monkeypatch.setattr("kerasdr.evaluation.standard_figures.CELLS_AT_ONCE", 60 * 7)
    assert standard_figures(graded, n_resamples=50) == whole


def test_worse_eye() -> None:
    p = np.array([[0.9, 0.1, 0, 0, 0], [0.1, 0.2, 0.4, 0.2, 0.1], [0.2, 0.2, 0, 0.6, 0], [1, 0, 0, 0, 0]])
    eyes = graded_photographs([0, 3, 1, 0], [0, 2, 3, 0], ["b", "b", "a", "a"], p, [False, False, False, True])
    worse = graded_people(eyes)
    assert list(worse.people) == ["a", "b"]
    assert list(worse.truth) == [1, 3] and list(worse.predicted) == [3, 2]
    assert list(worse.called_referable) == [True, False]
    assert worse.p_referable == pytest.approx([0.6, 0.7]) and worse.p_sight_threatening == pytest.approx([0.6, 0.3])
    assert (len(worse), worse.n_images) == (2, 4)
    screened = screened_people(
        screened_photographs([0, 3, 1, 0], [False] * 4, [True, True, True, False], ["b", "b", "a", "a"])
    )
    assert list(screened.referable) == [False, True]
    assert list(screened.referred) == [True, False] and list(screened.not_graded) == [True, False]


def test_undefined_figures_say_why() -> None:
    everyone = np.arange(6)
    constant = standard_figures(graded_photographs([2] * 6, [2] * 6, everyone), n_resamples=20)
    for name in ("quadratic_kappa", "linear_kappa", "unweighted_kappa"):
        assert np.isnan(constant.figures[name].value) and np.isnan(constant.figures[name].low)
        assert constant.undefined[name] == "labels and predictions are all grade 2: agreement by chance is full"
    assert constant.undefined["auc_referable"] == NO_PROBABILITIES
    assert constant.undefined["specificity_referable"] == "every photograph is labelled grade 2 or worse"
    assert constant.undefined["sensitivity_grade_4"] == "no photograph is labelled grade 4"
    assert constant.undefined["precision_grade_0"] == "no photograph was given grade 0"
    assert constant.figures["accuracy"].value == 1.0 and "accuracy" in constant.no_width

    p = np.eye(5)[[0, 1, 2, 0, 1, 0]]
    healthy = graded_photographs([0, 0, 1, 0, 1, 0], [0, 1, 2, 0, 1, 0], everyone, p)
    found = standard_figures(graded_people(healthy), n_resamples=20)
    assert found.undefined["average_precision_sight_threatening"] == "nobody has grade 3 or worse"
    assert found.undefined["sensitivity_at_90_specificity"] == "nobody has grade 2 or worse"
    for name, figure in found.figures.items():
        assert np.isnan(figure.value) == (name in found.undefined)

    nothing = standard_figures(
        graded_photographs([], [], [], np.zeros((0, 5))),
        screened_photographs([0, 3], [False, False], [False, False], ["a", "b"]),
        n_resamples=20,
    )
    assert nothing.undefined["quadratic_kappa"] == "no photograph has both a label and a grade"
    assert nothing.figures["sensitivity_referable_intention_to_screen"].value == 1.0
    assert nothing.figures["share_not_graded"].value == 1.0


def test_no_interval_says_why() -> None:
    p = np.eye(5)[[0, 1, 3, 0]]
    one = standard_figures(graded_photographs([0, 1, 3, 0], [0, 1, 3, 0], ["a"] * 4, p), n_resamples=20)
    assert one.figures["auc_referable"].value == 1.0 and np.isnan(one.figures["auc_referable"].low)
    assert one.no_interval["auc_referable"].startswith("all photographs are of one person")

    rare = graded_photographs([0, 0, 0, 3], [0, 0, 0, 3], ["a", "b", "a", "c"], np.eye(5)[[0, 0, 0, 3]])
    found = standard_figures(rare, n_resamples=400)
    missed = found.undefined_resamples["sensitivity_grade_3"]  # c is not drawn: (2/3)**3 of the resamples
    assert missed == pytest.approx(400 * 8 / 27, abs=40)
    assert not np.isnan(found.figures["sensitivity_grade_3"].low)

    # Of two people both are drawn in half of the resamples; with this seed, in a few fewer.
    two = standard_figures(graded_photographs([0, 3], [0, 3], ["a", "b"], p[[0, 2]]), n_resamples=401, seed=0)
    missed = two.undefined_resamples["auc_referable"]
    assert missed > 200 and np.isnan(two.figures["auc_referable"].low)
    assert two.no_interval["auc_referable"] == f"undefined in {missed} of 401 resamples of people, more than half"
    assert two.figures["auc_referable"].value == 1.0 and "auc_referable" not in two.undefined


def test_all_figures_of_a_thousand_photographs_take_seconds() -> None:
    truth, guess, people, p = population(4, 500)
    eyes: Graded = graded_photographs(truth, guess, people, p)
    started = time.process_time()
    standard_figures(eyes)
    standard_figures(graded_people(eyes))
    # Under 2 s; twenty times that is what a loop over resamples takes.
    assert time.process_time() - started < 15
