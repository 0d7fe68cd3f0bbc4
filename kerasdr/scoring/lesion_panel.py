"""Examples of heat maps beside the lesions' outlines: a row a photograph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.masks import Framed
from kerasdr.scoring.engine import scaled
from kerasdr.scoring.overlay import GREY, INK, PAPER, blend, draw_scale, write_words

_GAP, _HEAD, _SCALE, _TOP, _LINE = 8, 50, 86, 30, 20
_OUTLINE, _EDGE = (255, 255, 255), (20, 20, 20)
_TITLES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "scorecam": "Score-CAM"}


@dataclass(frozen=True, eq=False)
class Example:
    """A row of the panel.

    Attributes:
        framed: the photograph with its lesions.
        heats: maps ``(h, w)`` by name, at least 0.
        title, detail: two lines above.
    """

    framed: Framed
    heats: Mapping[str, NDArray[np.float32]]
    title: str
    detail: str


def draw_examples(examples: Sequence[Example], title: str, foot: str) -> NDArray[np.uint8]:
    """Draw photographs with outlined lesions, and the same under each map.

    Args:
        examples: rows, all with maps of the same names and of one size.
        title: above all, ASCII.
        foot: below.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    side = examples[0].framed.picture.shape[0]
    columns = 1 + len(examples[0].heats)
    width = columns * (side + _GAP) + _SCALE
    row_height = _HEAD + side + _GAP
    page = np.full((_TOP + len(examples) * row_height + _LINE + _GAP, width, 3), PAPER, np.uint8)
    write_words(page, title, (6, 20), 0.55, INK)
    for number, example in enumerate(examples):
        top = _TOP + number * row_height
        write_words(page, example.title, (6, top + 18), 0.5, INK)
        write_words(page, example.detail, (6, top + 38), 0.45, GREY)
        tiles = [
            example.framed.picture,
            *(blend(example.framed.picture, scaled(heat)) for heat in example.heats.values()),
        ]
        for place, tile in enumerate(tiles):
            left = place * (side + _GAP)
            page[top + _HEAD : top + _HEAD + side, left : left + side] = outlined(tile, example.framed.union)
        for place, name in enumerate(example.heats, start=1):
            write_words(page, _TITLES.get(name, name), (place * (side + _GAP) + 6, top + 38), 0.5, INK)
    draw_scale(page, columns * (side + _GAP) + 4, _TOP + _HEAD + 24, side - 48)
    write_words(page, foot, (6, page.shape[0] - 8), 0.45, GREY)
    return page


def outlined(picture: NDArray[np.uint8], lesions: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a picture ``(S, S, 3)`` with a white line around every lesion, dark on both sides so that it shows on all."""
    contours, _ = cv2.findContours(
        cv2.dilate(lesions.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_NONE,
    )
    page = picture.copy()
    cv2.drawContours(page, contours, -1, _EDGE, 3)
    cv2.drawContours(page, contours, -1, _OUTLINE, 1)
    return page
