"""Figures of groups of photographs, such as those of a camera or an age, and how each group differs from all others.

A person may be in several groups (an eye in each, photographs by two cameras). So intervals come from drawing people as a
whole, with all of their photographs in all groups, and p values from exchanging people, or the two parts of one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.groups import Groups
from kerasdr.evaluation.intervals import Interval, resample_interval
from kerasdr.evaluation.subgroup_draws import permuted, resampled
from kerasdr.evaluation.subgroup_figures import COMPARED, FIGURES, Labelled, Values, figures_of, why_undefined
from kerasdr.grades import REFERABLE_FROM
from kerasdr.multiplicity import holm

MIN_PEOPLE = 10
"""Of a group with fewer people no figure is given."""

# Sums of the same numbers in another order differ in their last bits; such a difference is as large.
_SLACK = 1e-12


@dataclass(frozen=True)
class Difference:
    """A group's figure minus that of all other photographs.

    Attributes:
        interval: the difference, with its percentile interval.
        p: two-sided p value of a permutation test.
        p_holm: adjusted for all comparisons of the column.
    """

    interval: Interval
    p: float
    p_holm: float


@dataclass(frozen=True)
class Group:
    """One group.

    Attributes:
        name: of the group.
        photographs, people, graded, referable, referable_people: how many labelled photographs and people it has, photographs
            that were graded, photographs labelled 2 or worse, and people who have one.
        figures: by name (:data:`FIGURES`); nan where undefined.
        undefined: of the figures that are, why.
        differences: by name, as far as they are defined.
        no_difference: of the others in :data:`COMPARED`, why.
    """

    name: str
    photographs: int
    people: int
    graded: int
    referable: int
    referable_people: int
    figures: Mapping[str, Interval]
    undefined: Mapping[str, str]
    differences: Mapping[str, Difference]
    no_difference: Mapping[str, str]


@dataclass(frozen=True)
class Subgroups:
    """The groups of one column.

    Attributes:
        column: its name.
        source: where it stands, in words.
        cut: how numbers were cut, in words, or empty.
        min_people: of a group with fewer no figure is given.
        people_in_several: how many people have photographs in more than one group.
        comparisons: how many p values were adjusted together.
        groups: in their order.
    """

    column: str
    source: str
    cut: str
    min_people: int
    people_in_several: int
    comparisons: int
    groups: tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class _Side:
    """A group, or all others: its figures and why some are undefined."""

    figures: dict[str, Interval]
    undefined: dict[str, str]
    drawn: Values


def subgroups(
    photographs: Labelled,
    groups: Groups,
    column: str,
    source: str = "",
    *,
    min_people: int = MIN_PEOPLE,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Subgroups:
    """Return figures of each group, with intervals, and each group's difference from all other photographs.

    Intervals are percentiles of a bootstrap that draws from all people, each with all photographs
    (:func:`~kerasdr.evaluation.intervals.people_draws`); a group and the others are computed of the same draws, so a person in
    both counts in both.

    The p value of a difference is that of a permutation test over people of the same worst true grade
    (:func:`~kerasdr.evaluation.subgroup_draws.permuted`), so that each side keeps its mix of grades. The hypothesis is that
    answers, given the grades, do not depend on the group. Kappa depends on the mix as such: so the permuted differences need
    not lie around 0, a difference that the mix explains is no evidence, and p is twice the smaller tail. One is added above and
    below (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9(1), 2010). P values of all
    figures and groups of the column are adjusted together by :func:`~kerasdr.multiplicity.holm`; of two groups one
    is compared, since the other's difference is the same with its sign turned.

    Args:
        photographs: all that have a true grade.
        groups: of the same photographs.
        column, source: for the result.
        min_people: figures of fewer people, in the group or among the others, are undefined.
        n_resamples: of the bootstrap and of the permutation test.
        seed: of both.
        level: of the intervals.
    """
    names, owner = np.unique(photographs.people, return_inverse=True)
    members = [groups.of == place for place in range(len(groups.names))]

    def side(member: NDArray[np.bool_], drawn: Values) -> _Side:
        figures = figures_of(photographs, owner, member, drawn, level)
        return _Side(figures, why_undefined(photographs, owner, member, figures, min_people), drawn)

    mirrored = len(members) == 2
    compared = len(members) if len(members) > 2 else len(members) - 1
    wanted = [*members, *(~member for member in members[:compared])]
    drawn = resampled(photographs, owner, wanted, n_resamples, seed)
    sides = [side(member, values) for member, values in zip(wanted, drawn, strict=True)]
    raw: list[dict[str, tuple[Interval, float]]] = []
    gaps: list[dict[str, str]] = []
    for place in range(compared):
        own, others = sides[place], sides[len(members) + place]
        gap = {name: f"of all others, {reason}" for name, reason in others.undefined.items()} | own.undefined
        able = [name for name in COMPARED if name not in gap]
        by_chance = permuted(photographs, owner, members[place], able, n_resamples, seed + 1 + place)
        found = {}
        for name in able:
            value = own.figures[name].value - others.figures[name].value
            interval = resample_interval(value, own.drawn[name] - others.drawn[name], level, len(owner), len(names))
            defined = by_chance[name][np.isfinite(by_chance[name])]
            if np.isnan(interval.low) or len(defined) < n_resamples / 2:
                gap[name] = "undefined in more than half of the resamples"
                continue
            found[name] = interval, _p_value(value, defined)
        raw.append(found)
        gaps.append({name: gap[name] for name in COMPARED if name in gap})
    differences = _adjusted(raw)
    comparisons = sum(map(len, differences))
    if mirrored:
        differences.append({name: _turned(difference) for name, difference in differences[0].items()})
        turned = {name: f"of all others, {reason}" for name, reason in sides[0].undefined.items()} | sides[1].undefined
        gaps.append({name: turned.get(name, reason) for name, reason in gaps[0].items()})
    elif not compared:
        differences, gaps = [{}], [dict.fromkeys(COMPARED, "there is only one group")]
    made = [
        _group(name, photographs, owner, member, own, differ, gap)
        for name, member, own, differ, gap in zip(
            groups.names, members, sides[: len(members)], differences, gaps, strict=True
        )
    ]
    several = sum(len(np.unique(groups.of[owner == person])) > 1 for person in range(len(names)))
    return Subgroups(column, source, groups.cut, min_people, several, comparisons, tuple(made))


def _p_value(value: float, by_chance: NDArray[np.float64]) -> float:
    tails = int((by_chance <= value + _SLACK).sum()), int((by_chance >= value - _SLACK).sum())
    return min(1.0, 2 * (1 + min(tails)) / (1 + len(by_chance)))


def _adjusted(raw: list[dict[str, tuple[Interval, float]]]) -> list[dict[str, Difference]]:
    adjusted = iter(holm([p for found in raw for _, p in found.values()]))
    return [
        {name: Difference(interval, p, float(next(adjusted))) for name, (interval, p) in found.items()} for found in raw
    ]


def _turned(difference: Difference) -> Difference:
    was = difference.interval
    turned = Interval(-was.value, -was.high, -was.low, was.level, was.n_images, was.n_people)
    return Difference(turned, difference.p, difference.p_holm)


def _group(
    name: str,
    photographs: Labelled,
    owner: NDArray[np.int64],
    member: NDArray[np.bool_],
    own: _Side,
    differences: Mapping[str, Difference],
    no_difference: Mapping[str, str],
) -> Group:
    nan = float("nan")
    referable = member & (photographs.truth >= REFERABLE_FROM)
    return Group(
        name=name,
        photographs=int(member.sum()),
        people=len(np.unique(owner[member])),
        graded=int((member & photographs.graded).sum()),
        referable=int(referable.sum()),
        referable_people=len(np.unique(owner[referable])),
        # Of too few people nothing is given, whatever could be computed.
        figures={
            figure: replace(found, value=nan, low=nan, high=nan) if figure in own.undefined else found
            for figure, found in ((figure, own.figures[figure]) for figure in FIGURES)
        },
        undefined=own.undefined,
        differences=differences,
        no_difference=no_difference,
    )
