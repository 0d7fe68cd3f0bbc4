"""On which side of a photograph the optic disc lies: bright, where the vessels meet, and the large ones run up and down.

Brightness and vessels are what classical finders of the disc go by (A. Hoover and M. Goldbaum, "Locating the optic nerve in a
retinal image using the fuzzy convergence of the blood vessels", IEEE Transactions on Medical Imaging 22 (2003) 951-958;
A. Youssif et al., "Optic disc detection from normalized digital fundus images by means of a vessels' direction matched
filter", ibid. 27 (2008) 11-18). Lengths fit photographs of 30 to 50 degrees: there the disc is a seventh of the retina wide.
"""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.retina import brightest
from kerasdr.imaging.steps import inscribed_circle

Plane = NDArray[np.float32]

SURE = 1.0
"""How far :func:`disc_side` has to be from 0 for the side to be relied on."""

_SIDE = 128
_LIT = 10
_EDGE = np.ones((5, 5), np.uint8)
# Vessels are thinner than this, and darker than what is around them by more than a grey level.
_VESSEL = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
# Blurs in pixels: of the disc, of the vessels around it, and of what is the usual at a place.
_OF_DISC, _OF_VESSELS, _NEAR, _WIDE, _USUAL = 3.5, 4.5, 12.0, 20.0, 30.0
# The disc lies near the horizontal midline, and on neither side if it lies on the vertical one.
_ABOVE, _MIDDLE = 38, 4
_NOTHING = 1e-3


def disc_side(retina: NDArray[np.uint8]) -> float:
    """Tell on which side the optic disc lies.

    Args:
        retina: the retina's disc cut out, square, ``(S, S, 3)`` uint8 RGB.

    Returns:
        The logarithm of the best place's score on the left over that of the best on the right: above 0 the disc is to the
        left, below 0 to the right, and beyond :data:`SURE` it can be relied on. 0 if nothing is to be seen.
    """
    small = cv2.resize(retina, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lit = cv2.erode((brightest(small) > _LIT).astype(np.uint8) & (inscribed_circle(_SIDE, 0.97) > 0), _EDGE) > 0
    if not lit.any():
        return 0.0
    mean = _Mean(lit)
    red, green = small[..., 0].astype(np.float32), small[..., 1].astype(np.float32)
    bright = mean(_standing_out(green, mean) + 0.6 * _standing_out(red, mean), _OF_DISC)
    dark = np.maximum(cv2.morphologyEx(green, cv2.MORPH_BLACKHAT, _VESSEL) - 1.0, 0.0)
    vessels = dark / (mean(dark, _USUAL) + 1.0)
    smooth = cv2.GaussianBlur(green, (0, 0), 0.8)
    across, along = (np.abs(cv2.Sobel(smooth, cv2.CV_32F, *order)) for order in ((1, 0), (0, 1)))
    upright = np.maximum(across - 0.5 * along, 0.0) * (vessels > 1.0)
    score = (
        np.maximum(bright, 0.0)
        * np.clip(mean(np.minimum(vessels, 4.0), _OF_VESSELS), 0.2, 3.0)
        * np.clip(mean(upright, _OF_VESSELS) / (mean(upright, _USUAL) + 0.5), 0.3, 3.0)
    )
    middle = _SIDE // 2
    score = np.where(lit, score, 0.0)[middle - _ABOVE : middle + _ABOVE]
    left, right = score[:, : middle - _MIDDLE].max(), score[:, middle + _MIDDLE :].max()
    return float(np.log((left + _NOTHING) / (right + _NOTHING)))


def is_upright(eye: str, side: float) -> bool | None:
    """Tell whether the disc lies where an upright photograph of an eye has it.

    Args:
        eye: ``left``, ``right`` or empty.
        side: from :func:`disc_side`.

    Returns:
        None if the eye is not known, or the side cannot be relied on.
    """
    if eye not in ("left", "right") or abs(side) < SURE:
        return None
    return (side > 0) is (eye == "left")


class _Mean:
    """Gaussian means over what is lit alone."""

    def __init__(self, lit: NDArray[np.bool_]) -> None:
        self._lit = lit.astype(np.float32)
        self._share = functools.lru_cache(maxsize=None)(lambda sigma: _blurred(self._lit, sigma) + _NOTHING)

    def __call__(self, plane: Plane, sigma: float) -> Plane:
        return np.asarray(_blurred(plane * self._lit, sigma) / self._share(sigma), np.float32)


def _blurred(plane: Plane, sigma: float) -> Plane:
    if sigma < 8.0:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)
    # So wide a blur is the same on a copy a quarter as large, and takes a fraction of the time.
    quarter = cv2.resize(plane, (_SIDE // 4, _SIDE // 4), interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(quarter, (0, 0), sigma / 4)
    return np.asarray(cv2.resize(wide, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


def _standing_out(plane: Plane, mean: _Mean) -> Plane:
    """Return how far each pixel is above what is around it, in deviations there, from -2 to 3."""
    around = mean(plane, _NEAR)
    deviation = np.sqrt(mean((plane - around) ** 2, _WIDE)) + 2.0
    return np.clip((plane - around) / deviation, -2.0, 3.0)
