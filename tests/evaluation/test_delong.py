"""Areas under ROC curves against published figures, scikit-learn and a plain reading of the formulas."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from kerasdr.evaluation.delong import areas, auc_interval, compare_areas, midranks

# 113 people with subarachnoid haemorrhage: outcome (Good or Poor), WFNS grade, S100B and NDKA (Turck et al., Intensive Care
# Medicine 36(1), 2010), the example data of the R package pROC (Robin et al., BMC Bioinformatics 12:77, 2011).
PEOPLE = """
G,1,0.13,3.01 G,1,0.14,8.54 G,1,0.1,8.09 G,1,0.04,10.42 P,3,0.13,17.4 P,2,0.1,12.75 G,5,0.47,6.0 P,4,0.16,13.2
G,1,0.18,15.54 G,2,0.1,6.01 P,5,0.12,15.96 G,2,0.1,17.86 P,5,0.44,5.18 P,5,0.71,8.9 G,1,0.04,13.41 G,2,0.08,20.75
P,5,0.49,11.6 G,2,0.04,16.11 P,2,0.07,32.37 P,5,0.33,54.82 P,2,0.09,32.41 G,1,0.09,49.94 P,1,0.07,40.34 G,1,0.11,9.47
G,1,0.07,6.29 G,2,0.17,12.53 G,1,0.07,6.54 G,2,0.11,6.3 G,1,0.13,80.3 G,1,0.19,12.8 G,3,0.05,9.8 G,4,0.16,9.81
P,2,0.41,9.85 G,1,0.14,18.21 G,4,0.34,5.03 P,5,0.35,14.04 P,4,0.48,21.93 G,1,0.09,8.02 P,4,0.96,7.42 P,2,0.25,8.38
G,5,0.5,6.59 G,5,0.46,9.63 G,1,0.16,13.12 G,1,0.07,7.96 G,2,0.43,14.34 G,4,0.45,41.43 G,1,0.11,7.63 G,1,0.08,7.06
G,2,0.09,12.59 P,5,0.86,13.56 P,5,0.52,3.87 G,2,0.08,9.44 G,1,0.06,7.66 G,2,0.13,12.98 P,5,2.07,419.19 G,1,0.1,27.19
G,2,0.14,22.27 G,2,0.15,9.95 P,2,0.07,21.22 G,1,0.06,11.73 P,5,0.77,10.4 G,1,0.05,58.83 G,1,0.09,6.39 P,2,0.3,11.09
P,5,0.03,12.22 P,2,0.09,13.67 G,1,0.04,17.21 P,4,0.23,22.63 P,5,0.7,12.9 G,2,0.09,9.7 P,4,0.27,21.57 P,4,0.71,8.23
P,1,0.08,72.57 P,4,0.26,15.54 G,1,0.08,10.51 G,2,0.16,10.6 G,1,0.09,14.57 P,4,0.13,5.19 P,2,0.1,9.63 G,1,0.08,4.61
P,2,0.11,21.48 G,3,0.33,17.3 G,2,0.11,12.71 G,4,0.28,9.44 G,2,0.07,11.07 G,1,0.1,19.46 G,4,0.32,10.83 P,5,0.22,5.37
G,1,0.07,11.97 G,1,0.05,7.75 G,5,0.24,9.83 G,4,0.38,10.55 G,2,0.1,28.49 G,2,0.15,8.53 G,1,0.08,12.57 G,1,0.14,12.9
G,1,0.1,46.83 G,3,0.07,11.68 G,1,0.04,12.67 G,2,0.19,9.01 P,5,0.56,9.57 P,2,0.14,34.06 P,2,0.58,11.72 P,5,0.32,14.26
P,5,0.82,47.61 P,5,0.74,11.67 G,2,0.15,24.58 G,4,0.47,10.33 G,4,0.17,13.87 P,5,0.44,15.89 G,1,0.15,22.43 G,1,0.5,6.79
G,1,0.48,13.45
"""
ROWS = [row.split(",") for row in PEOPLE.split()]
POOR = np.array([row[0] == "P" for row in ROWS])
WFNS, S100B, NDKA = (np.array([float(row[column]) for row in ROWS]) for column in (1, 2, 3))


@pytest.mark.parametrize(
    ("first", "second", "z", "p", "low", "high"),
    [
        # Of pROC's own tests of roc.test (tests/testthat/test-roc.test.R), method DeLong, paired; the first is also the example
        # in its documentation, as Z = 2.209, p-value = 0.02718.
        (S100B, WFNS, 2.20898359144091, 0.0271757822291882, 0.0104061769564846, 0.174214419249478),
        (NDKA, WFNS, 2.79777591868904, 0.00514557970691098, 0.0634011709339876, 0.3600405634833566),
        (S100B, NDKA, -1.39077002573558, 0.164295175223054, -0.2876917446341914, 0.0488706064228094),
    ],
)
def test_published_tests_of_two_areas(
    first: np.ndarray, second: np.ndarray, z: float, p: float, low: float, high: float
) -> None:
    assert (len(POOR), POOR.sum()) == (113, 41)
    found = compare_areas(POOR, first, second)
    assert (found.z, found.p) == pytest.approx((z, p), abs=1e-9)
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=1e-9)
    assert found.difference.value == pytest.approx((low + high) / 2, abs=1e-9)
    back = compare_areas(POOR, second, first)
    assert (back.z, back.p) == pytest.approx((-z, p), abs=1e-9)


def test_published_areas_and_variances() -> None:
    # Of pROC's tests of auc, var and ci.auc.
    found = areas(POOR, np.stack([WFNS, S100B, NDKA]))
    assert found.aucs[[0, 2]] == pytest.approx([0.823678861788618, 0.611957994579946], abs=1e-12)
    variances = [0.00146991470882363, 0.00266868245717244, 0.0031908105493913]
    assert np.diag(found.covariance) == pytest.approx(variances, abs=1e-12)
    one = auc_interval(POOR, NDKA)
    assert (one.low, one.high) == pytest.approx((0.501244999271703, 0.722670989888189), abs=1e-9)
    assert (one.n_images, one.n_people) == (113, 113)


def test_areas_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    truth = random.random(60) < 0.4
    scores = np.round(random.normal(size=(3, 60)) + truth, 1)
    assert areas(truth, scores).aucs == pytest.approx([roc_auc_score(truth, row) for row in scores], abs=1e-12)


def by_the_book(truth: np.ndarray, scores: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Obuchowski's covariance in loops over pairs of photographs (Biometrics 53(2), 1997, page 569)."""
    everybody = sorted(set(people.tolist()))
    m, n = int(truth.sum()), int((~truth).sum())
    rows = np.arange(len(truth))
    ten, one = [], []
    for row in scores:
        psi = np.where(row[:, None] > row, 1.0, np.where(row[:, None] == row, 0.5, 0.0))
        auc = psi[np.ix_(truth, ~truth)].mean()
        above = {i: psi[i, ~truth].mean() for i in rows[truth]}
        below = {j: psi[truth, j].mean() for j in rows[~truth]}
        ten.append([sum(v - auc for i, v in above.items() if people[i] == who) for who in everybody])
        one.append([sum(v - auc for j, v in below.items() if people[j] == who) for who in everybody])
    positive, negative = len({*people[truth].tolist()}), len({*people[~truth].tolist()})
    covariance = np.empty((len(scores), len(scores)))
    for r in range(len(scores)):
        for s in range(len(scores)):
            s10 = positive / ((positive - 1) * m) * np.dot(ten[r], ten[s])
            s01 = negative / ((negative - 1) * n) * np.dot(one[r], one[s])
            s11 = len(everybody) / (len(everybody) - 1) * (np.dot(ten[r], one[s]) + np.dot(ten[s], one[r]))
            covariance[r, s] = s10 / m + s01 / n + s11 / (m * n)
    return covariance


