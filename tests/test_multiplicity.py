from itertools import combinations

import numpy as np
import pytest

from kerasdr.multiplicity import holm


def closed_testing(p: np.ndarray) -> np.ndarray:
    """Holm's procedure is the closure of Bonferroni's: a test's p is the largest of all sets of tests that hold it."""
    places = range(len(p))
    sets = [chosen for size in range(1, len(p) + 1) for chosen in combinations(places, size)]
    return np.array([max(min(1.0, len(s) * p[list(s)].min()) for s in sets if place in s) for place in places])


def test_a_worked_example() -> None:
    # By hand: 4 * 0.005 = 0.02; 3 * 0.01 = 0.03; 2 * 0.03 = 0.06; 1 * 0.04, but no less than the 0.06 before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("seed", range(20))
def test_against_closed_testing(seed: int) -> None:
    random = np.random.default_rng(seed)
    p = np.round(random.random(7) ** 3, 2)  # with ties and zeros
    assert holm(p) == pytest.approx(closed_testing(p))


def test_what_is_undefined_is_no_test() -> None:
    found = holm([0.02, np.nan, 0.03])
    assert found[[0, 2]] == pytest.approx([0.04, 0.04]) and np.isnan(found[1])
    assert len(holm([])) == 0
    assert holm([0.3]) == pytest.approx([0.3])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([0.1, 1.2])
