"""Who is drawn: grades of both eyes, and what a person's eyes have in common."""

from dataclasses import dataclass
from typing import Final

import numpy as np

# Share of people by the grade of the worse eye: more disease than in screening, so that small sets hold every grade.
_WORSE_EYE: Final = (0.34, 0.16, 0.24, 0.13, 0.13)
# How far the better eye lies below the worse one.
_BETTER_BY: Final = (0.66, 0.24, 0.10)
_ONE_PHOTOGRAPH: Final = 0.04
_UNGRADABLE: Final = 0.04

UNGRADABLE_KINDS: Final = ("dark", "out of focus", "half lit")


@dataclass(frozen=True)
class Eye:
    """One photograph to be drawn.

    Attributes:
        eye: ``left`` or ``right``.
        grade: 0-4.
        fault: what makes it ungradable (one of :data:`UNGRADABLE_KINDS`), or an empty string.
    """

    eye: str
    grade: int
    fault: str


@dataclass(frozen=True)
class Person:
    """A person and the looks that both eyes share.

    Attributes:
        number: the person's number; with the seed it decides everything.
        eyes: one or two.
        pigment: 0 (pale) to 1 (dark).
        hue: warmth of the fundus, -1 to 1.
        tortuosity: how winding vessels are, 0-1.
        tessellation: how much of the choroid's pattern shows, 0-1.
        drusen: pale spots of age, in all grades, a count.
        disc_size: radius of the optic disc as a share of the retina's.
    """

    number: int
    eyes: tuple[Eye, ...]
    pigment: float
    hue: float
    tortuosity: float
    tessellation: float
    drusen: int
    disc_size: float


def make_person(seed: int, number: int, both_eyes: bool = False) -> Person:
    """Invent person ``number`` of the population ``seed``; the same whatever the size of the population.

    A few people have a photograph of one eye only, unless ``both_eyes`` is set.
    """
    random = np.random.default_rng([seed, number])
    worse = int(random.choice(5, p=_WORSE_EYE))
    better = max(0, worse - int(random.choice(len(_BETTER_BY), p=_BETTER_BY)))
    grades = (worse, better) if random.random() < 0.5 else (better, worse)
    faults = [str(random.choice(UNGRADABLE_KINDS)) if random.random() < _UNGRADABLE else "" for _ in range(2)]
    eyes = tuple(Eye(*parts) for parts in zip(("left", "right"), grades, faults, strict=True))
    if random.random() < _ONE_PHOTOGRAPH:
        only = eyes[int(random.integers(2))]
        eyes = eyes if both_eyes else (only,)
    return Person(
        number=number,
        eyes=eyes,
        pigment=float(random.random()),
        hue=float(random.uniform(-1, 1)),
        tortuosity=float(random.random()),
        tessellation=float(random.random() ** 2),
        drusen=int(random.poisson(4) if random.random() < 0.4 else 0),
        disc_size=float(random.uniform(0.14, 0.19)),
    )