@pytest.mark.parametrize("seed", range(5))
def test_clustered_covariance_by_the_book(seed: int) -> None:
    random = np.random.default_rng(seed)
    people = random.integers(0, 25, 60)
    disease = random.normal(size=25)[people] + random.normal(size=60)
    scores = np.round(np.stack([disease + random.normal(size=60) for _ in range(2)]), 1)
    truth = disease > 0.3
    found = areas(truth, scores, people)
    assert found.covariance == pytest.approx(by_the_book(truth, scores, people), abs=1e-12)
    assert found.n_people == len(set(people.tolist()))
    # Names of people do not matter.
    named = areas(truth, scores, np.array([f"x{9 * who % 25}" for who in people]))
    assert named.covariance == pytest.approx(found.covariance, abs=1e-12)


def test_a_second_eye_that_says_the_same_adds_nothing() -> None:
    once = compare_areas(POOR, S100B, WFNS)
    people = np.repeat(np.arange(113), 2)
    twice = compare_areas(np.repeat(POOR, 2), np.repeat(S100B, 2), np.repeat(WFNS, 2), people)
    assert (twice.z, twice.p) == pytest.approx((once.z, once.p), abs=1e-9)
    assert (twice.difference.n_images, twice.difference.n_people) == (226, 113)
    too_sure = compare_areas(np.repeat(POOR, 2), np.repeat(S100B, 2), np.repeat(WFNS, 2))
    assert too_sure.z > 1.3 * once.z


