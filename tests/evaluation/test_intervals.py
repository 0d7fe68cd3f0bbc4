import json

import numpy as np
import pytest

from kerasdr.evaluation import metrics
from kerasdr.evaluation.intervals import Interval, bootstrap_people, grade_metrics, kappa_interval, to_json
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


def test_report_says_that_people_are_few() -> None:
    truth, guess, people = population(3, 19)
    said = "note: these figures are of 19 people only: over fewer than 20 these intervals are too narrow"
    assert metrics_table(grade_metrics(truth, np.eye(5)[guess], people, n_resamples=100)).splitlines()[-1] == said


def test_same_seed_same_interval() -> None:
    truth, guess, people = population(4, 30)
    assert kappa_interval(truth, guess, people, seed=3) == kappa_interval(truth, guess, people, seed=3)
    assert kappa_interval(truth, guess, people, seed=3) != kappa_interval(truth, guess, people, seed=4)


@pytest.mark.parametrize("kind", ["percentile", "bca"])
def test_all_standard_figures_draw_the_same_people_as_the_plain_bootstrap(kind: str) -> None:
    truth, guess, people = population(5, 25)
    p = np.random.default_rng(6).dirichlet(np.ones(5), len(truth)) * 0.4 + np.eye(5)[guess] * 0.6
    found = grade_metrics(truth, p, people, n_resamples=200, seed=9, kind=kind)  # type: ignore[arg-type]
    named = {
        "accuracy": lambda rows: metrics.accuracy(truth[rows], p[rows].argmax(axis=1)),
        "balanced_accuracy": lambda rows: metrics.balanced_accuracy(truth[rows], p[rows].argmax(axis=1)),
        "mean_absolute_error": lambda rows: metrics.mean_absolute_error(truth[rows], p[rows].argmax(axis=1)),
        "auc_referable": lambda rows: metrics.auc_referable(truth[rows], p[rows]),
    }
    assert list(found) == ["quadratic_kappa", *named]
    for name, statistic in named.items():
        plain = bootstrap_people(statistic, people, n_resamples=200, seed=9, kind=kind)  # type: ignore[arg-type]
        one = found[name]
        assert (one.value, one.low, one.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.parametrize("kind", ["percentile", "bca"])
def test_one_person_has_figures_and_no_interval(kind: str) -> None:
    truth = np.array([0, 2])
    found = grade_metrics(truth, np.eye(5)[truth], ["a", "a"], n_resamples=20, kind=kind)  # type: ignore[arg-type]
    for figure in (
        *found.values(),
        kappa_interval(truth, truth, ["a", "a"], n_resamples=20, kind=kind),  # type: ignore[arg-type]
        bootstrap_people(lambda rows: float(len(rows)), ["a", "a"], n_resamples=20, kind=kind),  # type: ignore[arg-type]
    ):
        assert not np.isnan(figure.value) and np.isnan(figure.low) and np.isnan(figure.high)
        assert (figure.n_images, figure.n_people) == (2, 1)
    assert "1.000  (no interval, because there is one person only; 2 photographs of 1 people)" in metrics_table(found)


def test_nobody_has_no_figures() -> None:
    found = grade_metrics(np.zeros(0, int), np.zeros((0, 5)), [], n_resamples=20)
    assert all(np.isnan(figure.value) for figure in found.values())
    assert metrics_table(found).count("undefined  (because there are no photographs; 0 photographs of 0 people)") == 5


def test_kappa_of_one_and_the_same_grade_is_undefined_and_not_0() -> None:
    nothing = kappa_interval([0] * 6, [0] * 6, list("abcdef"), n_resamples=50)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    # One of ten people is ill, all are graded right: a third of the resamples have nobody ill, and say nothing.
    truth = np.array([0] * 9 + [3])
    right = kappa_interval(truth, truth, np.arange(10))
    assert (right.value, right.low, right.high) == (1.0, 1.0, 1.0)
    text = metrics_table(grade_metrics([0] * 6, np.eye(5)[[0] * 6], list("abcdef"), n_resamples=50))
    assert "nan" not in text
    assert (
        "quadratic weighted kappa" in text.split("undefined  (because labels and grades are all one and the same;")[0]
    )
    assert "undefined  (because all or none of the photographs are referable;" in text


def test_an_undefined_interval_in_words() -> None:
    nan = float("nan")
    assert str(Interval(nan, nan, nan, 0.95, 6, 6)) == "undefined"
    assert str(Interval(0.5, nan, nan, 0.95, 6, 1)) == "0.500 (no interval)"
    assert str(Interval(0.5, 0.25, 0.75, 0.95, 6, 3)) == "0.500 (95% interval 0.250 to 0.750)"


def test_what_is_no_grade_is_refused() -> None:
    with pytest.raises(ValueError, match="grades must be 0, 1, 2, 3 or 4"):
        kappa_interval([0, -1], [0, 1], ["a", "b"])
