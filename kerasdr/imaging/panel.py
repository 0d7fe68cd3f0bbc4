"""Before and after, side by side (Figure 3 of the report)."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 360
_CAPTION = 34
_GAP = 8


def before_after(original: NDArray[np.uint8], results: Sequence[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Draw the original and what recipes make of it in a row, each under its name.

    Args:
        original: ``(H, W, 3)`` uint8 RGB.
        results: title and ``(S, S, 3)`` uint8 RGB of each recipe.

    Returns:
        ``(394, ..., 3)`` uint8 RGB.
    """
    tiles = [_tile("original", original), *(_tile(title, picture) for title, picture in results)]
    gap = np.full((tiles[0].shape[0], _GAP, 3), 255, np.uint8)
    row = [part for tile in tiles for part in (gap, tile)][1:]
    return np.concatenate(row, axis=1)


def _tile(title: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    tile = np.full((_SIDE + _CAPTION, _SIDE, 3), 255, np.uint8)
    top, left = _CAPTION + (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    tile[_CAPTION:] = 0
    tile[top : top + size[1], left : left + size[0]] = shown
    cv2.putText(tile, title, (6, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 1, cv2.LINE_AA)
    return tile
