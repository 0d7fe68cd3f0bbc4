"""Lesions of diabetic retinopathy, in kind and number after the international scale.

Grade 1 has microaneurysms only; 2 adds haemorrhages and hard exudates; 3 has many haemorrhages in all four quadrants,
venous beading and cotton wool spots; 4 has new vessels, often with bleeding in front of the retina (Wilkinson et al.
2003).
"""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import Frame, Layout, Random, draw_tapered

KINDS: Final = (
    "microaneurysm",
    "haemorrhage",
    "hard_exudate",
    "cotton_wool_spot",
    "venous_beading",
    "neovascularisation",
    "preretinal_haemorrhage",
)
"""Lesion kinds; a kind's label value in a mask is its position here plus 1."""

# How many of each, from (least) to (most), by grade. Neighbouring grades overlap.
_COUNTS: Final = {
    1: {"microaneurysm": (4, 13)},
    2: {"microaneurysm": (8, 22), "haemorrhage": (4, 13), "hard_exudate": (2, 6)},
    3: {
        "microaneurysm": (14, 34),
        "haemorrhage": (22, 40),
        "hard_exudate": (0, 5),
        "cotton_wool_spot": (2, 6),
        "venous_beading": (1, 2),
    },
    4: {
        "microaneurysm": (8, 30),
        "haemorrhage": (8, 30),
        "hard_exudate": (0, 5),
        "cotton_wool_spot": (0, 4),
        "neovascularisation": (2, 5),
        "preretinal_haemorrhage": (0, 1),
    },
}


@dataclass
class Lesions:
    """Lesions of one eye.

    Attributes:
        alpha: strength of each kind, ``(height, width)`` uint8; kinds that do not occur are absent.
        counts: how many of each kind were drawn; some may lie under others or beyond the camera's border.
    """

    alpha: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def part(self, columns: slice) -> "Lesions":
        """Return the lesions with some columns of the canvas only; the counts stay those of the whole."""
        return Lesions({kind: alpha[:, columns] for kind, alpha in self.alpha.items()}, self.counts)


def make_lesions(random: Random, grade: int, frame: Frame, layout: Layout) -> Lesions:
    """Invent the lesions of an eye of a grade, in the geometry of a right eye."""
    lesions = Lesions()
    draw = {
        "microaneurysm": _microaneurysm,
        "haemorrhage": _haemorrhage,
        "hard_exudate": _exudates,
        "cotton_wool_spot": _cotton_wool,
        "venous_beading": _beading,
        "neovascularisation": _new_vessels,
        "preretinal_haemorrhage": _preretinal,
    }
    for kind, (least, most) in _COUNTS.get(grade, {}).items():
        count = int(random.integers(least, most + 1))
        if count == 0:
            continue
        mask = frame.blank()
        for index in range(count):
            draw[kind](mask, random, frame, layout, index)
        lesions.alpha[kind] = mask
        lesions.counts[kind] = count
    return lesions


def anywhere(random: Random, reach: float = 0.82) -> NDArray[np.float64]:
    """Return a place, even over the disc of radius ``reach``, in shares of the retina's radius."""
    angle, distance = random.uniform(0, 2 * np.pi), reach * np.sqrt(random.random())
    return distance * np.array([np.cos(angle), np.sin(angle)])


def _away_from_disc(random: Random, layout: Layout, reach: float = 0.82) -> NDArray[np.float64]:
    while True:
        place = anywhere(random, reach)
        if np.linalg.norm(place - layout.disc) > 1.25 * layout.disc_radius:
            return place


def dot(mask: NDArray[np.uint8], where: NDArray[np.float64], radius: float, strength: int = 255) -> None:
    """Fill an anti-aliased dot; place and radius in pixels."""
    centre = (int(where[0] * 16), int(where[1] * 16))
    cv2.circle(mask, centre, max(8, int(radius * 16)), strength, -1, cv2.LINE_AA, 4)


def _microaneurysm(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    dot(mask, frame.pixels(_away_from_disc(random, layout)), random.uniform(1.8, 3.0) * frame.size / 512)


def _haemorrhage(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    scale = frame.size / 512
    # The n-th goes to the n-th quadrant around the centre, so that many are in all four, as grade 3 asks.
    place = np.abs(_away_from_disc(random, layout)) * ((-1, -1), (1, -1), (1, 1), (-1, 1))[index % 4]
    x, y = frame.pixels(place)
    if random.random() < 0.35:  # flame-shaped, along the nerve fibres that run to the disc
        heading = np.degrees(np.arctan2(*(layout.disc - place)[::-1]))
        axes = (int(random.uniform(7, 13) * scale * 16), int(random.uniform(2.2, 4) * scale * 16))
        cv2.ellipse(mask, (int(x * 16), int(y * 16)), axes, heading, 0, 360, 255, -1, cv2.LINE_AA, 4)
        return
    radius = random.uniform(3.5, 8.0) * scale
    for _ in range(3):  # a blot is a few dots that run together
        dot(mask, np.array([x, y]) + random.uniform(-0.5, 0.5, 2) * radius, radius * random.uniform(0.7, 1.0))


def _exudates(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    scale = frame.size / 512
    centre = frame.pixels(layout.macula + random.normal(0, 0.28, 2))
    for _ in range(int(random.integers(5, 13))):
        dot(mask, centre + random.normal(0, 9 * scale, 2), random.uniform(1.5, 3.6) * scale)


def _cotton_wool(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    scale = frame.size / 512
    centre = frame.pixels(_away_from_disc(random, layout, 0.7))
    for _ in range(4):
        dot(mask, centre + random.normal(0, 6 * scale, 2), random.uniform(6, 12) * scale)


def _beading(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    vein = frame.pixels(layout.veins[index % len(layout.veins)])
    start = int(random.integers(4, 10))
    for point in vein[start : start + 14 : 2]:
        dot(mask, point, random.uniform(4.2, 5.4) * frame.size / 512)


def _new_vessels(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    scale = frame.size / 512
    # Half of them grow on the disc, the others along the arcades.
    where = layout.disc if random.random() < 0.4 else layout.veins[int(random.integers(4))][int(random.integers(8, 22))]
    centre = frame.pixels(where) + random.normal(0, 8 * scale, 2)
    for _ in range(11):  # a tangle of fine loops
        angles = np.linspace(0, random.uniform(3, 6), 14) + random.uniform(0, 6.3)
        reach = np.linspace(2, random.uniform(14, 30), 14) * scale
        loop = centre + np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach[:, None]
        draw_tapered(mask, loop + random.normal(0, 1.2 * scale, loop.shape), 2.2 * scale, 235)


def _preretinal(mask: NDArray[np.uint8], random: Random, frame: Frame, layout: Layout, index: int) -> None:
    # Blood that has settled: a boat with a level surface.
    scale = frame.size / 512
    x, y = frame.pixels(np.array([random.uniform(-0.5, 0.3), random.uniform(0.2, 0.55)]))
    axes = (int(random.uniform(28, 55) * scale), int(random.uniform(18, 34) * scale))
    cv2.ellipse(mask, (int(x), int(y)), axes, 0, 0, 180, 255, -1, cv2.LINE_AA)
