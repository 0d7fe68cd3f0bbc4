"""Where the retina's disc is in a photograph."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_WORKING_SIDE = 320


@dataclass(frozen=True)
class Disc:
    """The circle of the retina, in pixels of the photograph.

    Attributes:
        x, y: centre; may lie near or beyond the frame when the disc is cut off.
        radius: of the full circle, the part outside the frame included.
        kind: ``disc`` (an edge was found), ``frame`` (the retina fills the frame: there is no edge) or ``none`` (nothing
            brighter than the background).
    """

    x: float
    y: float
    radius: float
    kind: str


def find_retina(rgb: NDArray[np.uint8]) -> Disc:
    """Find the bright disc on its dark frame.

    On a small copy, what is brighter than the background (a share of the picture's own range, so dark photographs count)
    is taken, its largest part kept, and a circle fitted to the outline by least squares (Kasa 1976), leaving out what
    touches the frame, where the disc is cut off, and, in rounds, what lies far from the circle.

    Args:
        rgb: ``(H, W, 3)`` uint8.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, _WORKING_SIDE / max(height, width))
    small = rgb
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    whole = Disc((width - 1) / 2, (height - 1) / 2, max(height, width) / 2, "frame")
    if min(small.shape[:2]) < 16:
        return whole
    light = cv2.medianBlur(brightest(small), 3)
    corners = np.concatenate([light[:4, :4], light[:4, -4:], light[-4:, :4], light[-4:, -4:]], axis=None)
    # The darkest corner, since a full frame may have one dark corner and a cut-off disc one bright one.
    dark, bright = float(np.percentile(corners, 10)), float(np.percentile(light, 95))
    if bright - dark < 8.0:
        return Disc(whole.x, whole.y, whole.radius, "none" if bright < 40.0 else "frame")
    mask = (light > dark + max(4.0, 0.15 * (bright - dark))).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return Disc(whole.x, whole.y, whole.radius, "none")
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    left, top, wide, tall, area = (int(value) for value in stats[largest])
    if area < 0.04 * mask.size:
        return Disc(whole.x, whole.y, whole.radius, "none")
    contours, _ = cv2.findContours((labels == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = cv2.convexHull(max(contours, key=len))[:, 0, :].astype(np.float64)
    rows, columns = mask.shape
    x, y = outline[:, 0], outline[:, 1]
    inside = (x > 2) & (x < columns - 3) & (y > 2) & (y < rows - 3)
    circle = _fit_circle(x[inside], y[inside])
    if circle is None:
        # Hardly any edge within the frame: it is full, or the disc's edge just grazes the corners.
        return whole
    cx, cy, radius = circle
    plausible = (
        0.35 * max(wide, tall) <= radius <= 1.2 * max(rows, columns)
        and left - 0.25 * wide <= cx <= left + 1.25 * wide
        and top - 0.25 * tall <= cy <= top + 1.25 * tall
    )
    if not plausible:
        cx, cy, radius = left + wide / 2, top + tall / 2, max(wide, tall) / 2
    # Centres of pixels of the small copy to those of the photograph.
    return Disc((cx + 0.5) / scale - 0.5, (cy + 0.5) / scale - 0.5, (radius + 0.5) / scale, "disc")


def brightest(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest of the three channels, ``(H, W)``; many times faster than NumPy's over the last axis."""
    red, green, blue = cv2.split(rgb)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def darkest(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the smallest of the three channels, ``(H, W)``."""
    red, green, blue = cv2.split(rgb)
    return np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)


def _fit_circle(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float] | None:
    for _ in range(6):
        if len(x) < 8 or np.ptp(x) < 8 or np.ptp(y) < 8:
            return None
        # x^2 + y^2 = 2 a x + 2 b y + c is linear in the centre (a, b) and in c = r^2 - a^2 - b^2.
        a, b, c = np.linalg.lstsq(np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1), x**2 + y**2, rcond=None)[0]
        squared = c + a**2 + b**2
        if squared <= 0:
            return None
        radius = float(np.sqrt(squared))
        error = np.abs(np.hypot(x - a, y - b) - radius)
        keep = error <= max(1.5, 2.5 * float(np.median(error)))
        if keep.all():
            break
        x, y = x[keep], y[keep]
    return float(a), float(b), radius
