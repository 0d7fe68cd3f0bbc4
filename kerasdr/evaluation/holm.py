"""Several tests at once: Holm's adjustment of p values."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p values adjusted for their number (Holm, Scandinavian Journal of Statistics 6(2), 1979).

    The smallest is multiplied by their number n, the next by n - 1, and so on; none is below one before it, or above 1.

    Args:
        p: ``(n,)`` in 0-1.

    Returns:
        ``(n,)``, in the order of ``p``.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    return adjusted
