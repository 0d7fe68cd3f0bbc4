"""Every figure of two graders with the difference's interval and tests, and why one is undefined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.delong import AreaTest, compare_areas
from kerasdr.evaluation.graded import Graded, Screened
from kerasdr.evaluation.intervals import CELLS_AT_ONCE, Interval, IntervalKind
from kerasdr.evaluation.paired import (
    N_PERMUTATIONS,
    Difference,
    Mixed,
    Permutation,
    paired_differences,
    paired_permutations,
)
from kerasdr.evaluation.paired_grades import (
    mixed_of_graded,
    mixed_of_screened,
    people_screened_differently,
    people_who_differ,
)
from kerasdr.evaluation.standard_figures import why_undefined, why_undefined_of_screened
from kerasdr.grades import REFERABLE_FROM, SIGHT_THREATENING_FROM
from kerasdr.multiplicity import holm


@dataclass(frozen=True)
class PairedFigure:
    """One figure of two graders.

    Attributes:
        difference: the second's less the first's; its gap says why there is no interval.
        undefined: why the figure of one of them is, or an empty text.
        permutation: its test; None where undefined.
        p_holm: adjusted for all permutation tests that :func:`with_holm` saw; nan where undefined, or before that.
        delong: of areas under the curve; else None.
    """

    difference: Difference
    undefined: str
    permutation: Permutation | None
    p_holm: float
    delong: AreaTest | None


def paired_figures(
    graded: tuple[Graded, Graded],
    screened: tuple[Screened, Screened],
    names: tuple[str, str] = ("the first", "the second"),
    *,
    n_resamples: int = 2000,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    kind: IntervalKind = "percentile",
) -> dict[str, PairedFigure]:
    """Return the figures of two graders by name.

    Args:
        graded: what both graded, entries in the same order.
        screened: all entries, for figures by intention to screen, in the same order.
        names: of the graders, for reasons.
        n_resamples, seed, kind: of the paired bootstrap.
        n_permutations, seed: of the permutation tests.

    Returns:
        The figures of :func:`~kerasdr.evaluation.paired_grades.mixed_of_graded` and
        :func:`~kerasdr.evaluation.paired_grades.mixed_of_screened`.
    """
    settings = {"n_resamples": n_resamples, "seed": seed, "kind": kind}
    first, second = graded
    found = _tested(mixed_of_graded(*graded), first, people_who_differ(*graded), settings, n_permutations)
    for name, figure in found.items():
        if np.isnan(figure.difference.interval.value):
            lacking = first if np.isnan(figure.difference.first) else second
            found[name] = replace(figure, undefined=why_undefined(name, lacking))
    for name, lowest, sides in (
        ("auc_referable", REFERABLE_FROM, (first.p_referable, second.p_referable)),
        ("auc_sight_threatening", SIGHT_THREATENING_FROM, (first.p_sight_threatening, second.p_sight_threatening)),
    ):
        if sides[0] is None or sides[1] is None:
            without = dict.fromkeys(one for one, side in zip(names, sides, strict=True) if side is None)
            found[name] = _nothing(first, f"no probabilities (columns prob_0 to prob_4) in {' and '.join(without)}")
        else:
            test = compare_areas(first.truth >= lowest, sides[0], sides[1], first.people)
            found[name] = replace(found[name], delong=test)
    by_screening = _tested(
        mixed_of_screened(*screened), screened[0], people_screened_differently(*screened), settings, n_permutations
    )
    for name, figure in by_screening.items():
        undefined = why_undefined_of_screened(screened[0]) if np.isnan(figure.difference.interval.value) else ""
        found[name] = replace(figure, undefined=undefined)
    return found


def with_holm(parts: Sequence[dict[str, PairedFigure]]) -> tuple[list[dict[str, PairedFigure]], int]:
    """Return figures with the p values of their permutation tests adjusted for all of them, and how many tests that were."""
    keys = [(index, name) for index, part in enumerate(parts) for name in part]
    tests = [parts[index][name].permutation for index, name in keys]
    p = np.array([np.nan if test is None else test.p for test in tests])
    adjusted: list[dict[str, PairedFigure]] = [{} for _ in parts]
    for (index, name), value in zip(keys, holm(p), strict=True):
        adjusted[index][name] = replace(parts[index][name], p_holm=float(value))
    return adjusted, int((~np.isnan(p)).sum())


def _tested(
    mixed: Mixed, entries: Graded | Screened, differ: NDArray[np.bool_], settings: dict[str, Any], n_permutations: int
) -> dict[str, PairedFigure]:
    at_once = max(1, CELLS_AT_ONCE // max(1, 2 * len(entries)))
    differences = paired_differences(mixed, len(differ), entries.n_images, at_once=at_once, **settings)
    tests = paired_permutations(
        mixed, len(differ), differ=differ, n_permutations=n_permutations, seed=settings["seed"], at_once=at_once
    )
    return {
        name: PairedFigure(one, "", None if np.isnan(tests[name].p) else tests[name], float("nan"), None)
        for name, one in differences.items()
    }


def _nothing(entries: Graded, reason: str) -> PairedFigure:
    nan = float("nan")
    interval = Interval(nan, nan, nan, 0.95, entries.n_images, len(np.unique(entries.people)))
    return PairedFigure(Difference(nan, nan, interval, reason), reason, None, nan, None)
