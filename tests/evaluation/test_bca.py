"""BCa against SciPy on the same resamples, and against published accelerations."""

import numpy as np
import pytest
import scipy.stats

from kerasdr.evaluation import metrics
from kerasdr.evaluation.bca import bca_correction, jackknife_weights
from kerasdr.evaluation.graded import graded_photographs
from kerasdr.evaluation.intervals import bootstrap_people, grade_metrics, kappa_interval, no_ends, resample_interval
from kerasdr.evaluation.over_runs import Predictions, average_kappa
from kerasdr.evaluation.standard_figures import standard_figures

# Efron and Tibshirani, "An Introduction to the Bootstrap", 1993: 15 law schools (table 3.1) and the spatial test A of 26
# children (table 14.1).
LSAT = [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594]
GPA = [3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96]
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def left_out(statistic: object, *data: np.ndarray) -> np.ndarray:
    return np.array([statistic(*(np.delete(part, row) for part in data)) for row in range(len(data[0]))])  # type: ignore[operator]


def test_the_published_acceleration_of_the_spatial_test() -> None:
    values = np.array(SPATIAL, dtype=float)
    assert np.var(values) == pytest.approx(171.5, abs=0.05)  # page 180
    resamples = np.array([150.0, 180.0])  # one on either side: no bias
    found = bca_correction(float(np.var(values)), resamples, left_out(np.var, values))
    assert found.bias == 0.0
    assert found.acceleration == pytest.approx(0.061, abs=0.0005)  # page 186


def test_published_bias_and_percentiles_of_the_spatial_test() -> None:
    # Page 186: with z0 = 0.146 and a = 0.061 a 90% interval ends at 11.0% and 98.5% of the resamples. 1116 of 2000
    # resamples are below the figure there, a share of 0.558.
    values = np.array(SPATIAL, dtype=float)
    figure = float(np.var(values))
    resamples = np.repeat([figure - 1.0, figure + 1.0], [1116, 884])
    found = bca_correction(figure, resamples, left_out(np.var, values))
    assert found.bias == pytest.approx(0.146, abs=0.0005)
    assert found.percentiles(0.90) == pytest.approx((0.110, 0.985), abs=0.0005)


@pytest.mark.parametrize("seed", range(3))
def test_law_schools_against_scipy(seed: int) -> None:
    schools = np.array(LSAT, dtype=float), np.array(GPA)
    assert correlation(*schools) == pytest.approx(0.776, abs=0.0005)  # page 49
    theirs = scipy.stats.bootstrap(
        schools,
        correlation,
        paired=True,
        vectorized=False,
        n_resamples=999,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    ours = resample_interval(
        correlation(*schools), theirs.bootstrap_distribution, 0.95, 15, 15, left_out(correlation, *schools)
    )
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-12)
    plain = resample_interval(correlation(*schools), theirs.bootstrap_distribution, 0.95, 15, 15)
    assert abs(ours.high - plain.high) > 0.005  # so the correction is seen


def test_ties_with_the_figure_count_half() -> None:
    random = np.random.default_rng(3)
    wrong = random.integers(0, 2, 30).astype(float)
    theirs = scipy.stats.bootstrap((wrong,), np.mean, n_resamples=999, method="BCa", rng=np.random.default_rng(1))
    assert np.mean(theirs.bootstrap_distribution == wrong.mean()) > 0.1
    ours = resample_interval(wrong.mean(), theirs.bootstrap_distribution, 0.95, 30, 30, left_out(np.mean, wrong))
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-12)


def test_where_there_is_no_correction() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert (
        no_ends(2.0, values, np.array([1.0, np.nan, 2.0])) == "no BCa interval: it is undefined without one of 1 person"
    )
    assert no_ends(0.5, values, values) == "no BCa interval: all resamples are above the figure itself"
    assert no_ends(3.5, values, values) == "no BCa interval: all resamples are below the figure itself"
    assert "undefined in 2 of 3 resamples" in no_ends(2.0, np.array([np.nan, np.nan, 2.0]), values)
    assert no_ends(2.0, values, values) == no_ends(2.0, values) == ""
    gone = resample_interval(0.5, values, 0.95, 3, 3, values)
    assert gone.value == 0.5 and np.isnan(gone.low) and np.isnan(gone.high)


def test_a_figure_that_nothing_moves_has_an_interval_without_width() -> None:
    same = np.ones(50)
    found = bca_correction(1.0, same, np.ones(9))
    assert (found.bias, found.acceleration, found.gap) == (0.0, 0.0, "")
    interval = resample_interval(1.0, same, 0.95, 9, 9, np.ones(9))
    assert (interval.low, interval.high) == (1.0, 1.0)


def test_everybody_is_left_out_once() -> None:
    weights = np.concatenate(list(jackknife_weights(7, at_once=3)))
    assert np.array_equal(weights, 1.0 - np.eye(7))


def test_all_bootstraps_give_the_same_bca_interval() -> None:
    random = np.random.default_rng(2)
    truth = np.repeat(random.integers(0, 5, 40), 2)
    guess = np.clip(truth + random.integers(-1, 2, 80), 0, 4)
    people = np.repeat([f"p{number}" for number in range(40)], 2)
    expected = bootstrap_people(
        lambda rows: metrics.quadratic_kappa(truth[rows], guess[rows]), people, n_resamples=300, seed=4, kind="bca"
    )
    found = kappa_interval(truth, guess, people, n_resamples=300, seed=4, kind="bca")
    figures = standard_figures(graded_photographs(truth, guess, people), n_resamples=300, seed=4, kind="bca")
    run = Predictions(np.arange(80).astype(str), people, truth, guess)
    others = (
        figures.figures["quadratic_kappa"],
        average_kappa([run], n_resamples=300, seed=4, kind="bca"),
        grade_metrics(truth, np.eye(5)[guess], people, n_resamples=300, seed=4, kind="bca")["quadratic_kappa"],
    )
    for one in (found, *others):
        assert (one.low, one.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    plain = kappa_interval(truth, guess, people, n_resamples=300, seed=4)
    assert plain.low != pytest.approx(found.low, abs=1e-6)
    # Leaving a person out takes both photographs.
    alone = kappa_interval(truth, guess, np.arange(80), n_resamples=300, seed=4, kind="bca")
    assert alone.low != pytest.approx(found.low, abs=1e-6)


def test_standard_figures_say_why_there_is_no_bca_interval() -> None:
    truth = np.array([0, 1, 1, 0, 2, 1, 0, 1])
    guess = np.array([0, 1, 0, 1, 2, 1, 1, 1])
    found = standard_figures(graded_photographs(truth, guess, np.arange(8)), n_resamples=400, kind="bca")
    # Only one person is referable: without that one there is no sensitivity.
    assert found.no_interval["sensitivity_referable"] == "no BCa interval: it is undefined without one of 1 person"
    assert np.isfinite(found.figures["sensitivity_referable"].value)
    plain = standard_figures(graded_photographs(truth, guess, np.arange(8)), n_resamples=400)
    assert "sensitivity_referable" not in plain.no_interval
