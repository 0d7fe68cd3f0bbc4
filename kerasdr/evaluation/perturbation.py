"""Deletion and insertion: whether what a map calls important is what the network's answer hangs on.

Petsiuk, Das and Saenko, "RISE: Randomized input sampling for explanation of black-box models", BMVC 2018, section 4.2. The
hottest pixels are taken away first (deletion: the score should fall soon, a small area is good), or put back first into a
picture that has none (insertion: the score should rise soon, a large area is good). What stands in a pixel's place matters:
black is a sharp spot that no photograph has, a blurred copy is not, so both are used.
"""

from collections.abc import Callable
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Fill = Literal["black", "blur"]
FILLS: tuple[Fill, ...] = get_args(Fill)
Way = Literal["deletion", "insertion"]
WAYS: tuple[Way, ...] = get_args(Way)

# Deviation of the blur as a share of the picture's side: lesions of a twentieth of the side vanish.
_BLUR = 1 / 16

Predict = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""Takes pictures ``(N, S, S, 3)`` uint8 and returns the score of each, ``(N,)``."""


def filled(picture: NDArray[np.uint8], fill: Fill) -> NDArray[np.uint8]:
    """Return what stands in the place of pixels that are taken away, ``(S, S, 3)`` uint8: black, or a blurred copy."""
    if fill == "black":
        return np.zeros_like(picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(1.0, _BLUR * picture.shape[0])), np.uint8)


def perturbed(
    picture: NDArray[np.uint8],
    heat: NDArray[np.floating],
    where: NDArray[np.bool_],
    way: Way,
    fill: Fill,
    steps: int,
) -> NDArray[np.uint8]:
    """Return the pictures of a curve, from none of the pixels changed to all.

    Args:
        picture: ``(S, S, 3)`` uint8, as the network is given it.
        heat: ``(S, S)``; equally hot pixels go from the top left on.
        where: ``(S, S)``: the pixels that are taken away or put back; the others stay as they are.
        way: ``deletion`` or ``insertion``.
        fill: what stands where a pixel is not.
        steps: how many equal parts the pixels go in.

    Returns:
        ``(steps + 1, S, S, 3)`` uint8.
    """
    if steps < 1 or not where.any():
        raise ValueError("a curve needs a step and a pixel")
    without = np.where(where[..., None], filled(picture, fill), picture)
    first, last = (picture, without) if way == "deletion" else (without, picture)
    places = np.flatnonzero(where)
    order = places[np.argsort(-heat.ravel()[places], kind="stable")]
    stack = np.repeat(first[None], steps + 1, axis=0)
    flat, source = stack.reshape(steps + 1, -1, 3), last.reshape(-1, 3)
    for step in range(1, steps + 1):
        changed = order[: round(len(order) * step / steps)]
        flat[step, changed] = source[changed]
    return stack


def area(scores: NDArray[np.floating]) -> float:
    """Return the area under a curve over the share of pixels, 0..1, by the trapezoidal rule.

    Args:
        scores: ``(steps + 1,)`` at equal distances.
    """
    return float(np.trapezoid(np.asarray(scores, np.float64), dx=1 / (len(scores) - 1)))


def curve(
    predict: Predict,
    picture: NDArray[np.uint8],
    heat: NDArray[np.floating],
    where: NDArray[np.bool_],
    way: Way,
    fill: Fill,
    steps: int = 16,
) -> NDArray[np.float64]:
    """Return the score along a curve, ``(steps + 1,)``; arguments as of :func:`perturbed`."""
    return np.asarray(predict(perturbed(picture, heat, where, way, fill, steps)), np.float64)
