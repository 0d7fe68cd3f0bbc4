"""Coverage over people, in simulated studies."""

import numpy as np
import pytest

from kerasdr.evaluation.conformal_simulation import coverage_summary, simulate_coverage, simulate_people


def test_eyes_of_a_person_are_alike_and_the_honest_network_is_calibrated() -> None:
    drawn = simulate_people(4000, np.random.default_rng(1), sharpness=1.0)
    first = np.flatnonzero(np.diff(drawn.people) == 0)
    assert np.corrcoef(drawn.grades[first], drawn.grades[first + 1])[0, 1] > 0.5
    assert drawn.probabilities.mean(axis=0) == pytest.approx(np.bincount(drawn.grades) / len(drawn.grades), abs=0.02)
    assert set(np.bincount(drawn.people)) == {1, 2, 3, 4}


def test_coverage_is_what_was_asked_for() -> None:
    """At least the level, within three Monte Carlo errors; at most 2 / (K + 1) above it, which is the theory's bound."""
    table = simulate_coverage(120, 70, 0.9, method="temperature", ways=("cross-fitted",), seed=5)
    summary = coverage_summary(table).loc["cross-fitted"]
    assert summary["studies"] == 120 and 0 < summary["standard_error"] < 0.006
    assert summary["coverage"] >= 0.9 - 3 * summary["standard_error"]
    assert summary["coverage"] <= 0.9 + 2 / 71 + 3 * summary["standard_error"]
    assert 1.2 < summary["mean_size"] < 3.0


def test_with_too_few_people_sets_hold_everything() -> None:
    table = simulate_coverage(3, 8, 0.9, ways=("cross-fitted",), new_people=20)
    assert table["quantile"].isna().all()
    assert table["coverage"].tolist() == [1.0] * 3 and table["mean_size"].tolist() == [5.0] * 3


def test_all_ways_are_of_the_same_people_and_repeat_themselves() -> None:
    once = simulate_coverage(2, 20, new_people=30, seed=3)
    assert once["way"].tolist() == ["cross-fitted", "reused", "halves"] * 2
    assert once.equals(simulate_coverage(2, 20, new_people=30, seed=3))
    assert not once.equals(simulate_coverage(2, 20, new_people=30, seed=4))
