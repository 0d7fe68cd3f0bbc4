"""What a photograph looks like, small: to find copies of it that are other files.

Fundus photographs all look alike as a whole, so hashes of them collide. What tells one eye from another is its vessels, as in
retinal identification (Hill, *Retina identification*, in Jain et al. (eds), Biometrics, 1996). The look is a picture of what
is finer than the disc's shading, in a frame that neither size, black border, form of the pixels nor brightness changes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.files import sha256_of
from kerasdr.imaging.retina import brightest

LOOK_SIDE = 64
"""Side of a look in pixels."""

_WORKING_SIDE = 2 * LOOK_SIDE
_STEPS = 40.0  # of the scale that int8 holds, for one standard deviation of what surrounds a pixel; +-3 are kept


@dataclass(frozen=True)
class Look:
    """What copies of a photograph have in common.

    Attributes:
        picture: ``(64, 64)`` int8, of :func:`look_of`.
        pixels: of :func:`pixels_sha256`.
    """

    picture: NDArray[np.int8]
    pixels: str


def see(rgb: NDArray[np.uint8]) -> Look:
    """Return what copies of a photograph have in common.

    Args:
        rgb: ``(H, W, 3)`` uint8, upright.
    """
    return Look(look_of(rgb), pixels_sha256(rgb))


def look_of(rgb: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the look of a photograph, ``(64, 64)`` int8; all zeros where there is nothing to see.

    The green channel (which shows vessels best) inside the box of what is brighter than the background is brought to a
    square; its local mean is taken off, and the rest divided by its local standard deviation. What lies outside the retina is
    zero. The box is stretched, so that a copy of other proportions looks the same.

    Args:
        rgb: ``(H, W, 3)`` uint8, upright.
    """
    scale = min(1.0, 320 / max(rgb.shape[:2]))
    size = (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    light = cv2.medianBlur(brightest(small), 3)
    corners = np.concatenate([light[:4, :4], light[:4, -4:], light[-4:, :4], light[-4:, -4:]], axis=None)
    dark, bright = float(np.percentile(corners, 10)), float(np.percentile(light, 95))
    if bright - dark < 8.0:  # a frame without a border, or a picture of nothing
        dark = 0.0
    retina = light > dark + max(4.0, 0.15 * (bright - dark))
    columns, rows = np.flatnonzero(retina.mean(axis=0) > 0.05), np.flatnonzero(retina.mean(axis=1) > 0.05)
    if len(columns) < 8 or len(rows) < 8:
        return np.zeros((LOOK_SIDE, LOOK_SIDE), np.int8)
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    square = (_WORKING_SIDE, _WORKING_SIDE)
    green = cv2.resize(np.ascontiguousarray(small[..., 1][box]), square, interpolation=cv2.INTER_LINEAR)
    green = np.asarray(green, np.float32)
    inside = cv2.resize(retina[box].astype(np.uint8), square, interpolation=cv2.INTER_NEAREST)
    inside[[0, -1]] = 0
    inside[:, [0, -1]] = 0
    # The retina's edge is the strongest line in the picture and the same in all.
    mask = cv2.erode(inside, np.ones((9, 9), np.uint8)).astype(np.float32)

    def local_mean(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        """Of what is inside; three box filters in a row are nearly a Gaussian."""
        total, weight = values * mask, mask
        for _ in range(3):
            total, weight = (cv2.blur(part, (side, side), borderType=cv2.BORDER_CONSTANT) for part in (total, weight))
        return np.asarray(total / np.maximum(weight, 1e-3), np.float32)

    fine = cv2.GaussianBlur(green, (0, 0), 1.0) - local_mean(green, 9)
    fine = fine / (np.sqrt(np.maximum(local_mean(fine * fine, 33), 0.0)) + 0.5)
    fine = np.clip(fine, -3.0, 3.0) * mask
    fine = cv2.resize(fine, (LOOK_SIDE, LOOK_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(_STEPS * fine), np.int8)


def pixels_sha256(rgb: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a decoded picture's size and pixels: the same for files that differ in all but these.

    Args:
        rgb: ``(H, W, 3)`` uint8, upright.
    """
    return sha256_of(np.array(rgb.shape, np.int64).tobytes() + rgb.tobytes())
