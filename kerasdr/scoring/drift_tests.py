"""The tests of two samples that drift needs, written by hand: scoring loads no statistics library."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class ChiSquare:
    """Statistic, degrees of freedom and p of a chi-square test."""

    statistic: float
    degrees: int
    p: float


def chi_square_shares(one: NDArray[np.float64], other: NDArray[np.float64], n: int, m: int) -> ChiSquare | None:
    """Test whether two samples have the same shares of ordered kinds (Pearson's test of homogeneity).

    Kinds that would be expected fewer than five times in the smaller sample are put together with the neighbour that is
    expected less often.

    Args:
        one, other: shares ``(k,)``, each summing to 1.
        n, m: sizes of the samples.

    Returns:
        None if a sample is empty or fewer than two kinds are left.
    """
    if n == 0 or m == 0:
        return None
    first, second = list(one * n), list(other * m)
    while len(first) > 1:
        pooled = [(a + b) / (n + m) for a, b in zip(first, second, strict=True)]
        rarest = int(np.argmin(pooled))
        if pooled[rarest] * min(n, m) >= _LEAST_EXPECTED:
            break
        sides = [place for place in (rarest - 1, rarest + 1) if 0 <= place < len(first)]
        kept = min(sides, key=lambda place: pooled[place])
        for counts in (first, second):
            counts[kept] += counts[rarest]
            del counts[rarest]
    if len(first) < 2:
        return None
    statistic = 0.0
    for a, b in zip(first, second, strict=True):
        pooled_share = (a + b) / (n + m)
        statistic += (a - n * pooled_share) ** 2 / (n * pooled_share) + (b - m * pooled_share) ** 2 / (m * pooled_share)
    return ChiSquare(statistic, len(first) - 1, chi_square_tail(statistic, len(first) - 1))


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Return the probability that chi-square with 1 or more degrees of freedom is at least ``statistic``.

    The finite sums for whole degrees of freedom (Abramowitz and Stegun, 26.4.4 and 26.4.5).
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    tail = math.exp(-half) if degrees % 2 == 0 else math.erfc(math.sqrt(half))
    begin = 1.0 if degrees % 2 == 0 else 0.5
    for power in np.arange(begin, degrees / 2, 1.0):
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1.0))
    return min(1.0, tail)


def fisher_exact(k: int, n: int, other_k: int, m: int) -> float:
    """Return the two-sided p of Fisher's exact test: ``k`` of ``n`` against ``other_k`` of ``m``.

    Summed are the probabilities of all tables with the same margins that are no likelier than the one seen.
    """
    drawn = k + other_k
    least, most = max(0, drawn - m), min(n, drawn)

    def log_choose(total: int, part: int) -> float:
        return math.lgamma(total + 1) - math.lgamma(part + 1) - math.lgamma(total - part + 1)

    logs = [log_choose(n, x) + log_choose(m, drawn - x) - log_choose(n + m, drawn) for x in range(least, most + 1)]
    seen = logs[k - least]
    # Tables that are equally likely differ in their last digits.
    return min(1.0, math.fsum(math.exp(value) for value in logs if value <= seen + 1e-7))


def kolmogorov_tail(distance: float, n: float) -> float:
    """Return the probability of a distance of two distribution functions at least as large, with no difference.

    The limiting series with Stephens's correction for small samples (M. A. Stephens, J. R. Stat. Soc. B 32, 1970).

    Args:
        distance: the largest, 0..1.
        n: the samples' common size, ``n m / (n + m)`` of sizes n and m.
    """
    root = math.sqrt(n)
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:  # the series does not converge there, and its value is 1 to twelve digits
        return 1.0
    terms = (2.0 * (-1) ** (j - 1) * math.exp(-2.0 * (j * scaled) ** 2) for j in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))
