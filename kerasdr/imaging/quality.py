"""Whether a photograph shows enough of a retina to be graded: the first, careful form of the gate.

It refuses what nobody could grade. What is gradable and had better be seen by a person, a bundle knows by the figures of the
photographs that it learnt from (:mod:`kerasdr.scoring.doubts`). Thresholds were set on real screening photographs so that about
one in a hundred of them is refused, and on phantoms made ungradable on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.quality_figures import measure
from kerasdr.imaging.retina import Disc, find_retina
from kerasdr.imaging.unlike import too_even, unlike_a_retina

_MIN_SIDE = 96
_MIN_BRIGHTNESS = 22.0
_MAX_OVEREXPOSED = 0.30
_MIN_DETAIL = 1.1
_MIN_FIELD = 0.55
_TOO_BRIGHT = "too bright: take it again with less flash"


@dataclass(frozen=True)
class Quality:
    """What the gate found.

    Attributes:
        gradable: whether the photograph is let through.
        reason: empty when it is; otherwise what is wrong and what to do.
        figures: of :func:`kerasdr.imaging.quality_figures.measure`; none where there is no retina.
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
    figures = measure(rgb, disc)
    if disc.kind == "disc" and figures.get("overexposed", 0.0) > _MAX_OVEREXPOSED:  # a white page has no dark frame
        return _refuse(_TOO_BRIGHT, figures)
    if reason := unlike_a_retina(figures, edge=disc.kind == "disc"):
        return _refuse(reason, figures)
    if figures["brightness"] < _MIN_BRIGHTNESS:
        return _refuse("too dark: take it again with more flash", figures)
    if figures["field"] < _MIN_FIELD:
        return _refuse("only part of the retina is lit: centre the eye and take it again", figures)
    if figures["overexposed"] > _MAX_OVEREXPOSED:
        return _refuse(_TOO_BRIGHT, figures)
    if figures["detail"] < _MIN_DETAIL:
        return _refuse("out of focus: take it again", figures)
    if reason := too_even(figures):
        return _refuse(reason, figures)
    return Quality(True, "", figures)


def _refuse(reason: str, figures: Mapping[str, float]) -> Quality:
    return Quality(False, reason, figures)
