"""The panel of an explanation (Figure 5 of the report): the photograph, and heat over it for each network."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.grades import grade_name
from kerasdr.scoring.explaining import Explanation, View
from kerasdr.scoring.overlay import GREY, INK, PAPER, blend, draw_scale, write_words

_SIDE, _HEAD, _GAP, _SCALE, _FOOT = 360, 74, 8, 78, 44
_COLUMNS = 4
_TITLES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++", "scorecam": "Score-CAM"}


def draw_explanation(explanation: Explanation, foot: Sequence[str], remark: str = "") -> NDArray[np.uint8]:
    """Draw a panel: the photograph, then a picture with heat for each view, at most four in a row.

    Args:
        explanation: what to draw.
        foot: two lines for the foot: the model, and what to bear in mind.
        remark: beneath the grade; if there is none and the grade is not the ensemble's own, that is said.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    tiles = [_first_tile(explanation, remark), *(_view_tile(view, explanation) for view in explanation.views)]
    columns = min(len(tiles), _COLUMNS)
    rows = -(-len(tiles) // columns)
    height, width = rows * (_HEAD + _SIDE + _GAP), columns * (_SIDE + _GAP)
    page = np.full((height + _FOOT, width + _SCALE, 3), PAPER, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * (_HEAD + _SIDE + _GAP), place % columns * (_SIDE + _GAP)
        page[top : top + _HEAD + _SIDE, left : left + _SIDE] = tile
    draw_scale(page, width + 4, _HEAD + 24, _SIDE - 48)
    for number, line in enumerate(foot):
        write_words(page, _fitting(line, 0.45, width + _SCALE - 16), (8, height + 14 + 20 * number), 0.45, GREY)
    return page


def _first_tile(explanation: Explanation, remark: str) -> NDArray[np.uint8]:
    grade, own = explanation.grade, int(explanation.probabilities.argmax())
    if not remark and own != grade:
        remark = f"the ensemble's own grade is {own}"
    probability = f"the ensemble's probability {explanation.probabilities[grade]:.2f}"
    return _tile(explanation.picture, f"grade {grade}: {grade_name(grade)}", probability, remark)


def _view_tile(view: View, explanation: Explanation) -> NDArray[np.uint8]:
    cold = "" if view.heat.any() else ", nothing spoke for it"
    return _tile(
        blend(view.picture, view.heat),
        view.member,
        f"{'partner' if view.partner else 'photograph'}, {_TITLES[explanation.method]} at {explanation.layer}",
        f"grade {explanation.grade}: probability {view.probability:.2f}{cold}",
    )


def _tile(picture: NDArray[np.uint8], title: str, *lines: str) -> NDArray[np.uint8]:
    """Return a picture under a title and two lines, ``(434, 360, 3)``."""
    tile = np.full((_HEAD + _SIDE, _SIDE, 3), PAPER, np.uint8)
    smaller = picture.shape[0] > _SIDE
    tile[_HEAD:] = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    write_words(tile, _fitting(title, 0.6, _SIDE - 10), (6, 24), 0.6, INK)
    for number, line in enumerate(lines):
        write_words(tile, _fitting(line, 0.47, _SIDE - 10), (6, 46 + 20 * number), 0.47, INK)
    return tile


def _fitting(text: str, scale: float, width: int) -> str:
    """Return a text cut at its end so that it is at most ``width`` px wide."""

    def fits(words: str) -> bool:
        return cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] <= width

    if fits(text):
        return text
    while text and not fits(f"{text}..."):
        text = text[:-1]
    return f"{text}..."
