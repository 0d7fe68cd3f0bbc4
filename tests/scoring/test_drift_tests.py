"""The tests of two samples, beside SciPy's."""

import numpy as np
import pytest
import scipy.stats

from kerasdr.scoring.drift_tests import chi_square_shares, chi_square_tail, fisher_exact, kolmogorov_tail


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("statistic", [0.0, 1e-9, 0.1, 1.0, 3.84, 15.0, 80.0, 700.0])
def test_chi_square_tail(statistic: float, degrees: int) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(scipy.stats.chi2.sf(statistic, degrees), rel=1e-9)


@pytest.mark.parametrize("scaled", [0.1, 0.3, 0.5, 0.8, 1.0, 1.36, 2.0, 4.0])
def test_kolmogorov_tail(scaled: float) -> None:
    n = 1e8  # where the correction for small samples is nothing
    assert kolmogorov_tail(scaled / np.sqrt(n), n) == pytest.approx(
        scipy.stats.kstwobign.sf(scaled), rel=1e-3, abs=1e-12
    )


@pytest.mark.parametrize("n", [25, 60, 400])
@pytest.mark.parametrize("distance", [0.05, 0.1, 0.2, 0.3])
def test_kolmogorov_tail_of_small_samples(distance: float, n: int) -> None:
    expected = scipy.stats.kstwo.sf(distance, n)
    assert kolmogorov_tail(distance, n) == pytest.approx(expected, abs=0.03 if expected > 0.1 else 0.004)


@pytest.mark.parametrize(
    "table", [(0, 10, 0, 20), (3, 150, 1, 60), (10, 10, 0, 10), (7, 50, 31, 200), (2, 400, 9, 300)]
)
def test_fisher_exact(table: tuple[int, int, int, int]) -> None:
    k, n, other, m = table
    expected = scipy.stats.fisher_exact([[k, n - k], [other, m - other]]).pvalue
    assert fisher_exact(k, n, other, m) == pytest.approx(expected, rel=1e-6)


def test_chi_square_of_shares_is_that_of_the_table() -> None:
    one, other = np.array([60, 20, 30, 10, 30]), np.array([200, 50, 80, 60, 110])
    found = chi_square_shares(one / one.sum(), other / other.sum(), int(one.sum()), int(other.sum()))
    expected = scipy.stats.chi2_contingency(np.stack([one, other]), correction=False)
    assert found is not None and found.degrees == 4
    assert (found.statistic, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))


def test_rare_grades_are_put_together_with_the_rarer_neighbour() -> None:
    # Of 50, 5% are 2.5 and 2% are 1: both go together to 3.5, and then to the third.
    shares = np.array([0.7, 0.05, 0.18, 0.05, 0.02])
    found = chi_square_shares(shares, shares, 50, 500)
    # 0.7 | 0.05 + 0.18 ... : the last two make 0.07, which is 3.5 and joins the third; the second joins that too.
    assert found is not None and found.degrees == 1 and found.p == 1.0


@pytest.mark.parametrize(("one", "n"), [([1.0, 0, 0, 0, 0], 50), ([0.2] * 5, 0), ([0.97, 0.03, 0, 0, 0], 20)])
def test_nothing_is_tested_where_one_kind_is_left(one: list[float], n: int) -> None:
    assert chi_square_shares(np.array(one), np.array(one), n, 500) is None
