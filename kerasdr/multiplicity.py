"""Many tests at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p values adjusted for all that are given (Holm, Scandinavian Journal of Statistics 6(2), 1979).

    To call those at most 5% significant keeps the chance of any false one among them at 5%, however the tests depend on one
    another.

    Args:
        p: ``(m,)``, each in 0-1; nan where a test is undefined, which does not count as one of them and stays nan.

    Raises:
        ValueError: if a value is not in 0-1.
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full_like(given, np.nan)
    tests = np.flatnonzero(~np.isnan(given))
    if ((given[tests] < 0.0) | (given[tests] > 1.0)).any():
        raise ValueError(f"p values must be from 0 to 1, got {given}")
    order = tests[np.argsort(given[tests], kind="stable")]
    steps = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted
