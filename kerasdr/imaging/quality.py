"""Whether a photograph shows enough of a retina to be graded: the first, careful form of the gate.

It refuses what nobody could grade and lets doubtful photographs pass. Thresholds were set on real screening photographs so
that about one in a hundred of them is refused, and on phantoms made ungradable on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.retina import Disc, brightest, darkest, find_retina
from kerasdr.imaging.steps import circular_crop, inscribed_circle

FIGURES = frozenset({"brightness", "overexposed", "detail", "field", "red", "blue"})
"""Names of what the gate measures; see :class:`Quality`."""

_WORKING_SIDE = 256
_MIN_SIDE = 96
_MIN_BRIGHTNESS = 22.0
_MAX_OVEREXPOSED = 0.30
_MIN_DETAIL = 1.1
_MIN_FIELD = 0.55


@dataclass(frozen=True)
class Quality:
    """What the gate found.

    Attributes:
        gradable: whether the photograph is let through.
        reason: empty when it is; otherwise what is wrong and what to do.
        figures: ``brightness`` (mean of the disc, 0-255), ``overexposed`` (share of the disc at the top of the range),
            ``detail`` (mean strength of fine structure, grey levels), ``field`` (share of the disc that is lit), ``red`` and
            ``blue`` (their shares of the disc's light); fewer where there is no retina.
    """

    gradable: bool
    reason: str
    figures: Mapping[str, float]


def judge(rgb: NDArray[np.uint8], disc: Disc | None = None) -> Quality:
    """Judge a decoded photograph, at a fixed working size whatever its own.

    Args:
        rgb: ``(H, W, 3)`` uint8.
        disc: where its retina is, if that is known already.
    """
    short = min(rgb.shape[:2])
    if short < _MIN_SIDE:
        return _refuse(f"too small ({rgb.shape[1]} x {rgb.shape[0]} px): send the camera's own file", {})
    disc = disc or find_retina(rgb)
    if disc.kind == "none":
        return _refuse("no retina to be seen: check that the camera was on the eye, and take it again", {})
    retina = circular_crop(rgb, _WORKING_SIDE, disc)
    # A little within the edge, so that the frame itself is no detail.
    inside = inscribed_circle(_WORKING_SIDE, 0.9) > 0
    light = cv2.cvtColor(retina, cv2.COLOR_RGB2GRAY).astype(np.float32)
    seen = inside & (brightest(retina) > 10)
    if not seen.any():
        return _refuse("too dark: take it again with more flash", {"brightness": 0.0})
    fine = light - cv2.GaussianBlur(light, (0, 0), 3.0)
    lit = light[seen]
    red, green, blue = cv2.mean(retina, seen.astype(np.uint8))[:3]
    figures = {
        "brightness": float(lit.mean()),
        "overexposed": float((darkest(retina)[seen] > 245).mean()),
        "detail": float(np.abs(fine[seen]).mean()),
        "field": float((light[inside] > 0.35 * np.median(lit)).mean()),
        "red": red / (red + green + blue),
        "blue": blue / (red + green + blue),
    }
    if figures["brightness"] < _MIN_BRIGHTNESS:
        return _refuse("too dark: take it again with more flash", figures)
    if figures["overexposed"] > _MAX_OVEREXPOSED:
        return _refuse("too bright: take it again with less flash", figures)
    if figures["field"] < _MIN_FIELD:
        return _refuse("only part of the retina is lit: centre the eye and take it again", figures)
    if figures["detail"] < _MIN_DETAIL:
        return _refuse("out of focus: take it again", figures)
    return Quality(True, "", figures)


def _refuse(reason: str, figures: Mapping[str, float]) -> Quality:
    return Quality(False, reason, figures)
