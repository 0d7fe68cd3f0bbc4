"""Figures of heat maps over photographs: the mean of each, and of each difference between maps, with intervals over people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.intervals import Interval, mean_interval
from kerasdr.grades import REFERABLE_FROM

if TYPE_CHECKING:
    import pandas as pd

GROUPS: Final = {
    "with_lesions": "all photographs with lesions",
    "rightly_referable": "with lesions, of grade 2 or worse and graded 2 or worse",
    "wrongly_graded": "with lesions, given another grade than their own",
}
"""Groups of photographs: what each is called and what it holds."""


@dataclass(frozen=True)
class MapFigure:
    """A figure of a map, or of one map minus another on the same photographs.

    Attributes:
        group: of photographs.
        map: its name.
        minus: the map whose figure is taken off, photograph by photograph; empty if none is.
        figure: its name.
        interval: mean over photographs, with its interval over people.
        gap: why value or interval are undefined; empty if neither is.
    """

    group: str
    map: str
    minus: str
    figure: str
    interval: Interval
    gap: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, what is undefined as None."""
        one = self.interval

        def plain(value: float) -> float | None:
            return value if np.isfinite(value) else None

        return {
            "group": self.group,
            "map": self.map,
            "minus": self.minus,
            "figure": self.figure,
            "value": plain(one.value),
            "low": plain(one.low),
            "high": plain(one.high),
            "n_photographs": one.n_images,
            "n_people": one.n_people,
            "undefined": self.gap,
        }


def in_groups(grades: Sequence[int | None], predicted: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
    """Return who is in each of :data:`GROUPS`, ``(n,)`` booleans by name.

    Args:
        grades: of photographs that have lesions, None where unknown.
        predicted: the ensemble's.
    """
    truth = np.array([-1 if grade is None else grade for grade in grades])
    guess = np.asarray(predicted)
    return {
        "with_lesions": np.ones(len(truth), dtype=bool),
        "rightly_referable": (truth >= REFERABLE_FROM) & (guess >= REFERABLE_FROM),
        "wrongly_graded": (truth >= 0) & (truth != guess),
    }


def summarise(
    scores: "pd.DataFrame",
    figures: Sequence[str],
    groups: Mapping[str, NDArray[np.bool_]],
    versus: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    n_resamples: int = 2000,
) -> list[MapFigure]:
    """Return every figure of every map, and of the maps in ``versus`` minus those that they are held against.

    Args:
        scores: one row a photograph and map: columns ``image_id``, ``patient_id``, ``map`` and the figures, nan where one is
            undefined; all maps have the same photographs in the same order.
        figures: the columns to take.
        groups: which of the photographs, ``(n,)``, by name.
        versus: of a map's name, the others.
        seed, n_resamples: of the bootstrap.

    Raises:
        ValueError: if maps do not have the same photographs.
    """
    by_map = {str(name): part for name, part in scores.groupby("map", sort=False)}
    first = next(iter(by_map.values()))
    for name, part in by_map.items():
        if list(part["image_id"]) != list(first["image_id"]):
            raise ValueError(f"map {name!r} is not of the same photographs as the others")
    people = first["patient_id"].to_numpy()
    values = {name: {figure: part[figure].to_numpy(np.float64) for figure in figures} for name, part in by_map.items()}
    pairs = [(name, "") for name in by_map]
    pairs += [(name, other) for name, others in versus.items() for other in others]
    found = []
    for group, members in groups.items():
        for name, other in pairs:
            for figure in figures:
                own = values[name][figure][members]
                own = own - values[other][figure][members] if other else own
                interval = mean_interval(own, people[members], seed=seed, n_resamples=n_resamples)
                found.append(
                    MapFigure(group, name, other, figure, interval, why_undefined(interval, int(members.sum())))
                )
    return found


def why_undefined(interval: Interval, photographs: int) -> str:
    """Return why a figure of a group of so many photographs, or its interval, is undefined; empty if neither is."""
    if not photographs:
        return "the group has no photograph"
    if not interval.n_images:
        return "no map of the group has heat on the retina"
    if interval.n_people < 2:
        return "no interval, as all photographs are of one person"
    return ""
