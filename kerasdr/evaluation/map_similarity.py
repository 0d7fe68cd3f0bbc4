"""How alike two heat maps are: the measure of the sanity checks.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, compare by Spearman's rank correlation among others.
"""

import numpy as np
from numpy.typing import NDArray


def rank_correlation(
    first: NDArray[np.floating], second: NDArray[np.floating], where: NDArray[np.bool_] | None = None
) -> float:
    """Return Spearman's rank correlation of two maps over their cells, -1..1; nan where a map is constant.

    Args:
        first, second: ``(h, w)``.
        where: ``(h, w)``: cells to compare; all if None.
    """
    from scipy.stats import rankdata

    return correlation(*(rankdata(_values(heat, where)) for heat in (first, second)))


def correlation(
    first: NDArray[np.floating], second: NDArray[np.floating], where: NDArray[np.bool_] | None = None
) -> float:
    """Return Pearson's correlation of two maps over their cells, -1..1; nan where a map is constant."""
    a, b = (_values(heat, where) for heat in (first, second))
    if a.shape != b.shape:
        raise ValueError(f"maps must be of one shape, got {first.shape} and {second.shape}")
    if not len(a) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _values(heat: NDArray[np.floating], where: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    return np.asarray(heat if where is None else heat[where], np.float64).ravel()
