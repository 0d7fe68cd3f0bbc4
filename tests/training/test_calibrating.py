"""What is fitted on validation, on simulated people."""

from pathlib import Path

import numpy as np
import pytest

from kerasdr.calibration import choose_calibration, conformal_quantile, screened_positive, true_grade_scores
from kerasdr.calibration_config import CalibrationConfig, TargetConfig
from kerasdr.evaluation.conformal_simulation import SimulatedPeople, simulate_people
from kerasdr.evaluation.metrics import auc_referable, quadratic_kappa, sensitivity, specificity
from kerasdr.training.calibrating import FittedCalibration, fit_on_validation, judge_calibration

USUAL = CalibrationConfig()


def fit(known: SimulatedPeople, config: CalibrationConfig = USUAL) -> FittedCalibration:
    return fit_on_validation(config, known.probabilities, known.grades, known.people.astype(str), seed=3)


@pytest.fixture(scope="module")
def known() -> SimulatedPeople:
    return simulate_people(70, np.random.default_rng(8))


def test_threshold_and_quantile_are_found_out_of_fold(known: SimulatedPeople) -> None:
    found = fit(known)
    people = known.people.astype(str)
    choice = choose_calibration(known.probabilities, known.grades, people, quadratic_kappa, auc_referable, seed=3)
    assert found.calibration.mapping == choice.mapping
    assert found.calibration.mapping.method == "temperature"
    assert np.array_equal(found.out_of_fold, choice.out_of_fold)
    scores = true_grade_scores(choice.out_of_fold, known.grades)
    assert found.calibration.sets.quantile == conformal_quantile(scores, people, 0.9)
    point = found.calibration.operating_point
    assert point.threshold is not None
    called = screened_positive(found.out_of_fold, point.threshold)
    reached = {name: figure.value for name, figure in point.reached.items()}
    assert reached == {
        "sensitivity": pytest.approx(sensitivity(known.grades >= 2, called)),
        "specificity": pytest.approx(specificity(known.grades >= 2, called)),
    }
    assert reached["sensitivity"] is not None and 0.9 <= reached["sensitivity"] < 1.0
    low, high = point.reached["specificity"].low, point.reached["specificity"].high
    assert low is not None and high is not None and low < high


def test_the_configuration_is_heard(known: SimulatedPeople) -> None:
    found = fit(
        known, CalibrationConfig(method="none", target=TargetConfig(specificity=0.8), coverage=0.75)
    ).calibration
    assert found.mapping.method == "none" and found.log_loss.before == found.log_loss.after
    assert found.sets.level == 0.75
    scores = true_grade_scores(known.probabilities, known.grades)
    assert found.sets.quantile == conformal_quantile(scores, known.people, 0.75)
    assert (found.operating_point.figure, found.operating_point.target) == ("specificity", 0.8)
    assert found.operating_point.reached["specificity"].value == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("n_people", [1, 2, 3])
def test_a_handful_of_people_is_said_to_be_too_few(n_people: int) -> None:
    found = fit(simulate_people(n_people, np.random.default_rng(2))).calibration
    assert found.people == n_people and found.sets.quantile is None
    assert found.operating_point.threshold is None and "validation people" in found.operating_point.undefined
    assert "every set is 0-4" in found.lines()[2]


def test_one_grade_only() -> None:
    known = simulate_people(30, np.random.default_rng(2))
    healthy = SimulatedPeople(known.probabilities, np.zeros_like(known.grades), known.people)
    found = fit(healthy)
    assert np.isfinite(found.out_of_fold).all() and found.calibration.sets.quantile is not None
    assert "0 validation people have a referable photograph" in found.calibration.operating_point.undefined


def test_new_people_are_judged_and_drawn(known: SimulatedPeople, tmp_path: Path) -> None:
    calibration = fit(known).calibration
    new = simulate_people(400, np.random.default_rng(9))
    p = calibration.calibrated(new.probabilities)
    found = judge_calibration(tmp_path, "test", calibration, new.probabilities, p, new.grades, new.people.astype(str))
    assert (tmp_path / "reliability_test.png").read_bytes().startswith(b"\x89PNG")
    assert (found.method, found.level, found.target) == ("temperature", 0.9, "sensitivity 0.9")
    for name in ("log_loss", "brier_grades", "ece_top_grade"):
        assert found.after[name].value < found.before[name].value
    assert found.decisions["coverage"].value == pytest.approx(0.9, abs=0.06)
    assert found.decisions["sensitivity"].value == pytest.approx(0.9, abs=0.08)
