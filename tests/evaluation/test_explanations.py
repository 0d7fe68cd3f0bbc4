"""Figures of one map: by hand on maps of a few pixels, and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from kerasdr.evaluation.explanations import FIGURES, enlarged, localise, near_lesions

ALL = np.ones((4, 4), bool)


def mask(*places: tuple[int, int], shape: tuple[int, int] = (4, 4)) -> np.ndarray:
    made = np.zeros(shape, bool)
    for place in places:
        made[place] = True
    return made


def test_by_hand() -> None:
    heat = np.array([[6.0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]])
    found = localise(heat, mask((0, 0), (3, 3)), ALL, tolerance=0)
    assert found.pointing == 1
    assert found.pointing_gain == pytest.approx(1 - 2 / 16)
    assert found.energy == pytest.approx(8 / 10)
    assert found.energy_ratio == pytest.approx(0.8 / (2 / 16))
    # The lesions' pixels of 6 and 2 against 14 others: 6 beats all; 2 beats 13 and ties with one.
    assert found.auc == pytest.approx((14 + 13.5) / 28)
    # Thresholds: 6 finds one of one; 2 finds two of three.
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found.energy_outside == 0


def test_equally_hot_places_count_by_their_share() -> None:
    heat = np.zeros((4, 4))
    heat[0, 0] = heat[0, 3] = heat[3, 0] = heat[3, 3] = 1.0
    assert localise(heat, mask((0, 0)), ALL, tolerance=0).pointing == pytest.approx(0.25)


def test_even_heat_is_worth_what_the_area_is() -> None:
    found = localise(np.full((4, 4), 0.3), mask((1, 1), (1, 2), (2, 1)), ALL, tolerance=0)
    assert (found.energy_ratio, found.auc, found.pointing_gain) == pytest.approx((1, 0.5, 0))
    assert found.energy == pytest.approx(3 / 16)


def test_only_the_retina_counts() -> None:
    retina = ALL.copy()
    retina[:, 3] = False
    heat = np.zeros((4, 4))
    heat[:, 3] = 9  # no picture shows it
    heat[1, 1], heat[2, 2] = 3, 1
    found = localise(heat, mask((1, 1), (0, 3)), retina, tolerance=0)
    assert (found.pointing, found.energy) == (1, pytest.approx(3 / 4))
    assert found.energy_ratio == pytest.approx(0.75 / (1 / 12))
    assert found.energy_outside == pytest.approx(36 / 40)


def test_tolerance_is_a_share_of_the_retinas_diameter() -> None:
    heat = np.zeros((20, 20))
    heat[10, 13] = 1
    lesion, retina = mask((10, 10), shape=(20, 20)), np.ones((20, 20), bool)
    assert localise(heat, lesion, retina, tolerance=0.15).pointing == 1  # 3 of 20 px
    assert localise(heat, lesion, retina, tolerance=0.14).pointing == 0
    assert near_lesions(lesion, retina, 0.05).sum() == 5  # itself and four neighbours, none of them diagonal
    assert not near_lesions(np.zeros_like(lesion), retina, 0.5).any()
    # Chance is the share of the retina that would have counted.
    assert localise(heat, lesion, retina, tolerance=0.05).pointing_gain == pytest.approx(-5 / 400)


@pytest.mark.parametrize("seed", range(5))
def test_ranking_is_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    heat = np.round(random.random((24, 24)), 1)  # many ties
    lesions, retina = random.random((24, 24)) < 0.1, random.random((24, 24)) < 0.8
    found = localise(heat, lesions, retina)
    truth, scores = lesions[retina], heat[retina]
    assert found.auc == pytest.approx(roc_auc_score(truth, scores))
    assert found.average_precision == pytest.approx(average_precision_score(truth, scores))


def test_a_map_without_heat_on_the_retina_is_undefined() -> None:
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    retina = ~mask((0, 0))
    found = localise(heat, mask((1, 1)), retina)
    assert all(np.isnan(getattr(found, name)) for name in FIGURES)


@pytest.mark.parametrize(
    ("heat", "lesions", "says"),
    [
        (np.ones((4, 3)), mask((0, 0)), "one shape"),
        (np.full((4, 4), np.nan), mask((0, 0)), "finite"),
        (-np.ones((4, 4)), mask((0, 0)), "at least 0"),
        (np.ones((4, 4)), mask(), "lesions and more"),
        (np.ones((4, 4)), ALL, "lesions and more"),
    ],
)
def test_refusals(heat: np.ndarray, lesions: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        localise(heat, lesions, ALL)


def test_enlarging_keeps_places() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 1
    large = enlarged(heat, 40)
    assert large.shape == (40, 40) and large.min() == 0
    rows, columns = np.nonzero(large == large.max())
    assert (rows.mean(), columns.mean()) == pytest.approx((14.5, 24.5))
