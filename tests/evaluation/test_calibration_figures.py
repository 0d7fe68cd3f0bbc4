"""Brier scores, calibration error and reliability tables, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from kerasdr.calibration import Decision
from kerasdr.evaluation.calibration_figures import calibration_statistic, equal_mass_bins, reliability_table
from kerasdr.evaluation.calibration_report import (
    CalibrationReport,
    calibration_report,
    report_from_json,
    report_text,
    report_to_json,
)
from kerasdr.evaluation.conformal_simulation import simulate_people
from kerasdr.evaluation.intervals import bootstrap_people
from kerasdr.evaluation.reliability import reliability_diagram


def of_all(grades: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {name: value[0] for name, value in calibration_statistic(grades, p)(np.ones((1, len(p)))).items()}


def test_losses_are_scikit_learns() -> None:
    drawn = simulate_people(60, np.random.default_rng(2))
    grades, p = drawn.grades, drawn.probabilities
    found = of_all(grades, p)
    clipped = np.clip(p, 1e-6, 1)
    expected = log_loss(grades, clipped / clipped.sum(axis=1, keepdims=True), labels=range(5))
    assert found["log_loss"] == pytest.approx(expected, abs=1e-5)
    assert found["brier_grades"] == pytest.approx(brier_score_loss(grades, p, labels=range(5), scale_by_half=False))
    assert found["brier_referable"] == pytest.approx(brier_score_loss(grades >= 2, p[:, 2:].sum(axis=1)))


def test_calibration_error_by_hand() -> None:
    # Twenty photographs, two bins of ten: ten at 0.6 of which four are right, ten at 0.9 of which nine are.
    p = np.array([[0.4, 0.6, 0, 0, 0]] * 10 + [[0, 0.1, 0.9, 0, 0]] * 10)
    grades = np.array([1] * 4 + [0] * 6 + [2] * 9 + [0])
    found = of_all(grades, p)
    assert found["ece_top_grade"] == pytest.approx((0.2 * 10 + 0.0) / 20)
    assert found["ece_referable"] == pytest.approx(0.0)
    assert of_all(np.full(20, 0), p)["ece_referable"] == pytest.approx(0.45)


def test_bins_are_of_equal_mass_and_ties_stay_together() -> None:
    values = np.random.default_rng(0).permutation(np.arange(100.0))
    bins = equal_mass_bins(values)
    assert np.bincount(bins).tolist() == [10] * 10
    assert np.array_equal(bins, values // 10)
    assert np.bincount(equal_mass_bins(np.arange(25.0))).tolist() == [12, 13]
    assert equal_mass_bins(np.arange(9.0)).tolist() == [0] * 9
    assert equal_mass_bins([0.5] * 60 + [0.7] * 40).tolist() == [0] * 60 + [1] * 40
    assert equal_mass_bins([0.5] * 100).tolist() == [0] * 100
    assert equal_mass_bins([]).tolist() == []


def test_a_calibrated_network_has_little_error_and_a_sharp_one_much() -> None:
    honest = simulate_people(3000, np.random.default_rng(1), sharpness=1.0)
    sharp = simulate_people(3000, np.random.default_rng(1), sharpness=3.0)
    assert of_all(honest.grades, honest.probabilities)["ece_top_grade"] < 0.02
    assert of_all(sharp.grades, sharp.probabilities)["ece_top_grade"] > 0.15


def test_reliability_table_by_hand_with_intervals_over_people() -> None:
    forecast, came_true = [0.2] * 10 + [0.8] * 10, [1, 0, 0, 0, 0] * 2 + [1, 1, 1, 0, 1] * 2
    people = np.arange(20) // 2
    low, high = reliability_table(forecast, came_true, people, seed=1, n_resamples=200)
    assert (low.probability, low.observed.value, low.observed.n_images) == (pytest.approx(0.2), 0.2, 10)
    assert (high.probability, high.observed.value, high.observed.n_people) == (pytest.approx(0.8), 0.8, 5)
    own = np.array(came_true[:10], float)
    plain = bootstrap_people(lambda r: own[r].mean(), people[:10], seed=1, n_resamples=200)
    assert (low.observed.low, low.observed.high) == pytest.approx((plain.low, plain.high))


GRADES = np.array([0, 0, 1, 2, 3, 4])
PEOPLE = np.array(["a", "a", "a", "b", "c", "c"])
P = np.array([[0.6, 0.3, 0.1, 0, 0]] * 3 + [[0, 0.2, 0.5, 0.2, 0.1]] * 3)
BOUNDS = np.array([[0, 0], [0, 1], [0, 0], [1, 3], [2, 2], [2, 4]])


def report(positive: np.ndarray | None, grades: np.ndarray = GRADES, why: str = "") -> CalibrationReport:
    return calibration_report(
        grades,
        PEOPLE,
        P,
        P**2 / (P**2).sum(axis=1, keepdims=True),
        Decision(BOUNDS, positive),
        method="temperature",
        level=0.9,
        target="sensitivity 0.9",
        no_threshold=why,
        n_resamples=200,
    )


def test_report_by_hand() -> None:
    found = report(np.array([False, True, False, True, False, True]))
    values = {name: figure.value for name, figure in found.decisions.items()}
    # Covered: two of a's three, b's one, one of c's two. Sizes: (1 + 2 + 1) / 3, 3, (1 + 3) / 2.
    assert values == pytest.approx(
        {
            "coverage": (2 / 3 + 1 + 1 / 2) / 3,
            "mean_set_size": (4 / 3 + 3 + 2) / 3,
            "share_to_reader": 1 / 6,
            "sensitivity": 2 / 3,
            "specificity": 2 / 3,
        }
    )
    assert found.before["log_loss"].value == pytest.approx(-np.mean(np.log([0.6, 0.6, 0.3, 0.5, 0.2, 0.1])), abs=1e-9)
    assert found.after["log_loss"].value > found.before["log_loss"].value
    assert (found.undefined, found.decisions["coverage"].n_people) == ({}, 3)


def test_interval_of_coverage_is_over_people_who_count_once() -> None:
    found = report(None, why="too few").decisions["coverage"]
    each = np.array([2 / 3, 1.0, 1 / 2])
    plain = bootstrap_people(lambda people: each[people].mean(), ["a", "b", "c"], n_resamples=200)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_what_is_undefined_says_why_and_comes_back_from_json() -> None:
    none = report(None, why="3 people are too few")
    assert none.undefined == dict.fromkeys(("sensitivity", "specificity"), "3 people are too few")
    assert "  sensitivity, referable      undefined, because 3 people are too few" in report_text(none)
    healthy = report(np.zeros(6, bool), np.zeros(6, np.int64))
    assert healthy.undefined == {"sensitivity": "no photograph is referable"}
    for one in (none, healthy):
        content = report_to_json(one)
        assert content["decisions"]["sensitivity"]["value"] is None
        assert report_text(report_from_json(content)) == report_text(one)
        assert report_from_json(content).undefined_threshold == one.undefined_threshold


def test_report_as_text() -> None:
    lines = report_text(report(np.ones(6, bool))).splitlines()
    assert lines[0].split() == ["calibration:", "temperature", "before", "after"]
    assert lines[1].startswith("log-loss                      1.138 (")
    assert lines[6] == "sets of grades, level 0.9" and lines[10] == "screening, target sensitivity 0.9"
    assert lines[11].split() == ["sensitivity,", "referable", "1.000", "(1.000", "to", "1.000)"]


def test_diagram_is_drawn_and_is_the_same_each_time() -> None:
    drawn = simulate_people(50, np.random.default_rng(2))
    given = (drawn.grades, drawn.probabilities, drawn.probabilities[::-1], drawn.people)
    svg = reliability_diagram(*given, format="svg", title="A title").decode()
    assert svg == reliability_diagram(*given, format="svg", title="A title").decode()
    for words in ("A title", "as the networks say", "calibrated", "share that is referable"):
        assert words in svg
    same = reliability_diagram(drawn.grades, *[drawn.probabilities] * 2, drawn.people, format="svg").decode()
    assert "as the networks say (no calibration)" in same and ">calibrated<" not in same
    assert reliability_diagram(GRADES[:1], P[:1], P[:1], PEOPLE[:1]).startswith(b"\x89PNG")
