import json

import numpy as np
import pytest

from kerasdr.evaluation import metrics
from kerasdr.evaluation.intervals import bootstrap_people, grade_metrics, kappa_interval, to_json
from kerasdr.evaluation.report import metrics_table


def population(seed: int, people: int, eyes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both eyes of a person are wrong together."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 5, people)
    guess = np.clip(truth + random.integers(-1, 2, people), 0, 4)
    return np.repeat(truth, eyes), np.repeat(guess, eyes), np.repeat(np.arange(people).astype(str), eyes)


def test_fast_kappa_draws_the_same_people_as_the_plain_bootstrap() -> None:
    truth, guess, people = population(1, 40)
    plain = bootstrap_people(
        lambda rows: metrics.quadratic_kappa(truth[rows], guess[rows]), people, n_resamples=300, seed=5
    )
    fast = kappa_interval(truth, guess, people, n_resamples=300, seed=5)
    assert (fast.low, fast.high, fast.value) == pytest.approx((plain.low, plain.high, plain.value))
    assert (fast.n_images, fast.n_people) == (80, 40)


def test_people_are_drawn_whole() -> None:
    truth, guess, people = population(2, 60, eyes=4)
    by_person = kappa_interval(truth, guess, people, seed=1)
    by_photograph = kappa_interval(truth, guess, np.arange(len(people)), seed=1)
    # Four photographs that err together say no more than one: the honest interval is about twice as wide.
    ratio = (by_person.high - by_person.low) / (by_photograph.high - by_photograph.low)
    assert 1.6 < ratio < 2.5


def test_interval_covers_the_truth() -> None:
    # Accuracy of 0.7, 50 people with two eyes that agree: count how often the interval holds 0.7.
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        right = np.repeat(random.random(50) < 0.7, 2)
        people = np.repeat(np.arange(50), 2)
        found = bootstrap_people(lambda rows, right=right: right[rows].mean(), people, n_resamples=300, seed=trial)
        covered += found.low <= 0.7 <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_undefined_resamples() -> None:
    truth = np.array([0, 0, 0, 3])
    people = np.array(["a", "b", "c", "d"])
    p = np.eye(5)[[0, 0, 1, 3]]
    figures = grade_metrics(truth, p, people, n_resamples=400)
    assert figures["auc_referable"].value == 1.0
    none = grade_metrics(truth[:3], p[:3], people[:3], n_resamples=50)["auc_referable"]
    assert np.isnan(none.low) and np.isnan(none.high)
    assert to_json({"auc": none})["auc"]["value"] is None
    json.dumps(to_json({"auc": none}), allow_nan=False)


def test_report_names_figures_in_words() -> None:
    truth, guess, people = population(3, 30)
    text = metrics_table(grade_metrics(truth, np.eye(5)[guess], people, n_resamples=100))
    assert "quadratic weighted kappa" in text
    assert "60 photographs of 30 people" in text
    assert len(text.splitlines()) == 5


def test_same_seed_same_interval() -> None:
    truth, guess, people = population(4, 30)
    assert kappa_interval(truth, guess, people, seed=3) == kappa_interval(truth, guess, people, seed=3)
    assert kappa_interval(truth, guess, people, seed=3) != kappa_interval(truth, guess, people, seed=4)
