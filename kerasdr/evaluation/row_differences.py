"""Rows of a table compared with one of them: the paired difference of average kappa, where they graded the same photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.number_text import p_text, signed
from kerasdr.evaluation.over_runs import Predictions
from kerasdr.evaluation.paired import paired_differences, paired_permutations
from kerasdr.evaluation.paired_grades import mixed_of_runs
from kerasdr.multiplicity import holm

Key = tuple[int, str]
"""What tells the runs of a row apart, and says which run of another row one is compared with: seed, and data with split."""


@dataclass(frozen=True)
class RowDifference:
    """A row less the reference.

    Attributes:
        interval: of the difference of average kappa, with its interval over people.
        p: of its permutation test over people.
        p_holm: that adjusted for all rows that were compared with this reference.
        seeds: of the runs that both rows have, of which it is.
    """

    interval: Interval
    p: float
    p_holm: float
    seeds: tuple[int, ...]


def row_differences(
    reference: Mapping[Key, Predictions], others: Sequence[Mapping[Key, Predictions]], *, seed: int = 0
) -> list[RowDifference | None]:
    """Return each row's difference from the reference.

    A run is paired with the reference's run of the same seed and data; all runs must have graded the same photographs, with the
    same true grades. Chance of training is in it only as far as these seeds go, as in
    :func:`~kerasdr.evaluation.over_runs.average_kappa`.

    Args:
        reference: its runs.
        others: the runs of each other row.
        seed: of bootstrap and permutations.

    Returns:
        One a row; None where no run can be paired, or photographs differ.
    """
    found: list[RowDifference | None] = []
    for other in others:
        keys = sorted(reference.keys() & other.keys())
        runs = [_sorted(part[key]) for part in (reference, other) for key in keys]
        if not runs or not all(_same_photographs(runs[0], run) for run in runs[1:]):
            found.append(None)
            continue
        mixed = mixed_of_runs(runs[: len(keys)], runs[len(keys) :])
        n_people, n_images = len(np.unique(runs[0].people)), len(runs[0].images)
        interval = paired_differences(mixed, n_people, n_images, seed=seed)["average_kappa"].interval
        p = paired_permutations(mixed, n_people, seed=seed)["average_kappa"].p
        found.append(RowDifference(interval, p, p, tuple(key[0] for key in keys)))
    adjusted = holm([np.nan if one is None else one.p for one in found])
    return [
        None if one is None else RowDifference(one.interval, one.p, float(p_holm), one.seeds)
        for one, p_holm in zip(found, adjusted, strict=True)
    ]


def difference_text(difference: RowDifference | None) -> str:
    """Return ``+0.0312 (-0.010 to +0.075), p 0.14``, the p value adjusted, or that it is undefined; an empty text for None."""
    if difference is None:
        return ""
    one = difference.interval
    if np.isnan(one.value):
        return "undefined: one of the two has no average kappa"
    ends = "no interval" if np.isnan(one.low) else f"{signed(one.low)} to {signed(one.high)}"
    return f"{signed(one.value, 4)} ({ends}), p {p_text(difference.p_holm)}"


def _sorted(run: Predictions) -> Predictions:
    order = np.argsort(run.images)
    return Predictions(run.images[order], run.people[order], run.grades[order], run.predicted[order])


def _same_photographs(first: Predictions, second: Predictions) -> bool:
    return (
        np.array_equal(first.images, second.images)
        and np.array_equal(first.people, second.people)
        and np.array_equal(first.grades, second.grades)
    )
