"""The steps that recipes are made of: pure functions of ``(H, W, 3)`` uint8 RGB.

Geometric steps say where the picture goes; enhancements change its values and run at network size.
"""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.retina import Disc, find_retina

Picture = NDArray[np.uint8]

_LONGEST = 16_384


def resize(rgb: Picture, size: int, disc: Disc | None = None) -> Picture:
    """Squeeze or stretch a picture to ``(size, size, 3)``; areas are averaged when it shrinks.

    Args:
        rgb: the picture.
        size: side in pixels.
        disc: of no use here; every geometric step takes it.
    """
    shrinks = size < rgb.shape[0] or size < rgb.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (size, size), interpolation=interpolation), np.uint8)


def circular_crop(rgb: Picture, size: int, disc: Disc | None = None) -> Picture:
    """Cut out the retina's disc and bring it to ``(size, size, 3)``.

    The disc's centre comes to the middle and its edge to the picture's edge; what the camera cut off is black, and so is
    all outside the disc. A photograph without an edge (the retina fills the frame) or without a retina is padded to a
    square instead.

    Args:
        rgb: the picture.
        size: side in pixels.
        disc: where the retina is, if that is known already.
    """
    disc = disc or find_retina(rgb)
    side = max(2, round(2 * disc.radius))
    height, width = rgb.shape[:2]
    if side > _LONGEST:  # a strip of few pixels whose square would not fit in memory
        shape = (max(1, width * _LONGEST // side), max(1, height * _LONGEST // side))
        return circular_crop(np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA), np.uint8), size)
    left, top = round(disc.x - (side - 1) / 2), round(disc.y - (side - 1) / 2)
    square = np.zeros((side, side, 3), np.uint8)
    x0, x1 = max(left, 0), min(left + side, width)
    y0, y1 = max(top, 0), min(top + side, height)
    if x1 > x0 and y1 > y0:
        square[y0 - top : y1 - top, x0 - left : x1 - left] = rgb[y0:y1, x0:x1]
    cropped = resize(square, size)
    return mask_outside(cropped) if disc.kind == "disc" else cropped


def mask_outside(rgb: Picture, share: float = 1.0) -> Picture:
    """Set everything outside the inscribed circle to black.

    Args:
        rgb: square picture.
        share: radius as a share of half the side.
    """
    return np.asarray(cv2.copyTo(rgb, inscribed_circle(rgb.shape[0], share)), np.uint8)


@functools.lru_cache(maxsize=16)
def inscribed_circle(side: int, share: float = 1.0) -> NDArray[np.uint8]:
    """Return the mask of a square's inscribed circle, ``(side, side)``: 255 inside, 0 outside; it cannot be written.

    Args:
        side: of the square, in pixels.
        share: the circle's radius as a share of half the side.
    """
    distance = np.square(np.arange(side) - (side - 1) / 2)
    inside = distance[:, None] + distance[None, :] <= (share * side / 2) ** 2
    mask = np.where(inside, np.uint8(255), np.uint8(0))
    mask.flags.writeable = False  # all callers share it
    return mask


def clahe(rgb: Picture, clip_limit: float = 2.0, tiles: int = 8) -> Picture:
    """Equalise local contrast of the luminance (L of CIELAB), colours untouched.

    Contrast limited adaptive histogram equalisation: Zuiderveld, Graphics Gems IV, 1994.

    Args:
        rgb: the picture.
        clip_limit: most of the mean histogram height that a bin may take.
        tiles: tiles along each side.
    """
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(np.ascontiguousarray(lab[..., 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def ben_graham(rgb: Picture, sigma: float = 1 / 30, weight: float = 4.0) -> Picture:
    """Subtract the local average colour: ``weight * (picture - blurred) + 128``, edge of the disc cut off at 0.9.

    The preprocessing of the winner of the Kaggle competition of 2015 (B. Graham, "Kaggle Diabetic Retinopathy Detection
    competition report").

    Args:
        rgb: square picture whose inscribed circle is the retina.
        sigma: of the Gaussian blur, as a share of the side (Graham: a thirtieth of the radius's double scale).
        weight: contrast.
    """
    blurred = cv2.GaussianBlur(rgb, (0, 0), sigma * rgb.shape[0])
    return mask_outside(np.asarray(cv2.addWeighted(rgb, weight, blurred, -weight, 128.0), np.uint8), 0.9)


def gaussian_blur(rgb: Picture, sigma: float = 1.0) -> Picture:
    """Blur by a Gaussian of ``sigma`` pixels at network size."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
