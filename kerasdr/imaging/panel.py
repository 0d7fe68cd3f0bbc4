"""Pictures side by side: before and after (Figure 3 of the report), and a grid under a caption."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 360
_CAPTION = 34
_GAP = 8
_LINE = 24
_CELLS = (160, 400)
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.6


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


def grid(cells: NDArray[np.uint8], caption: Sequence[str], columns: int = 4) -> NDArray[np.uint8]:
    """Draw pictures row by row under a caption, white between them.

    Cells have the pictures' own pixels; pictures below 160 px are enlarged by a whole number, those above 400 px shrunk.

    Args:
        cells: ``(N, S, S, 3)`` uint8 RGB.
        caption: its paragraphs, ASCII; each is broken into lines that fit.
        columns: pictures in a row.

    Returns:
        ``(..., columns * (side + 8) + 8, 3)`` uint8 RGB.
    """
    smallest, largest = _CELLS
    side = min(cells.shape[1] * max(1, -(-smallest // cells.shape[1])), largest)
    width = columns * (side + _GAP) + _GAP
    lines = [line for paragraph in caption for line in _broken(paragraph, width - 2 * _GAP)]
    head = len(lines) * _LINE + 2 * _GAP
    page = np.full((head + -(-len(cells) // columns) * (side + _GAP), width, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        _write(page, line, (_GAP, _GAP + number * _LINE + 17))
    how = cv2.INTER_AREA if side < cells.shape[1] else cv2.INTER_NEAREST
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        top, left = head + row * (side + _GAP), _GAP + column * (side + _GAP)
        page[top : top + side, left : left + side] = cv2.resize(cell, (side, side), interpolation=how)
    return page


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]], columns: Sequence[str], side: int = 170
) -> NDArray[np.uint8]:
    """Draw rows of pictures under the names of their columns, each row behind its own name.

    Args:
        rows: title and pictures ``(H, W, 3)`` uint8 RGB, as many as there are columns; each is fitted into a square.
        columns: titles.
        side: of the squares, in pixels.

    Returns:
        ``(..., ..., 3)`` uint8 RGB, white between the pictures.
    """
    left = max(cv2.getTextSize(title, _FONT, _SCALE, 1)[0][0] for title, _ in rows) + 2 * _GAP
    step = side + _GAP
    page = np.full((_CAPTION + len(rows) * step, left + len(columns) * step, 3), 255, np.uint8)
    for place, title in enumerate(columns):
        _write(page, title, (left + place * step + 4, 23))
    for number, (title, pictures) in enumerate(rows):
        top = _CAPTION + number * step
        _write(page, title, (_GAP, top + side // 2 + 6))
        for place, picture in enumerate(pictures):
            at = left + place * step
            page[top : top + side, at : at + side] = _fitted(picture, side)
    return page


def _broken(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and cv2.getTextSize(longer, _FONT, _SCALE, 1)[0][0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _write(page: NDArray[np.uint8], text: str, where: tuple[int, int]) -> None:
    cv2.putText(page, text, where, _FONT, _SCALE, (20, 20, 20), 1, cv2.LINE_AA)


def _tile(title: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    tile = np.full((_SIDE + _CAPTION, _SIDE, 3), 255, np.uint8)
    tile[_CAPTION:] = _fitted(picture, _SIDE)
    _write(tile, title, (6, 23))
    return tile


def _fitted(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture in the middle of a black square of a side, as large as fits."""
    scale = side / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = shown
    return square
