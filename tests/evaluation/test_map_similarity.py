import warnings

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from kerasdr.evaluation.map_similarity import correlation, rank_correlation


def test_as_scipy() -> None:
    random = np.random.default_rng(1)
    a = np.round(random.random((7, 9)), 1)  # with ties
    b = a + np.round(random.random((7, 9)), 1)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert correlation(a, b) == pytest.approx(pearsonr(a.ravel(), b.ravel()).statistic)
    where = random.random((7, 9)) < 0.5
    assert rank_correlation(a, b, where) == pytest.approx(spearmanr(a[where], b[where]).statistic)


def test_ranks_alone_count() -> None:
    a = np.arange(12.0).reshape(3, 4)
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert correlation(a, np.exp(a)) < 0.8


def test_constant_maps_are_undefined_without_a_warning() -> None:
    a, even = np.arange(4.0).reshape(2, 2), np.ones((2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(rank_correlation(a, even)) and np.isnan(correlation(even, a))
        assert np.isnan(correlation(a, a, np.zeros((2, 2), bool)))
    with pytest.raises(ValueError, match="one shape"):
        correlation(a, np.arange(6.0).reshape(2, 3))
