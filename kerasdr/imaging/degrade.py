"""Photographs made worse by a stated amount, to see how well grades hold.

A degradation is a pure function of a decoded photograph. Its severity goes from 0, which changes no byte, to 5, where most are
at the limit of what can be graded, and may be a fraction. What is drawn (a direction, the places of spots) hangs on the seed
alone, so that a photograph gets steadily worse from step to step. Sizes are relative to the retina's diameter and amounts are
of light, so that large and small photographs are treated alike.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import suggestion
from kerasdr.errors import KerasdrError
from kerasdr.imaging import degrade_blur, degrade_frame, degrade_light
from kerasdr.imaging.field import Field, find_field

Degradation = Callable[[NDArray[np.uint8], Field, float, np.random.Generator], NDArray[np.uint8]]

HARSHEST: Final = 5.0

DEGRADATIONS: Final[Mapping[str, Degradation]] = {
    "blur": degrade_blur.blur,
    "motion": degrade_blur.motion,
    "haze": degrade_blur.haze,
    "dark": degrade_light.dark,
    "glare": degrade_light.glare,
    "uneven": degrade_light.uneven,
    "colour": degrade_light.colour,
    "jpeg": degrade_blur.jpeg,
    "small": degrade_blur.small,
    "crop": degrade_frame.crop,
    "rotate": degrade_frame.rotate,
    "dust": degrade_frame.dust,
}
"""By name, in the order in which they are reported."""

A_STEP: Final[Mapping[str, str]] = {
    "blur": "defocus, a disc of 1% of the retina's diameter",
    "motion": "movement over 1% of the diameter",
    "haze": "a clouded lens scatters 14% of the light",
    "dark": "0.6 stops less light, 0.4 more at the edge, read noise",
    "glare": "0.3 stops more light, a reflex of 30% of full scale",
    "uneven": "light falls by 0.8 stops from side to side",
    "colour": "white balance off by 0.2 stops",
    "jpeg": "JPEG quality 40, 25, 15, 10, 6 at 1024 px across",
    "small": "609, 362, 215, 128, 76 px across",
    "crop": "10% of the diameter is black from one side",
    "rotate": "turned by 3 degrees",
    "dust": "four spots more",
}
"""What one step of severity is, or what steps 1 to 5 are, in words."""


def degrade(rgb: NDArray[np.uint8], kind: str, severity: float, seed: int | Sequence[int] = 0) -> NDArray[np.uint8]:
    """Return a photograph made worse.

    Args:
        rgb: ``(H, W, 3)`` uint8 RGB, as decoded; left as it is.
        kind: one of :data:`DEGRADATIONS`.
        severity: 0 to 5; 0 gives a copy.
        seed: one or more whole numbers of at least 0, for what is drawn; kinds draw independently of one another.

    Raises:
        KerasdrError: if the kind is not known or the severity is not between 0 and 5.
    """
    check_kinds([kind])
    check_severity(severity)
    if severity == 0:
        return rgb.copy()
    seeds = [seed] if isinstance(seed, int) else list(seed)
    random = np.random.default_rng([*seeds, zlib.crc32(kind.encode("ascii"))])
    return DEGRADATIONS[kind](rgb, find_field(rgb), severity, random)


def mirror(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` mirrored left to right: the retina of the other eye, as anatomy goes."""
    return np.ascontiguousarray(rgb[:, ::-1])


def check_kinds(kinds: Sequence[str]) -> None:
    """Refuse names that are no degradation.

    Raises:
        KerasdrError: naming the first that is not known, and those that are.
    """
    for kind in kinds:
        if kind not in DEGRADATIONS:
            raise KerasdrError(
                f"no degradation is called {kind!r}{suggestion(kind, DEGRADATIONS)}; known are {', '.join(DEGRADATIONS)}"
            )


def check_severity(severity: float) -> None:
    """Refuse a severity that is not from 0 to 5.

    Raises:
        KerasdrError: naming it.
    """
    if not 0.0 <= severity <= HARSHEST:  # nan is neither
        raise KerasdrError(f"a severity is from 0 (unchanged) to {HARSHEST:g}, got {severity:g}: give one of these")
