"""Arithmetic on colour planes ``(3, height, width)``, one plane after the other so that each stays in the cache."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def soften(mask: NDArray[np.uint8], sigma: float) -> Plane:
    """Blur a mask of 0..255 and return it as 0..1; ``sigma`` in pixels."""
    return cv2.GaussianBlur(mask, (0, 0), sigma).astype(np.float32) / np.float32(255.0)


def darken(planes: NDArray[np.float32], where: Plane, shares: Iterable[float], strength: float = 1.0) -> None:
    """Take from red, green and blue a share each, times ``strength``, where ``where`` is 1; in place."""
    scratch = np.empty_like(where)
    for plane, share in zip(planes, shares, strict=True):
        np.multiply(where, np.float32(strength) * np.float32(share), out=scratch)
        np.subtract(1.0, scratch, out=scratch)
        plane *= scratch


def blend(planes: NDArray[np.float32], where: Plane, colour: Iterable[float]) -> None:
    """Move red, green and blue towards a colour, all the way where ``where`` is 1; in place."""
    scratch = np.empty_like(where)
    for plane, value in zip(planes, colour, strict=True):
        np.subtract(np.float32(value), plane, out=scratch)
        scratch *= where
        plane += scratch
