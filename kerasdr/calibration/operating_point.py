"""The threshold on the probability of referable retinopathy that reaches a target on validation."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.grades import REFERABLE_FROM, probability_from

TargetFigure = Literal["sensitivity", "specificity"]

FEWEST_PEOPLE = 10
"""Of the kind that the target speaks of; more where the target is above 0.9."""

# Counts are whole numbers, a share of them such as 0.1 * 30 need not be.
_SLACK = 1e-9


class UndefinedThreshold(ValueError):
    """No threshold can be set; the message says why."""


def choose_threshold(
    grades: ArrayLike, probabilities: ArrayLike, people: ArrayLike, figure: TargetFigure, value: float
) -> float:
    """Return the threshold from which on a photograph is called positive.

    Of all thresholds that reach the target on these photographs it is the one with the best other figure. It lies halfway
    between the two probabilities that it tells apart (or between the last one and 0 or 1), so that it does not hang on the
    last digits of one photograph.

    A sensitivity of 0.9 means nothing over fewer than ten people who have what is looked for: no share of them is
    between 0.9 and 1. So there must be at least 10 such people, and at least 1 / (1 - value).

    Args:
        grades: ``(n,)``, 0-4; referable is 2 or worse.
        probabilities: calibrated, ``(n, 5)``, of people whom the calibration has not seen.
        people: ``(n,)``.
        figure: what is to be reached.
        value: how much of it, between 0 and 1.

    Raises:
        UndefinedThreshold: if there are too few people, or no threshold reaches the target.
    """
    positive = np.asarray(grades) >= REFERABLE_FROM
    persons = np.asarray(people)
    scores = _scores(probabilities)
    spoken_of, other = (positive, ~positive) if figure == "sensitivity" else (~positive, positive)
    needed = max(FEWEST_PEOPLE, math.ceil(1.0 / (1.0 - value) - _SLACK))
    there = len(np.unique(persons[spoken_of]))
    kind = "a referable photograph" if figure == "sensitivity" else "a photograph that is not referable"
    if there < needed:
        raise UndefinedThreshold(
            f"{there} validation people have {kind}, and a {figure} of {value:g} needs {needed}: give validation more"
        )
    if not other.any():
        raise UndefinedThreshold(f"every validation photograph is {'' if positive.any() else 'not '}referable")
    levels = np.unique(scores)[::-1]
    tp = np.array([(positive & (scores >= level)).sum() for level in levels])
    fp = np.array([(~positive & (scores >= level)).sum() for level in levels])
    if figure == "sensitivity":
        lowest = int(np.argmax(tp >= value * positive.sum() - _SLACK))
        below = levels[lowest + 1] if lowest + 1 < len(levels) else 0.0
        return float((levels[lowest] + below) / 2.0)
    allowed = int(
        (fp <= (1.0 - value) * (~positive).sum() + _SLACK).sum()
    )  # fp never falls, so these are the first ones
    if allowed == 0 and levels[0] >= 1.0:
        raise UndefinedThreshold(
            f"photographs that are not referable are called so with certainty: no {figure} {value:g}"
        )
    above = levels[allowed - 1] if allowed else 1.0
    return float((above + (levels[allowed] if allowed < len(levels) else 0.0)) / 2.0)


def screened_positive(probabilities: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return which photographs are called positive, ``(n,)`` booleans.

    Args:
        probabilities: calibrated, ``(n, 5)``.
        threshold: from :func:`choose_threshold`.
    """
    called: NDArray[np.bool_] = _scores(probabilities) >= threshold
    return called


def _scores(probabilities: ArrayLike) -> NDArray[np.float64]:
    # Sums of the same numbers in another order differ in their last bit; they are ties all the same.
    return probability_from(probabilities, REFERABLE_FROM).round(12)
