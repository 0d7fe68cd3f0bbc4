"""The severity at which a figure has fallen by a given amount, with an interval; never reaching it is an answer."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limit:
    """A severity; infinite where the fall is not reached at the severities that were tried.

    Attributes:
        value: on all people, interpolated; nan where nothing is defined but the unchanged photographs.
        low, high: ends of the percentile interval; nan where it is undefined. One between severities more than 1 apart is
            the lower or the higher of the two.
        fall: that was looked for.
        last: the highest severity at which the fall is known.
        not_reached: share of the resamples in which it is not reached; nan where undefined.
        between: the severities on either side of the value where they are more than 1 apart, so that nobody knows where
            between them it is; else None.
    """

    value: float
    low: float
    high: float
    fall: float
    last: float
    not_reached: float
    between: tuple[float, float] | None = None

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "undefined: the fall is known at no severity above 0"
        shown = f"{self.value:.1f}" if np.isfinite(self.value) else f"not reached up to {self.last:g}"
        if self.between:
            shown = between_text(self.between)
        if np.isnan(self.low):
            return shown
        if np.isinf(self.low):
            return f"{shown} (at neither end of the interval)"
        return f"{shown} ({self.low:.1f} to {f'{self.high:.1f}' if np.isfinite(self.high) else 'not reached'})"


def between_text(between: Sequence[float]) -> str:
    """Say that a severity is between two, of which nothing between was measured."""
    low, high = between
    return f"between {low:g} and {high:g}, with none between them measured"


def first_crossing(severities: Sequence[float], falls: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Return the least severity at which each curve reaches a fall, interpolated linearly between steps.

    Args:
        severities: ``(s,)``, rising, the first 0.
        falls: ``(r, s)``; a step where a fall is nan is passed over, and the curve goes straight from the step before it to
            the next.
        threshold: above 0.

    Returns:
        ``(r,)``: inf where it is not reached, nan where nothing is known but the first step.
    """
    found = np.full(len(falls), np.inf)
    before = np.zeros(len(falls))
    at = np.full(len(falls), severities[0], dtype=np.float64)
    known = np.zeros(len(falls), dtype=bool)
    for place in range(1, len(severities)):
        fall = falls[:, place]
        defined = ~np.isnan(fall)
        crossed = defined & np.isinf(found) & (fall >= threshold)
        share = (threshold - before[crossed]) / (fall[crossed] - before[crossed])
        found[crossed] = at[crossed] + share * (severities[place] - at[crossed])
        before, at = np.where(defined, fall, before), np.where(defined, severities[place], at)
        known |= defined
    return np.where(known, found, np.nan)


def severity_limit(
    severities: Sequence[float], falls: NDArray[np.float64], threshold: float, *, level: float = 0.95
) -> Limit:
    """Return the severity of a fall with its percentile interval.

    Percentiles are of the resamples themselves, not interpolated, so that an end may be infinite.

    Args:
        severities: ``(s,)``, rising, the first 0.
        falls: ``(1 + r, s)``, of all people and of each resample.
        threshold: the fall.
        level: of the interval.
    """
    values = first_crossing(severities, falls, threshold)
    known = [severity for severity, fall in zip(severities, falls[0], strict=True) if not np.isnan(fall)]
    defined = values[1:][~np.isnan(values[1:])]
    low = high = not_reached = float("nan")
    if not np.isnan(values[0]) and len(defined) >= max(1, (len(values) - 1) / 2):
        tail = (1.0 - level) / 2.0
        low, high = (float(end) for end in np.quantile(defined, [tail, 1.0 - tail], method="inverted_cdf"))
        not_reached = float(np.isinf(defined).mean())
        low, high = (_gap(known, low) or (low,))[0], (_gap(known, high) or (high,))[-1]
    value = float(values[0])
    return Limit(value, low, high, threshold, max(known, default=0.0), not_reached, _gap(known, value))


def _gap(known: Sequence[float], value: float) -> tuple[float, float] | None:
    """Return the severities on either side of a value if they are more than 1 apart."""
    pairs = itertools.pairwise(known)
    return next(((low, high) for low, high in pairs if low < value < high and high - low > 1.0), None)
