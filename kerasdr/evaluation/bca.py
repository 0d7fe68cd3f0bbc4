"""The bias-corrected and accelerated bootstrap: which percentiles of the resamples are the ends of an interval.

Source: Efron, "Better bootstrap confidence intervals", JASA 82(397), 1987; formulas as in Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, section 14.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_NORMAL = NormalDist()
# Figures that are equal but for the last bits count as equal, in ties and in how much they vary.
_SLACK = 1e-12


@dataclass(frozen=True)
class Correction:
    """What BCa corrects percentiles by.

    Attributes:
        bias: z0, how far the figure lies from the median of its resamples, in standard normal units.
        acceleration: a, how fast the figure's standard error changes with its true value.
        gap: why they are undefined (and nan); empty if they are not.
    """

    bias: float
    acceleration: float
    gap: str = ""

    def percentiles(self, level: float) -> tuple[float, float]:
        """Return the two shares of resamples below the ends (equation 14.10); nan where undefined.

        Args:
            level: nominal coverage, such as 0.95.
        """
        low, high = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
        return self._share(_NORMAL.inv_cdf(low)), self._share(_NORMAL.inv_cdf(high))

    def _share(self, z: float) -> float:
        shifted = self.bias + z
        below = 1.0 - self.acceleration * shifted
        if self.gap:
            return float("nan")
        # |a| is at most 1/6, so bias and z together must pass 6 to get to the limit: far beyond what resamples can show.
        if below <= 0.0:
            return 0.0 if shifted < 0.0 else 1.0
        return _NORMAL.cdf(self.bias + shifted / below)


def bca_correction(value: float, values: NDArray[np.float64], left_out: NDArray[np.float64]) -> Correction:
    """Return bias and acceleration (equations 14.14 and 14.15).

    A resample that equals the figure counts half below it: figures of few people take few values, and ties would else look
    like bias. Where the figure is the same whoever is left out, nothing accelerates, and ``a`` is 0.

    Args:
        value: the figure on all people.
        values: of the resamples, ``(r,)``; nan where undefined, which is left out.
        left_out: the figure without each of the people in turn, ``(people,)``.
    """
    drawn = values[np.isfinite(values)]
    slack = _SLACK * max(1.0, abs(value)) if np.isfinite(value) else 0.0
    if not len(drawn) or not np.isfinite(value):
        return _undefined("the figure has no resamples")
    below, above = np.mean(drawn < value - slack), np.mean(drawn > value + slack)
    share = float(below + (1.0 - below - above) / 2.0)
    if not 0.0 < share < 1.0:
        return _undefined(f"all resamples are {'below' if share == 1.0 else 'above'} the figure itself")
    if not np.isfinite(left_out).all():
        count = int((~np.isfinite(left_out)).sum())
        return _undefined(f"it is undefined without one of {count} {'people' if count > 1 else 'person'}")
    distance = left_out.mean() - left_out
    spread = float((distance**2).sum())
    acceleration = 0.0 if spread <= slack**2 * len(distance) else float((distance**3).sum() / (6.0 * spread**1.5))
    return Correction(_NORMAL.inv_cdf(share), acceleration)


def jackknife_weights(n_people: int, at_once: int = 256) -> Iterator[NDArray[np.float64]]:
    """Yield how often each person counts when each in turn is left out: once, and the one not at all.

    Args:
        n_people: how many there are.
        at_once: how many rows are yielded together.

    Yields:
        Zeros and ones ``(at_once or fewer, n_people)``.
    """
    for start in range(0, n_people, at_once):
        rows = min(at_once, n_people - start)
        weights = np.ones((rows, n_people))
        weights[np.arange(rows), start + np.arange(rows)] = 0.0
        yield weights


def _undefined(gap: str) -> Correction:
    return Correction(float("nan"), float("nan"), gap)
