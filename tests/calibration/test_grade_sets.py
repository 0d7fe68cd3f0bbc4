"""Sets of grades by hand, and against MAPIE where both define them."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from mapie.conformity_scores.sets.naive import NaiveConformityScore
from sklearn.base import BaseEstimator, ClassifierMixin

from kerasdr.calibration import conformal_quantile, growth_scores, set_bounds, set_text, true_grade_scores
from kerasdr.calibration.grade_sets import read_set, spans_referral
from kerasdr.calibration.part import GradeSets

P = np.array([[0.1, 0.2, 0.4, 0.25, 0.05], [0.7, 0.1, 0.1, 0.05, 0.05], [0.3, 0.05, 0.05, 0.2, 0.4]])


def test_growth_by_hand() -> None:
    assert growth_scores(P) == pytest.approx(
        np.array(
            [
                [0.85, 0.65, 0.0, 0.4, 0.95],  # 2, then 3, 1, 0, 4
                [0.0, 0.7, 0.8, 0.9, 0.95],
                [0.7, 0.65, 0.6, 0.4, 0.0],  # neighbours only: 0.3 of grade 0 waits for all between
            ]
        )
    )
    assert true_grade_scores(P, [1, 0, 0]) == pytest.approx([0.65, 0.0, 0.7])


def test_a_sum_that_rounding_takes_above_1_is_a_share_all_the_same() -> None:
    p = np.array([[0.15151515151515155, 0.24242424242424246, 0.060606060606060615, 0.5454545454545455, 0.0]])
    assert p[0, 3] + p[0, 2] + p[0, 1] + p[0, 0] > 1.0
    scores = true_grade_scores(np.repeat(p, 10, axis=0), np.full(10, 4))
    # A network that is sure and wrong must not stop the training that is to say so.
    quantile = conformal_quantile(scores, np.arange(10), 0.9)
    assert GradeSets(level=0.9, quantile=quantile).quantile == 1.0
    assert set_bounds(p, quantile).tolist() == [[0, 4]]


def test_of_equal_neighbours_the_worse_comes_first() -> None:
    assert growth_scores([[0.1, 0.2, 0.4, 0.2, 0.1]])[0] == pytest.approx([0.9, 0.6, 0, 0.4, 0.8])
    assert growth_scores([[0.2] * 5])[0] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("quantile", "bounds"),
    [
        (0.0, [[2, 2], [0, 0], [4, 4]]),
        (0.39, [[2, 2], [0, 0], [4, 4]]),
        (0.66, [[1, 3], [0, 0], [1, 4]]),
        (0.86, [[0, 3], [0, 2], [0, 4]]),
        (None, [[0, 4]] * 3),
    ],
)
def test_bounds_by_hand(quantile: float | None, bounds: list[list[int]]) -> None:
    assert set_bounds(P, quantile).tolist() == bounds


def test_sets_are_contiguous_hold_the_mode_and_grow_with_the_quantile() -> None:
    p = np.random.default_rng(0).dirichlet(np.full(5, 0.4), 500).round(2)
    p /= p.sum(axis=1, keepdims=True)
    before = None
    for quantile in np.linspace(0, 1, 21):
        taken = growth_scores(p) <= quantile
        low, high = set_bounds(p, float(quantile)).T
        assert (taken.sum(axis=1) == high - low + 1).all()
        assert ((low <= p.argmax(axis=1)) & (p.argmax(axis=1) <= high)).all()
        assert before is None or (taken >= before).all()
        before = taken


def test_quantile_by_hand() -> None:
    scores = np.arange(1, 10) / 10
    # Nine people weigh 0.1 each: 0.9 of the weight is at the highest score, and all of it only at infinity.
    assert conformal_quantile(scores, np.arange(9), 0.9) == 0.9
    assert conformal_quantile(scores, np.arange(9), 0.5) == 0.5
    assert conformal_quantile(scores, np.arange(9), 0.51) == 0.6
    assert conformal_quantile(scores[:8], np.arange(8), 0.9) is None
    assert conformal_quantile(scores, np.arange(9), 0.91) is None


def test_a_person_weighs_the_same_whatever_the_photographs() -> None:
    # a: four photographs at 0.9; b, c, d: one each at 0.1, 0.2, 0.3. Weights 1/20 four times, 1/5, 1/5, 1/5.
    scores, people = [0.9, 0.9, 0.9, 0.9, 0.1, 0.2, 0.3], list("aaaabcd")
    assert conformal_quantile(scores, people, 0.6) == 0.3
    assert conformal_quantile(scores, people, 0.61) == 0.9
    assert conformal_quantile(scores, people, 0.8) == 0.9
    assert conformal_quantile(scores, people, 0.81) is None


def test_texts() -> None:
    assert (set_text(3, 3), set_text(1, 2)) == ("3", "1 to 2")
    assert [read_set(text) for text in ("3", "1 to 2", "1-2", " 0-4 ")] == [(3, 3), (1, 2), (1, 2), (0, 4)]
    for wrong in ("", "2-1", "5", "1-5", "1-2-3", "1,2", "-1", "1-", "02-Jan", "1to", "2 to 1", "1 to 5"):
        with pytest.raises(ValueError, match="no set of grades such as 3 or 1 to 2"):
            read_set(wrong)


def test_what_spans_the_border_of_referral() -> None:
    bounds = np.array([[0, 1], [1, 2], [2, 4], [0, 4], [1, 1], [2, 2]])
    assert spans_referral(bounds).tolist() == [False, True, False, True, False, False]


class Given(ClassifierMixin, BaseEstimator):
    """Says what it is fed."""

    classes_ = np.arange(5)

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Given":
        self.fitted_ = True
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X.argmax(axis=1)


def single_peaked(n: int, seed: int) -> np.ndarray:
    """Probabilities that fall on both sides of the mode, so that the next most probable grade is always a neighbour."""
    random = np.random.default_rng(seed)
    centre, width = random.uniform(-0.5, 4.5, (n, 1)), random.uniform(0.4, 1.5, (n, 1))
    p = np.exp(-np.square((np.arange(5) - centre) / width) / 2)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("level", [0.6, 0.8, 0.9])
def test_sets_of_a_given_mass_are_mapies(level: float) -> None:
    p, new = single_peaked(150, 1), single_peaked(300, 2)
    grades = np.random.default_rng(3).integers(0, 5, 150)
    grades[:5] = np.arange(5)
    # MAPIE's "naive" sets hold the most probable grades until their mass reaches the level.
    theirs = SplitConformalClassifier(
        Given().fit(p, grades), confidence_level=level, conformity_score=NaiveConformityScore()
    )
    sets = theirs.conformalize(p, grades).predict_set(new)[1][:, :, 0]
    bounds = set_bounds(new, level)
    grades_in = (np.arange(5) >= bounds[:, :1]) & (np.arange(5) <= bounds[:, 1:])
    assert np.array_equal(grades_in, sets)
    assert 1 < sets.sum(axis=1).mean() < 5


@pytest.mark.parametrize("level", [0.6, 0.9, 0.95])
def test_quantile_of_people_with_one_photograph_is_mapies(level: float) -> None:
    p = single_peaked(150, 1)
    random = np.random.default_rng(3)
    grades = np.array([random.choice(5, p=row) for row in p])
    theirs = SplitConformalClassifier(Given().fit(p, grades), confidence_level=level, conformity_score="lac")
    theirs.conformalize(p, grades).predict_set(p)
    scores = 1.0 - p[np.arange(150), grades]  # those of its "least ambiguous" sets
    (expected,) = theirs._mapie_classifier.conformity_score_function_.quantiles_
    assert conformal_quantile(scores, np.arange(150), level) == pytest.approx(expected, abs=1e-6)
