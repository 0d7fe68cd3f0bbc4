"""The healthy retina of a right eye: background, macula, optic disc, vessels. A left eye is its mirror image.

Pictures are drawn as three planes ``(3, height, width)``, on which NumPy is several times faster than on interleaved
colours. Lengths are shares of the retina's radius; the origin is the retina's centre, x to the right, y down. In a
photograph of a right eye the optic disc lies to the right of the macula.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.people import Person
from kerasdr.data.phantom.planes import Plane, darken, soften

Random = np.random.Generator
# Steps along a vessel, and how far its waves swing out there.
_ALONG: Final = np.linspace(0, 1, 28)[:, None]
_FADE: Final = np.sin(np.pi * _ALONG) ** 0.5


def colour(red: float, green: float, blue: float) -> Plane:
    """Return a colour, or a factor for each colour, that multiplies with planes: shape ``(3, 1, 1)``."""
    return np.array([red, green, blue], np.float32)[:, None, None]


@dataclass(frozen=True)
class Frame:
    """Where the retina lies on the canvas: centre and radius in pixels.

    The canvas is ``size`` high; it is as wide, or ``width`` where it is wider than a photograph.
    """

    size: int
    x: float
    y: float
    radius: float
    width: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the canvas in pixels."""
        return self.size, self.width or self.size

    def blank(self) -> NDArray[np.uint8]:
        """Return an empty mask of the canvas."""
        return np.zeros(self.shape, np.uint8)

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring points ``(n, 2)`` from shares of the radius to pixels."""
        return np.asarray(points) * self.radius + (self.x, self.y)


@dataclass(frozen=True)
class Layout:
    """Where the landmarks are, in shares of the radius, and the courses of the larger veins, each ``(n, 2)``."""

    macula: NDArray[np.float64]
    disc: NDArray[np.float64]
    disc_radius: float
    veins: tuple[NDArray[np.float64], ...]


def smooth_field(random: Random, cells: int, shape: tuple[int, int]) -> Plane:
    """Return a smooth random field of a shape, about -2 to 2, with ``cells`` bumps along the height."""
    height, width = shape
    coarse = random.standard_normal((cells, round(cells * width / height))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def draw_background(random: Random, person: Person, frame: Frame) -> NDArray[np.float32]:
    """Return the retina without landmarks, planes ``(3, height, width)`` of RGB in 0..255."""
    pale, dark = np.array([225.0, 140.0, 95.0]), np.array([135.0, 68.0, 38.0])
    shade = pale + (dark - pale) * person.pigment
    shade = shade * (1 + 0.16 * person.hue * np.array([0.6, -0.6, -1.3])) * random.uniform(0.93, 1.07, 3)
    pattern = 1 + 0.035 * smooth_field(random, 9, frame.shape)
    if person.tessellation > 0.2:
        # The choroid's vessels shine through as a network of pale and dark stripes.
        stripes = np.abs(smooth_field(random, 22, frame.shape))
        pattern += 0.10 * person.tessellation * (0.6 - stripes)
    return np.asarray(pattern * colour(*shade), np.float32)


def place_landmarks(random: Random, person: Person, nasal: float = 0.0) -> Layout:
    """Decide where macula, disc and veins lie in this eye; its nasal vessels run on by ``nasal``."""
    macula = np.array([-0.16, 0.03]) + random.uniform(-0.07, 0.07, 2)
    disc = macula + np.array([0.66, -0.05]) + random.uniform(-0.05, 0.05, 2)
    # Two temporal arcades that bend around the macula and two shorter nasal ones.
    ends = np.array([[-0.62, -0.62], [-0.62, 0.66], [0.78, -0.60], [0.78, 0.62]]) + random.uniform(-0.12, 0.12, (4, 2))
    bends = np.array([[0.12, -0.78], [0.12, 0.80], [0.62, -0.34], [0.62, 0.34]]) + random.uniform(-0.07, 0.07, (4, 2))
    ends[2:, 0] += nasal
    bends[2:, 0] += 0.4 * nasal
    veins = tuple(_course(random, disc, bend, end, person.tortuosity) for bend, end in zip(bends, ends, strict=True))
    return Layout(macula, disc, person.disc_size * random.uniform(0.95, 1.05), veins)


def draw_landmarks(picture: NDArray[np.float32], random: Random, person: Person, frame: Frame, layout: Layout) -> None:
    """Draw macula, optic disc and vessels into ``picture``."""
    _darken_macula(picture, frame, layout, random)
    _draw_disc(picture, frame, layout, random)
    _draw_vessels(picture, random, person, frame, layout)


def _course(random: Random, start: NDArray, bend: NDArray, end: NDArray, tortuosity: float) -> NDArray[np.float64]:
    path = (1 - _ALONG) ** 2 * start + 2 * _ALONG * (1 - _ALONG) * bend + _ALONG**2 * end
    along = np.concatenate([path[1:2] - path[:1], (path[2:] - path[:-2]) / 2, path[-1:] - path[-2:-1]])
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.sqrt((along * along).sum(axis=1, keepdims=True))
    waves = np.sin(_ALONG * random.uniform(9, 18) + random.uniform(0, 6.3)) * (0.006 + 0.022 * tortuosity)
    return path + across * (waves * _FADE)


def _draw_vessels(picture: NDArray[np.float32], random: Random, person: Person, frame: Frame, layout: Layout) -> None:
    scale = frame.size / 512
    mask = frame.blank()
    width = random.uniform(4.6, 6.4) * scale
    for vein in layout.veins:
        # The artery runs beside the vein, thinner and paler.
        beside = vein + np.linspace(0.015, 0.06, len(vein))[:, None] * random.choice([-1.0, 1.0])
        for course, thickness, strength in ((vein, width, 230), (beside, 0.68 * width, 150)):
            draw_tapered(mask, frame.pixels(course), thickness, strength)
            for _ in range(3):
                _draw_branch(mask, random, frame, course, 0.6 * thickness, strength, person.tortuosity)
    darken(picture, soften(mask, 0.8 * scale), (0.30, 0.52, 0.50))


def _draw_branch(
    mask: NDArray[np.uint8],
    random: Random,
    frame: Frame,
    course: NDArray,
    width: float,
    strength: int,
    tortuosity: float,
) -> None:
    start = int(random.integers(5, len(course) - 6))
    heading = course[start + 2] - course[start]
    heading = heading / (np.linalg.norm(heading) + 1e-9)
    turn = random.choice([-1.0, 1.0]) * random.uniform(0.5, 1.1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    length = random.uniform(0.25, 0.5)
    end = course[start] + rotation @ heading * length
    bend = course[start] + heading * length * 0.55
    draw_tapered(mask, frame.pixels(_course(random, course[start], bend, end, tortuosity)[::3]), width, strength)


def draw_tapered(mask: NDArray[np.uint8], points: NDArray[np.float64], width: float, strength: int) -> None:
    """Draw a line that thins out to its end, anti-aliased, ``points`` ``(n, 2)`` in pixels."""
    fixed = np.round(points * 16).astype(np.int32)
    parts = 4
    for part in range(parts):
        piece = fixed[part * len(fixed) // parts : (part + 1) * len(fixed) // parts + 1]
        thickness = max(1, round(width * (1 - 0.2 * part)))
        cv2.polylines(mask, [piece], False, strength, thickness, cv2.LINE_AA, 4)


def _draw_disc(picture: NDArray[np.float32], frame: Frame, layout: Layout, random: Random) -> None:
    radius = layout.disc_radius * frame.radius
    window, (x, y) = _window(frame, layout.disc, 1.3 * radius)
    part = picture[:, *window]
    mask = np.zeros(part.shape[1:], np.uint8)
    axes = (int(radius * 0.93 * 16), int(radius * 16))
    centre = (int(x * 16), int(y * 16))
    cv2.ellipse(mask, centre, axes, random.uniform(-15, 15), 0, 360, 200, -1, cv2.LINE_AA, 4)
    cup = random.uniform(0.35, 0.6)
    cv2.ellipse(mask, centre, (int(axes[0] * cup), int(axes[1] * cup)), 0, 0, 360, 255, -1, cv2.LINE_AA, 4)
    soft = soften(mask, 2.2 * frame.size / 512)
    bright = part.mean(axis=(1, 2))[:, None, None] * 1.15 + colour(60.0, 75.0, 45.0)
    part += soft * (bright - part)


def _darken_macula(picture: NDArray[np.float32], frame: Frame, layout: Layout, random: Random) -> None:
    sigma = random.uniform(0.13, 0.18) * frame.radius
    window, (x, y) = _window(frame, layout.macula, 3.2 * sigma)
    part = picture[:, *window]
    # A Gaussian is the product of one along each axis.
    rows, columns = (np.arange(length, dtype=np.float32) for length in part.shape[1:])
    across, down = np.exp(-(((columns - x) / sigma) ** 2) / 2), np.exp(-(((rows - y) / sigma) ** 2) / 2)
    spot = np.outer(down, across).astype(np.float32)
    part *= 1.0 - spot * (np.float32(random.uniform(0.25, 0.45)) * colour(0.8, 1.0, 1.0))


def _window(frame: Frame, where: NDArray[np.float64], reach: float) -> tuple[tuple[slice, slice], tuple[float, float]]:
    """Return rows and columns around a place, and the place's x and y within them."""
    x, y = frame.pixels(where)
    left, top = (max(0, int(value - reach)) for value in (x, y))
    height, width = frame.shape
    right, bottom = min(width, int(x + reach) + 1), min(height, int(y + reach) + 1)
    return (slice(top, bottom), slice(left, right)), (x - left, y - top)
