"""Maps that no network has made: what a heat map has to beat, and the best that its resolution allows."""

import cv2
import numpy as np
from numpy.typing import NDArray

# The centre prior's deviation, and the neighbourhood of local contrast, as shares of the retina's radius.
_CENTRE = 0.5
_NEIGHBOURHOOD = 1 / 8


def centre_prior(retina: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a Gaussian on the retina's centre, ``(H, W)`` in 0..1; its deviation is half the retina's radius."""
    x, y, radius = _circle(retina)
    across = np.square((np.arange(retina.shape[1]) - x) / (_CENTRE * radius))
    down = np.square((np.arange(retina.shape[0]) - y) / (_CENTRE * radius))
    return np.exp(-0.5 * (down[:, None] + across[None, :])).astype(np.float32)


def random_map(cells: tuple[int, int], random: np.random.Generator) -> NDArray[np.float32]:
    """Return even noise of a heat map's resolution, ``(h, w)`` in 0..1: enlarged as that is, it is as smooth."""
    return random.random(cells, np.float32)


def local_contrast(picture: NDArray[np.uint8], retina: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much green differs from its neighbourhood, ``(H, W)`` in 0..1: lesions, vessels and disc alike.

    Lesions stand out most in the green channel. The neighbourhood is a Gaussian with a deviation of an eighth of the
    retina's radius, over the retina alone, so that its edge does not stand out.

    Args:
        picture: ``(H, W, 3)`` uint8 RGB.
        retina: ``(H, W)``.
    """
    sigma = max(1.0, _NEIGHBOURHOOD * _circle(retina)[2])
    inside = retina.astype(np.float32)
    green = picture[..., 1].astype(np.float32) * inside
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    mean = cv2.GaussianBlur(green, (0, 0), sigma) / np.maximum(weight, 1e-6)
    return np.asarray(np.abs(green - mean) * inside / 255.0, np.float32)


def to_cells(heat: NDArray[np.floating] | NDArray[np.bool_], cells: tuple[int, int]) -> NDArray[np.float32]:
    """Return a fine map, or a mask, averaged over a heat map's cells, ``(h, w)``.

    Of the lesions' own mask this is the best map of that resolution, as far as heat stands for the share of a cell that
    lesions cover.
    """
    height, width = cells
    return np.asarray(cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _circle(retina: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the middle of the retina's bounding box, x and y, and half its longer side."""
    rows, columns = np.nonzero(retina)
    if not len(rows):
        raise ValueError("no retina is seen")
    radius = (max(np.ptp(rows), np.ptp(columns)) + 1) / 2
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2, float(radius)
