"""Two graders of the same photographs: intervals and tests of the difference of any figure, over people.

What is drawn or swapped is a person with all of the person's photographs. Both need one thing of a figure alone: its value for
a grader who answers as the first for some people and as the second for others, each counted so and so often.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation.bca import jackknife_weights
from kerasdr.evaluation.intervals import Interval, IntervalKind, no_ends, people_draws, resample_interval

Weights = NDArray[np.float64]
Values = dict[str, NDArray[np.float64]]
Mixed = Callable[[Weights, Weights], Values]
"""Figures by name, ``(r,)`` each, of a grader who answers as the first for people who count ``(r, people)`` times, and as the
second for people who count another ``(r, people)`` times; nan where undefined."""

N_PERMUTATIONS = 5000
# Differences that are equal but for their last bits are ties.
_SLACK = 1e-12


@dataclass(frozen=True)
class Difference:
    """A figure of two graders.

    Attributes:
        first, second: their figures, on the same photographs; nan where undefined.
        interval: second less first, with its interval over people.
        gap: why there is no interval; empty if there is one.
    """

    first: float
    second: float
    interval: Interval
    gap: str


@dataclass(frozen=True)
class Permutation:
    """A permutation test of the difference of a figure.

    Attributes:
        p: two-sided; nan where the figure of a grader is undefined.
        n: how many assignments of answers to graders were looked at.
        exact: whether these are all there are.
    """

    p: float
    n: int
    exact: bool


def paired_differences(
    mixed: Mixed,
    n_people: int,
    n_images: int,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
    at_once: int = 256,
) -> dict[str, Difference]:
    """Return the difference of each figure by the paired bootstrap over people.

    In each resample both graders are judged by the same people, so that what is hard about these people falls out of the
    difference. The draws are those of :func:`~kerasdr.evaluation.intervals.bootstrap_people`.

    Args:
        mixed: the figures.
        n_people, n_images: of how many people and photographs they are.
        n_resamples, seed, level, kind: as of :func:`~kerasdr.evaluation.intervals.bootstrap_people`.
        at_once: how many resamples are computed together.
    """

    def both(weights: Iterable[Weights]) -> tuple[Values, Values]:
        parts = [(mixed(some, np.zeros_like(some)), mixed(np.zeros_like(some), some)) for some in weights]
        return _joined([first for first, _ in parts]), _joined([second for _, second in parts])

    whole_first, whole_second = both([np.ones((1, n_people))])
    if n_people < 2:
        gap = "all photographs are of one person: there are no people to draw from"
        return {
            name: Difference(
                float(first[0]),
                float(whole_second[name][0]),
                Interval(float(whole_second[name][0] - first[0]), np.nan, np.nan, level, n_images, n_people),
                gap,
            )
            for name, first in whole_first.items()
        }
    drawn = both(people_draws(n_people, n_resamples=n_resamples, seed=seed, at_once=at_once))
    left_out = both(jackknife_weights(n_people, at_once)) if kind == "bca" else None
    found = {}
    for name in whole_first:
        first, second = float(whole_first[name][0]), float(whole_second[name][0])
        values = drawn[1][name] - drawn[0][name]
        if np.isnan(second - first):
            values = np.full_like(values, np.nan)
        without = left_out[1][name] - left_out[0][name] if left_out else None
        interval = resample_interval(second - first, values, level, n_images, n_people, without)
        found[name] = Difference(first, second, interval, no_ends(second - first, values, without))
    return found


def paired_permutations(
    mixed: Mixed,
    n_people: int,
    *,
    differ: ArrayLike | None = None,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    at_once: int = 256,
) -> dict[str, Permutation]:
    """Test by permutation whether two graders are alike in each figure, so that either might have said what the other did.

    The answers of a person are swapped as a whole, with probability 1/2, and the difference computed anew. ``p`` is how often
    it is at least as large as it was found, in size; the assignment that was found counts as one of the random ones, so that p
    is never 0 (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9(1), 2010). All assignments are
    enumerated where they are no more than ``n_permutations``. One in which the figure is undefined counts as large.

    Args:
        mixed: the figures.
        n_people: of how many people they are.
        differ: whose answers differ, ``(people,)`` booleans; to swap those of others would change nothing. All if None.
        n_permutations: how many assignments are drawn at most.
        seed: of the draws.
        at_once: how many are computed together.
    """
    movable = np.arange(n_people) if differ is None else np.flatnonzero(np.asarray(differ, dtype=bool))
    exact = len(movable) < 63 and 2 ** len(movable) <= n_permutations
    n = 2 ** len(movable) if exact else n_permutations
    draw = _all_swaps(len(movable), at_once) if exact else _random_swaps(len(movable), n, seed, at_once)

    def difference(swapped: Weights) -> Values:
        kept = 1.0 - swapped
        first, second = mixed(kept, swapped), mixed(swapped, kept)
        return {name: second[name] - first[name] for name in first}

    def whole(some: Weights) -> Weights:
        swapped = np.zeros((len(some), n_people))
        swapped[:, movable] = some
        return swapped

    observed = difference(np.zeros((1, n_people)))
    swapped = _joined([difference(whole(some)) for some in draw])
    found = {}
    for name, values in swapped.items():
        size = abs(float(observed[name][0]))
        # nan compares as False: what is undefined is not small.
        large = int((~(np.abs(values) < size - _SLACK)).sum())
        p = large / n if exact else (large + 1) / (n + 1)
        found[name] = Permutation(float("nan") if np.isnan(size) else p, n, exact)
    return found


def mixed_of_metric(
    metric: Callable[[NDArray[np.generic], NDArray[np.generic]], float],
    truth: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    people: ArrayLike,
) -> Mixed:
    """Return any metric of arrays in the form that this module takes, under the name ``metric``; one call a resample.

    Args:
        metric: of truths ``(m,)`` and answers ``(m,)`` or ``(m, k)``, repeats included; nan where undefined.
        truth: ``(n,)``.
        first, second: answers of the graders, ``(n,)`` or ``(n, k)``. Scores whose scale is each grader's own are to be given
            as ranks (:func:`~kerasdr.evaluation.delong.midranks`) to a permutation test, which mixes them.
        people: the person of each photograph, ``(n,)``.
    """
    owner = np.unique(np.asarray(people), return_inverse=True)[1]
    truths, answers = np.concatenate([truth, truth]), np.concatenate([first, second])
    rows = np.arange(len(truths))

    def mixed(as_first: Weights, as_second: Weights) -> Values:
        times = np.concatenate([as_first[:, owner], as_second[:, owner]], axis=1).astype(np.int64)
        values = []
        for one in times:
            picked = np.repeat(rows, one)
            values.append(metric(truths[picked], answers[picked]))
        return {"metric": np.array(values, dtype=np.float64)}

    return mixed


def _all_swaps(n: int, at_once: int) -> Iterator[Weights]:
    for start in range(0, 2**n, at_once):
        numbers = np.arange(start, min(start + at_once, 2**n), dtype=np.int64)
        yield ((numbers[:, None] >> np.arange(n)) & 1).astype(np.float64)


def _random_swaps(n: int, n_permutations: int, seed: int, at_once: int) -> Iterator[Weights]:
    random = np.random.default_rng(seed)
    for start in range(0, n_permutations, at_once):
        yield random.integers(0, 2, (min(at_once, n_permutations - start), n)).astype(np.float64)


def _joined(parts: list[Values]) -> Values:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
