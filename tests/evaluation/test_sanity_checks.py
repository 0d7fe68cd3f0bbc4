"""Verdicts on maps that change, maps that stay, and maps that cannot be judged."""

import numpy as np
import pytest

from kerasdr.evaluation.explanation_text import sanity_text
from kerasdr.evaluation.intervals import Interval, mean_interval
from kerasdr.evaluation.sanity_checks import (
    Stage,
    chance_verdict,
    interval_over_draws,
    make_stage,
    similarity_verdict,
)

PEOPLE = [f"p{number}" for number in range(20)]


def stage(spearman: np.ndarray) -> Stage:
    return make_stage("cascade", "logits to first", 1.0, spearman, spearman, PEOPLE)


def interval(value: float, half: float = 0.02) -> Interval:
    return Interval(value, value - half, value + half, 0.95, 20, 20)


def test_maps_that_change_pass_and_maps_that_stay_fail() -> None:
    random = np.random.default_rng(0)
    changed = similarity_verdict(stage(random.uniform(-0.2, 0.2, (3, 20))))
    stayed = similarity_verdict(stage(random.uniform(0.7, 0.9, (3, 20))))
    assert changed.passed is True and changed.text.startswith("PASSED: ")
    assert stayed.passed is False and stayed.text.startswith("FAILED: ") and "stay similar" in stayed.text


def test_maps_turned_upside_down_are_as_similar() -> None:
    signs = np.where(np.arange(60).reshape(3, 20) % 2, 0.9, -0.9)
    found = stage(signs)
    assert abs(found.spearman.value) < 0.4 and found.absolute.value == pytest.approx(0.9)
    assert similarity_verdict(found).passed is False


def test_constant_maps_are_left_out_and_counted() -> None:
    values = np.full((3, 20), 0.1)
    values[0, :5] = np.nan
    values[:, 7] = np.nan
    found = stage(values)
    assert (found.silent, found.spearman.n_images, found.spearman.value) == (8, 19, pytest.approx(0.1))
    nothing = similarity_verdict(stage(np.full((3, 20), np.nan)))
    assert nothing.passed is None and nothing.text.startswith("UNDEFINED, because all maps")
    assert "8 constant maps left out" in sanity_text([found], [nothing])


def test_interval_over_draws_is_the_mean_over_both() -> None:
    values = np.random.default_rng(1).normal(size=(4, 20))
    values[2, 3] = np.nan
    found = interval_over_draws(values, PEOPLE, n_resamples=200)
    assert found.value == pytest.approx(np.nanmean(values)) and found.low < found.value < found.high
    assert (found.n_images, found.n_people) == (20, 20)


def test_few_random_weights_make_the_interval_wide() -> None:
    # Everybody has the same value, which hangs on the weights: only the draws of weights are uncertain.
    values = np.repeat(np.array([[0.1], [0.5], [0.9]]), 20, axis=1)
    found = interval_over_draws(values, PEOPLE)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.1, 0.9))
    # And where weights make no difference, it is the interval over people.
    one = np.random.default_rng(2).normal(size=20)
    both, alone = interval_over_draws(np.tile(one, (3, 1)), PEOPLE), mean_interval(one, PEOPLE)
    assert (both.value, both.low, both.high) == pytest.approx((alone.value, alone.low, alone.high))


def test_intervals_of_nothing_and_of_one_person() -> None:
    nothing = interval_over_draws(np.full((3, 20), np.nan), PEOPLE)
    assert np.isnan([nothing.value, nothing.low]).all() and nothing.n_images == 0
    alone = interval_over_draws(np.ones((3, 2)), ["a", "a"])
    assert alone.value == 1 and np.isnan(alone.low)


def test_chance_is_being_level_with_a_random_map() -> None:
    level = chance_verdict(interval(0.51), interval(0.01), interval(-0.2))
    assert level.passed is True and level.text.startswith("PASSED: ")
    # Few photographs: that nothing is seen does not rule a lead out, and the text says how large a one.
    assert level.text.endswith("not shown to be better than a random map; up to 0.030 better is not ruled out")
    below = chance_verdict(interval(0.3), interval(-0.2), interval(-0.4))
    assert below.passed is True and below.text.endswith(": no better than a random map")
    above = chance_verdict(interval(0.6), interval(0.1), interval(-0.1))  # the centre is no excuse
    assert above.passed is False and above.text.startswith("FAILED: ") and "above chance" in above.text
    gap = Interval(0.5, float("nan"), float("nan"), 0.95, 2, 1)
    assert chance_verdict(interval(0.5), gap, interval(0)).passed is None
