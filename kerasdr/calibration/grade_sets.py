"""Sets of neighbouring grades that hold the true one for a stated share of photographs of new people.

Ordinal adaptive prediction sets (Lu, Angelopoulos and Pomerantz, "Improving trustworthiness of AI disease severity rating in
medical imaging with ordinal conformal prediction sets", MICCAI 2022): a set begins with the most probable grade and takes in
the more probable of its two neighbours until its probability reaches a quantile that was found on validation.

The quantile is found by hierarchical conformal prediction (Lee, Barber and Willett, "Distribution-free inference with
hierarchical data", 2023; Dunn, Wasserman and Ramdas, "Distribution-free prediction sets for two-layer hierarchical models",
Journal of the American Statistical Association 118(544), 2023). Photographs of one person are not exchangeable with those of
others, people are: each person's photographs share a weight of 1/(K + 1), and as much lies at infinity for the person who
comes next. If that person is exchangeable with the K of validation, and scores are of maps that did not see them, a
photograph of hers has its true grade in its set with a probability of at least the level; over people, not for each grade
or group of people.

MAPIE has split conformal sets, but neither ordinal ones nor people; where a person has one photograph and probabilities fall
on both sides of the mode, both define the same sets, and tests compare them.
"""

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.grades import N_GRADES, REFERABLE_FROM

# Weights such as 1/71 summed seventy times over; far below any of them.
_SLACK = 1e-12


def growth_scores(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return for each grade the probability of the set that it is taken into, before it is, ``(N, 5)`` in 0-1.

    Sums that rounding takes above 1 count as 1.

    The most probable grade has 0 (the least of equals, as the grade itself). Of two neighbours that are equally probable
    the worse one is taken first.

    Args:
        probabilities: ``(N, 5)``.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    rows = np.arange(len(p))
    # A border that cannot be crossed stands on either side.
    bordered = np.pad(p, ((0, 0), (1, 1)), constant_values=-1.0)
    low = p.argmax(axis=1)
    high = low.copy()
    scores = np.zeros_like(p)
    mass = p[rows, low]
    for _ in range(N_GRADES - 1):
        below, above = bordered[rows, low], bordered[rows, high + 2]
        up = above >= below
        high, low = high + up, low - ~up
        taken = np.where(up, high, low)
        scores[rows, taken] = np.minimum(mass, 1.0)
        mass = mass + p[rows, taken]
    return scores


def true_grade_scores(probabilities: ArrayLike, grades: ArrayLike) -> NDArray[np.float64]:
    """Return the score of each photograph's true grade, ``(N,)``; see :func:`growth_scores`."""
    truth = np.asarray(grades, dtype=np.int64)
    own: NDArray[np.float64] = growth_scores(probabilities)[np.arange(len(truth)), truth]
    return own


def conformal_quantile(scores: ArrayLike, people: ArrayLike, level: float) -> float | None:
    """Return the score at the level, each of K people weighing 1/(K + 1) and infinity as much.

    Args:
        scores: of the true grades, ``(N,)``.
        people: the person of each, ``(N,)``.
        level: of coverage, such as 0.9.

    Returns:
        The quantile; None where it is infinite, as with fewer than 9 people at 0.9: only all grades together are sure to
        hold the true one that often.
    """
    values = np.asarray(scores, dtype=np.float64)
    names, owner, counts = np.unique(np.asarray(people), return_inverse=True, return_counts=True)
    weights = 1.0 / ((len(names) + 1) * counts[owner])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, level - _SLACK))
    return float(values[order[place]]) if place < len(values) else None


def set_bounds(probabilities: ArrayLike, quantile: float | None) -> NDArray[np.int64]:
    """Return the lowest and the highest grade of each photograph's set, ``(N, 2)``.

    Args:
        probabilities: ``(N, 5)``.
        quantile: from :func:`conformal_quantile`.
    """
    scores = growth_scores(probabilities)
    taken = scores <= (np.inf if quantile is None else quantile)
    low = taken.argmax(axis=1)
    high = N_GRADES - 1 - taken[:, ::-1].argmax(axis=1)
    return np.column_stack([low, high]).astype(np.int64)


def set_text(low: int, high: int) -> str:
    """Return a set as text: ``3``, or ``1 to 2``, which no spreadsheet takes for a date as it does ``1-2``."""
    return f"{low}" if low == high else f"{low} to {high}"


def read_set(text: str) -> tuple[int, int]:
    """Read what :func:`set_text` wrote, or other tools may: ``1-2``.

    Raises:
        ValueError: if it is no grade and no range of grades.
    """
    found = re.fullmatch(rf"([0-{N_GRADES - 1}])(?:\s*(?:to|-)\s*([0-{N_GRADES - 1}]))?", text.strip())
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise ValueError(f"{text!r} is no set of grades such as 3 or 1 to 2")
    return int(found[1]), int(found[2] or found[1])


def spans_referral(bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which sets ``(N, 2)`` hold both a grade that is referable and one that is not, ``(N,)`` booleans."""
    spans: NDArray[np.bool_] = (bounds[:, 0] < REFERABLE_FROM) & (bounds[:, 1] >= REFERABLE_FROM)
    return spans