def test_graders_who_rank_alike() -> None:
    found = compare_areas(POOR, S100B, np.exp(3.0 * S100B) - 7.0)
    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert (found.z, found.p, found.gap) == (0.0, 1.0, "")


def test_what_is_undefined_says_why() -> None:
    nobody = compare_areas(np.zeros(4, bool), [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1])
    assert np.isnan([nobody.difference.value, nobody.p]).all() and nobody.gap == "there is no positive photograph"
    # One person has all positives: nothing tells how these vary from person to person.
    truth, people = np.array([True, True, False, False]), np.array(["a", "a", "b", "c"])
    alone = compare_areas(truth, [0.9, 0.2, 0.3, 0.1], [0.9, 0.8, 0.3, 0.1], people)
    assert alone.difference.value == 0.25 and np.isnan([alone.difference.low, alone.p]).all()
    assert alone.gap == "only one person has positive photographs"
    perfect, wrong = [0.9, 0.8, 0.2, 0.1], [0.1, 0.2, 0.8, 0.9]
    certain = compare_areas(truth, wrong, perfect)
    assert certain.difference.value == 1.0 and np.isnan(certain.p) and "variance of 0" in certain.gap
    assert np.isnan(auc_interval(truth, perfect).low) and auc_interval(truth, perfect).value == 1.0
    with pytest.raises(ValueError, match="got nan"):
        areas(truth, [[0.1, 0.2, np.nan, 0.3]])
    with pytest.raises(ValueError, match=r"scores \(k, n\)"):
        areas(truth, [0.1, 0.2, 0.4, 0.3])


def test_intervals_stay_within_0_and_1() -> None:
    interval = auc_interval([True] * 4 + [False] * 4, [0.9, 0.8, 0.7, 0.35, 0.4, 0.3, 0.2, 0.1])
    assert interval.value == 15 / 16 and interval.high == 1.0 and interval.low < 0.94
    wider = auc_interval([True] * 4 + [False] * 4, [0.9, 0.8, 0.7, 0.35, 0.4, 0.3, 0.2, 0.1], level=0.99)
    assert wider.low < interval.low


def test_midranks() -> None:
    values = np.array([3.0, 1.0, 3.0, 2.0, 3.0, 1.0])
    assert midranks(values) == pytest.approx(scipy.stats.rankdata(values))
    assert len(midranks([])) == 0
