"""What can be measured of a photograph's quality, at one working size whatever its own."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.optic_disc import disc_side
from kerasdr.imaging.retina import Disc, brightest, darkest
from kerasdr.imaging.steps import circular_crop, inscribed_circle

MEANINGS: Mapping[str, str] = {
    "brightness": "mean grey level of the disc, 0 to 255",
    "overexposed": "share of the disc at the top of the range",
    "detail": "mean strength of fine structure, grey levels",
    "field": "share of the disc that is lit",
    "red": "share of red in the disc's light",
    "blue": "share of blue in the disc's light",
    "sharpness": "strength of the finest structure over that of structure a few times as coarse",
    "contrast": "strength of the finest structure over the light itself, thousandths",
    "grain": "what no smooth surface has (Immerkaer's mask) over structure of the size of vessels, green",
    "shading": "strength of coarse structure in red, grey levels",
    "highlight": "green level that one in fifty pixels exceeds, 0 to 255",
    "even": "share of pixels that are hardly other than what is around them, green",
    "hues": "deviation of the share of red from place to place",
    "outside": "share of the frame outside the disc that is not as dark, or as light, as most of it",
    "disc_side": "optic disc: above 0 to the left, below 0 to the right; beyond 1 or -1 it can be relied on",
}
"""What each figure is, in words."""

FIGURES = frozenset(MEANINGS)
"""Names of what is measured."""

_WORKING_SIDE = 256
_SMALL_SIDE = 64
# A little within the edge, so that the frame itself is no detail; the finest structure is looked for further inside.
_INSIDE, _CORE = 0.9, 0.8
_BACKGROUND = 10
_LEAST_SEEN = 500  # pixels
# Outside begins a little beyond the disc, whose edge is not sharp. Frames are not always black, nor are they all dark.
_BEYOND, _OTHER_SHARE = 1.04, 0.12
_FEW_OUTSIDE = 20  # pixels
_EVEN = 0.15  # grey levels
_PATCH = 4.0
# J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64 (1996) 300-302: a second difference
# in both directions, which is 0 on planes and on straight edges along an axis.
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def measure(rgb: NDArray[np.uint8], disc: Disc) -> dict[str, float]:
    """Measure a decoded photograph.

    Args:
        rgb: ``(H, W, 3)`` uint8 RGB.
        disc: where its retina is.

    Returns:
        :data:`FIGURES`; a ``brightness`` of 0 alone where nothing is lit, and none from ``sharpness`` on where hardly
        anything is.
    """
    retina = circular_crop(rgb, _WORKING_SIDE, disc)
    inside = inscribed_circle(_WORKING_SIDE, _INSIDE) > 0
    lit = brightest(retina) > _BACKGROUND
    seen = inside & lit
    if not seen.any():
        return {"brightness": 0.0}
    light = cv2.cvtColor(retina, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = light[seen]
    fine = light - cv2.GaussianBlur(light, (0, 0), 3.0)
    red, green, blue = cv2.mean(retina, seen.astype(np.uint8))[:3]
    figures = {
        "brightness": float(grey.mean()),
        "overexposed": float((darkest(retina)[seen] > 245).mean()),
        "detail": float(np.abs(fine[seen]).mean()),
        "field": float((light[inside] > 0.35 * np.median(grey)).mean()),
        "red": red / (red + green + blue),
        "blue": blue / (red + green + blue),
        "outside": _other_outside(rgb, disc),
    }
    core = (inscribed_circle(_WORKING_SIDE, _CORE) > 0) & lit
    if core.sum() < _LEAST_SEEN:
        return figures
    return figures | _structure(retina, core) | {"disc_side": disc_side(retina)}


def _structure(retina: NDArray[np.uint8], core: NDArray[np.bool_]) -> dict[str, float]:
    """Measure structure by its size, of the working copy ``(256, 256, 3)`` where ``core`` is."""
    red, green, blue = (plane.astype(np.float32) for plane in cv2.split(retina))
    light = 0.3 * red + 0.59 * green + 0.11 * blue
    finest = _strength(light, 0.0, 0.7, core)
    coarser = _strength(light, 1.4, 2.8, core)
    vessels = _strength(green, 1.4, 2.8, core)
    patches = cv2.GaussianBlur(retina, (0, 0), _PATCH).astype(np.float32)[core]
    share_of_red = patches[:, 0] / (patches.sum(axis=1) + 1e-3)
    noise = float(np.median(np.abs(cv2.filter2D(green, -1, _IMMERKAER))[core]))
    side = (_SMALL_SIDE, _SMALL_SIDE)
    small = np.asarray(cv2.resize(red, side, interpolation=cv2.INTER_AREA), np.float32)
    within = cv2.resize(core.astype(np.float32), side, interpolation=cv2.INTER_AREA) > 0.99
    return {
        # What is added below keeps pictures of nothing finite, and is far below what any retina has.
        "sharpness": finest / (coarser + 1e-3),
        "contrast": 1000.0 * finest / (float(light[core].mean()) + 1.0),
        "grain": noise / (vessels + 0.1),
        "shading": _strength(small, 1.4, 2.8, within),
        "highlight": float(np.percentile(green[core], 98)),
        "even": float((np.abs(_band(green, 0.0, 1.4))[core] < _EVEN).mean()),
        "hues": float(share_of_red.std()),
    }


def _strength(plane: NDArray[np.float32], fine: float, coarse: float, where: NDArray[np.bool_]) -> float:
    """Return the mean absolute difference of a plane smoothed by two Gaussians, of so many pixels."""
    return float(np.abs(_band(plane, fine, coarse))[where].mean()) if where.any() else 0.0


def _band(plane: NDArray[np.float32], fine: float, coarse: float) -> NDArray[np.float32]:
    """Return the difference of a plane smoothed by two Gaussians, of so many pixels; 0 smooths nothing."""
    sharper = plane if fine == 0.0 else cv2.GaussianBlur(plane, (0, 0), fine)
    return np.asarray(sharper - cv2.GaussianBlur(plane, (0, 0), coarse), np.float32)


def _other_outside(rgb: NDArray[np.uint8], disc: Disc) -> float:
    """Return which share of the frame outside the disc is lit otherwise than most of it; 0 where the disc fills the frame."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    light = brightest(np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)).astype(np.float32)
    y, x = np.ogrid[: size[1], : size[0]]
    outside = light[np.hypot(x - disc.x * scale, y - disc.y * scale) >= _BEYOND * disc.radius * scale]
    if outside.size < _FEW_OUTSIDE:
        return 0.0
    most = float(np.percentile(outside, 25))
    return float((np.abs(outside - most) > max(_BACKGROUND, _OTHER_SHARE * float(np.percentile(light, 95)))).mean())
