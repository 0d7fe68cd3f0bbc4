"""Curves over severity by hand and against plain code; limits that are and are not reached; mirrored answers."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from kerasdr.evaluation.intervals import bootstrap_people
from kerasdr.evaluation.robustness import Answers, robustness
from kerasdr.evaluation.severity_limit import first_crossing, severity_limit

INF, NAN = float("inf"), float("nan")


def answers(grades: list[int] | np.ndarray, p: list[float] | None = None) -> Answers:
    said = np.asarray(grades)
    return Answers(said, np.where(said < 0, NAN, said / 4.0 if p is None else np.asarray(p)), np.zeros(len(said), bool))


def names(n: int, each: int = 1) -> np.ndarray:
    return np.repeat([f"{person:03d}" for person in range(n)], each)


def test_counts_by_hand() -> None:
    truth = np.array([0, 0, 2, 3, 4, 1])
    clean = answers([0, 2, 2, 3, 4, 0])  # four called referable, one of them wrongly
    worse = answers([0, 1, -1, 1, 3, -1])  # of these: missed, refused, missed, kept; another one refused
    found = robustness(truth, names(6), clean, {"blur": {2.0: worse}}, n_resamples=200)
    unchanged, step = found.curves[0].steps
    assert (unchanged.severity, unchanged.called_referable, unchanged.missed, unchanged.refused) == (0.0, 4, 0, 0)
    assert (step.called_referable, step.missed, step.refused) == (4, 2, 1)
    figures = step.figures
    assert figures["silent_misses"].value == 0.5 and figures["silent_misses"].n_images == 4
    assert figures["share_not_graded"].value == pytest.approx(2 / 6)
    assert figures["sensitivity_referable"].value == 0.5  # of two graded that are referable
    assert figures["specificity_referable"].value == 1.0 and figures["specificity_referable"].n_images == 2
    both = [0, 1, 3, 4]
    fall = cohen_kappa_score(truth[both], clean.grades[both], weights="quadratic", labels=range(5)) - cohen_kappa_score(
        truth[both], worse.grades[both], weights="quadratic", labels=range(5)
    )
    assert figures["kappa_fall"].value == pytest.approx(fall)
    assert figures["kappa_fall"].n_images == 4 == figures["quadratic_kappa"].n_images
    assert unchanged.figures["kappa_fall"].value == 0.0
    assert found.mirrored is None


def test_what_is_called_doubtful_is_no_silent_miss() -> None:
    clean = answers([2, 3, 4, 2, 0])
    worse = answers([0, 1, 4, -1, 0])
    worse = Answers(worse.grades, worse.p_referable, np.array([True, False, True, False, True]))
    found = robustness(np.array([2, 3, 4, 2, 0]), names(5), clean, {"dark": {1.0: worse}}, n_resamples=200)
    unchanged, step = found.curves[0].steps
    assert (step.called_referable, step.missed, step.doubted, step.refused) == (4, 1, 1, 1)
    assert step.figures["silent_misses"].value == 0.25
    assert step.figures["share_doubtful"].value == pytest.approx(3 / 5)
    assert unchanged.figures["share_doubtful"].value == 0.0 == unchanged.doubted


def test_intervals_are_those_of_the_plain_bootstrap() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 5, 80)
    clean = answers(np.clip(truth + random.integers(-1, 2, 80), 0, 4))
    said = np.clip(clean.grades - random.integers(0, 3, 80), 0, 4)
    worse = answers(np.where(random.random(80) < 0.1, -1, said))
    people = names(40, 2)
    found = robustness(truth, people, clean, {"dark": {1.0: clean, 3.0: worse}}, worse, n_resamples=150, seed=5)
    figures = found.curves[0].steps[2].figures

    def fall(rows: np.ndarray) -> float:
        both = rows[worse.grades[rows] >= 0]
        kappas = [
            cohen_kappa_score(truth[both], one.grades[both], weights="quadratic", labels=range(5))
            for one in (clean, worse)
        ]
        return float(kappas[0] - kappas[1])

    def misses(rows: np.ndarray) -> float:
        called = rows[clean.grades[rows] >= 2]
        return float(((worse.grades[called] >= 0) & (worse.grades[called] < 2)).mean())

    def refused(rows: np.ndarray) -> float:
        return float((worse.grades[rows] < 0).mean())

    for name, statistic in (("kappa_fall", fall), ("silent_misses", misses), ("share_not_graded", refused)):
        plain = bootstrap_people(statistic, people, n_resamples=150, seed=5)
        got = figures[name]
        assert (got.value, got.low, got.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-9), name

    # The limit, resample by resample: kappa falls from 0 at severity 1 to its value at 3.
    def limit(rows: np.ndarray) -> float:
        here = fall(rows)
        return 1.0 + 2.0 * 0.1 / here if here >= 0.1 else INF

    plain = bootstrap_people(limit, people, n_resamples=150, seed=5)
    assert found.curves[0].limit.value == pytest.approx(plain.value)
    assert (found.curves[0].limit.between, found.curves[0].limit.low) == ((1.0, 3.0), 1.0)

    assert found.mirrored is not None
    both = worse.grades >= 0
    same = bootstrap_people(
        lambda rows: float((clean.grades == worse.grades)[rows[both[rows]]].mean()), people, n_resamples=150, seed=5
    )
    got = found.mirrored.figures["same_grade"]
    assert (got.value, got.low, got.high) == pytest.approx((same.value, same.low, same.high))
    change = found.mirrored.figures["mean_change_of_prob_referable"]
    assert change.value == pytest.approx(np.abs(clean.p_referable - worse.p_referable)[both].mean())
    between = cohen_kappa_score(clean.grades[both], worse.grades[both], weights="quadratic", labels=range(5))
    assert found.mirrored.figures["kappa_between"].value == pytest.approx(between)
    assert found.mirrored.one_way == (~both).sum() > 0


def test_equal_answers_change_nothing() -> None:
    truth = np.array([0, 1, 2, 3, 4] * 6)
    clean = answers(truth)
    found = robustness(truth, names(30), clean, {"dust": {5.0: clean}}, clean, n_resamples=50)
    step = found.curves[0].steps[1]
    assert (step.figures["kappa_fall"].low, step.figures["kappa_fall"].high, step.missed) == (0.0, 0.0, 0)
    limit = found.curves[0].limit
    assert math.isinf(limit.value) and math.isinf(limit.low) and limit.not_reached == 1.0 and limit.last == 5.0
    assert str(limit) == "not reached up to 5 (at neither end of the interval)"
    assert found.mirrored is not None and found.mirrored.figures["same_grade"].value == 1.0


def test_what_is_undefined_says_why() -> None:
    truth = np.array([0, 1, 0, 1] * 5)
    clean, nothing = answers(np.zeros(20, int)), answers(np.full(20, -1))
    found = robustness(truth, names(20), clean, {"blur": {3.0: nothing}}, nothing, n_resamples=50)
    unchanged, step = found.curves[0].steps
    assert unchanged.undefined == {
        "sensitivity_referable": "no graded photograph is labelled grade 2 or worse",
        "silent_misses": "no unchanged photograph is called referable",
    }
    assert step.undefined["quadratic_kappa"] == step.undefined["kappa_fall"] == "no photograph is graded"
    assert step.figures["share_not_graded"].value == 1.0
    assert math.isnan(found.curves[0].limit.value)
    assert str(found.curves[0].limit) == "undefined: the fall is known at no severity above 0"
    assert found.mirrored is not None and found.mirrored.one_way == 20
    assert set(found.mirrored.undefined.values()) == {"no photograph was graded both ways"}
    one = robustness(truth, np.array(["a"] * 20), clean, {"blur": {3.0: clean}}, n_resamples=50)
    assert math.isnan(one.curves[0].steps[1].figures["share_not_graded"].low)  # one person: nobody to draw from


def test_crossings_by_hand() -> None:
    falls = np.array(
        [
            [0.0, 0.05, 0.15, 0.0],  # between 1 and 2, half way; what comes after does not count
            [0.0, 0.2, 0.3, 0.4],  # half way to the first
            [0.0, 0.01, 0.02, 0.03],
            [0.0, NAN, 0.2, 0.2],  # straight from 0 to 2
            [0.0, 0.05, NAN, NAN],
            [0.0, NAN, NAN, NAN],
            [0.0, -0.1, 0.1, 0.1],  # exactly at 2
        ]
    )
    found = first_crossing([0, 1, 2, 4], falls, 0.1)
    np.testing.assert_allclose(found, [1.5, 0.5, INF, 1.0, INF, NAN, 2.0])


def test_an_end_may_be_infinite() -> None:
    falls = np.array([[0.0, 0.2]] + [[0.0, 0.2]] * 90 + [[0.0, 0.05]] * 10)
    limit = severity_limit([0, 1], falls, 0.1)
    assert (limit.value, limit.low) == (0.5, 0.5) and math.isinf(limit.high) and limit.not_reached == 0.1
    assert str(limit) == "0.5 (0.5 to not reached)"
    few = severity_limit([0, 2], np.array([[0.0, 0.2]] + [[0.0, NAN]] * 9 + [[0.0, 0.2]]), 0.1)
    assert few.value == 1.0 and math.isnan(few.low)


def test_nothing_is_known_between_severities_that_are_far_apart() -> None:
    falls = np.array([[0.0, 0.0, 0.2]] + [[0.0, 0.2, 0.3]] * 50 + [[0.0, 0.0, 0.4]] * 51)
    limit = severity_limit([0, 1, 5], falls, 0.1)
    assert limit.between == (1, 5) and (limit.low, limit.high) == (0.5, 5.0)
    assert str(limit) == "between 1 and 5, with none between them measured (0.5 to 5.0)"
    # Where kappa is undefined nothing is measured either; a severity that was measured is exact.
    assert severity_limit([0, 1, 2], np.array([[0.0, NAN, 0.2]] * 2), 0.1).between == (0, 2)
    exact = severity_limit([0, 5], np.array([[0.0, 0.1]] * 2), 0.1)
    assert exact.between is None and str(exact) == "5.0 (5.0 to 5.0)"
