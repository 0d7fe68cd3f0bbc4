"""Tests and intervals of two graders of equal skill, over many simulated studies."""

import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.metrics import auc, quadratic_kappa
from kerasdr.evaluation.simulation import equal_graders, null_studies

STUDIES = 500
# Three standard errors of a share of 5% in 500 studies are 2.9%.
BAND = (0.05 - 0.029, 0.05 + 0.029)
# Percentile intervals over 80 people are a little narrow, which makes their misses up to 1% more.
BAND_OF_INTERVALS = (BAND[0], BAND[1] + 0.01)


def test_graders_are_of_equal_skill_and_eyes_of_a_person_alike() -> None:
    first, second = equal_graders(np.random.default_rng(1), 40_000)
    assert first.p_referable is not None and second.p_referable is not None
    kappas = [quadratic_kappa(one.truth, one.predicted) for one in (first, second)]
    areas = [auc(first.truth >= 2, scores) for scores in (first.p_referable, second.p_referable)]
    assert kappas[0] == pytest.approx(kappas[1], abs=0.01) and 0.5 < kappas[0] < 0.9
    assert areas[0] == pytest.approx(areas[1], abs=0.005) and 0.7 < areas[0] < 0.97
    right = (first.predicted == first.truth).reshape(-1, 2)
    assert np.corrcoef(right[:, 0], right[:, 1])[0, 1] > 0.1  # they err together
    together = np.corrcoef(first.predicted - first.truth, second.predicted - second.truth)[0, 1]
    assert 0.2 < together < 0.8


@pytest.mark.slow
def test_tests_reject_in_5_percent_and_intervals_hold_0_in_95() -> None:
    found = null_studies(STUDIES, 80, n_resamples=399, n_permutations=99, kinds=("percentile",))
    shares = found.set_index(["method", "figure"])["share"]
    figures = ("quadratic_kappa", "accuracy", "auc_referable")
    for key in [("DeLong, clustered", "auc_referable"), *(("permutation over people", figure) for figure in figures)]:
        assert BAND[0] <= shares[key] <= BAND[1], (key, shares[key])
    for figure in figures:
        missed = shares["percentile bootstrap over people", figure]
        assert BAND_OF_INTERVALS[0] <= missed <= BAND_OF_INTERVALS[1], (figure, missed)
    assert (found["studies"] == STUDIES).all() and (found["people"] == 80).all()


def test_the_table_is_that_of_its_seed() -> None:
    def made(seed: int) -> pd.DataFrame:
        return null_studies(6, 20, n_resamples=20, n_permutations=19, seed=seed)

    pd.testing.assert_frame_equal(made(1), made(1))
    assert set(made(1)["method"]) >= {"bca bootstrap over people", "DeLong, each eye a person"}
    assert not made(1)["share"].equals(made(2)["share"])
