"""The picture beside a grade: the photograph, Grad-CAM over it, the grade, and what the colours mean."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.grades import grade_name, is_referable, referable_probability

DISPLAY_SIZE = 512
_HEADER, _FOOTER, _SCALE, _GAP = 58, 30, 86, 8
INK, PAPER, GREY = (25, 25, 25), 255, (110, 110, 110)
# A tenth of a PNG's bytes, for twice its time; nothing that an eye would see is lost.
_WEBP = (cv2.IMWRITE_WEBP_QUALITY, 90)
_HARDLY_ANY = 0.05


@dataclass(frozen=True)
class Frame:
    """Where photograph and heat map lie in a whole picture of :func:`draw_overlay`, in pixels.

    Attributes:
        width, height: of the whole picture.
        side: of each of the two squares.
        photograph, heat: their left edges.
        top: of both.
    """

    width: int
    height: int
    side: int
    photograph: int
    heat: int
    top: int


def frame(side: int = DISPLAY_SIZE) -> Frame:
    """Return where the two squares lie in a picture of photographs ``side`` pixels wide."""
    return Frame(2 * side + _GAP + _SCALE, _HEADER + side + _FOOTER, side, 0, side + _GAP, _HEADER)


def heat_colours(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return colours of heat 0..1, ``(h, w)`` -> ``(h, w, 3)`` RGB, from blue (low) over green to red (high)."""
    return np.asarray(cv2.applyColorMap(_levels(heat), _turbo()), np.uint8)


def _levels(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(cv2.max(heat, 0.0), alpha=255.0), np.uint8)  # above 1 it stays at 255


@functools.cache
def _turbo() -> NDArray[np.uint8]:
    """OpenCV's colours of the 256 levels, as RGB."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB), np.uint8)


@functools.cache
def _shares() -> NDArray[np.float32]:
    """How much of the photograph's place the colour of each of the 256 levels takes."""
    return 0.6 * np.sqrt(np.arange(256, dtype=np.float32) / 255.0)


def blend(photograph: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a heat map over a photograph; the hotter, the less of the photograph shows.

    The hottest place that is not black has the hottest colour: padding makes the corners of a deep layer's map large, where
    there is no retina, and they must not make pale what can be seen. Where hardly any heat (below a twentieth of the
    highest) is on the retina it stays pale, as it is.

    Args:
        photograph: ``(D, D, 3)`` uint8 RGB.
        heat: ``(h, w)`` in 0..1, stretched to the photograph.
    """
    side = photograph.shape[0]
    large = cv2.max(cv2.resize(heat, (side, side), interpolation=cv2.INTER_CUBIC), 0.0)
    # Black surroundings stay black: there is nothing that could have been looked at.
    red, green, blue = cv2.split(photograph)
    lit = cv2.compare(cv2.max(cv2.max(red, green), blue), 8, cv2.CMP_GT)
    top = cv2.minMaxLoc(large, lit)[1]  # 0 where nothing is lit
    large = cv2.min(cv2.multiply(large, 1.0 / top) if top > _HARDLY_ANY else large, 1.0)
    alpha = cv2.LUT(cv2.copyTo(_levels(large), lit), _shares())
    return np.asarray(cv2.blendLinear(photograph, heat_colours(large), 1.0 - alpha, alpha), np.uint8)


def draw_overlay(
    photograph: NDArray[np.uint8], heat: NDArray[np.float32], probabilities: NDArray[np.floating], foot: str
) -> NDArray[np.uint8]:
    """Draw the whole picture.

    Args:
        photograph: ``(D, D, 3)`` uint8 RGB in the frame of the network's input.
        heat: ``(h, w)`` in 0..1.
        probabilities: of the five grades, ``(5,)``.
        foot: what the foot of the picture says: the model, and what to bear in mind.

    Returns:
        ``(D + 88, 2 D + 94, 3)`` uint8 RGB.
    """
    side = photograph.shape[0]
    at = frame(side)
    page = np.full((at.height, at.width, 3), PAPER, np.uint8)
    page[at.top : at.top + side, at.photograph : at.photograph + side] = photograph
    page[at.top : at.top + side, at.heat : at.heat + side] = blend(photograph, heat)
    grade = int(np.argmax(probabilities))
    referable = "referable" if is_referable(grade) else "not referable"
    write_words(page, f"grade {grade}: {grade_name(grade)}", (10, 26), 0.8, INK, 2)
    worse = f"P(grade 2 or worse) {referable_probability(probabilities):.2f}"
    details = f"probability {probabilities[grade]:.2f};  {referable}, {worse}"
    write_words(page, details, (10, 48), 0.5, INK)
    write_words(page, "Grad-CAM: what spoke for this grade", (side + _GAP + 4, 48), 0.5, INK)
    write_words(page, foot, (10, _HEADER + side + 20), 0.45, GREY)
    draw_scale(page, 2 * side + 2 * _GAP + 6, _HEADER + 24, side - 48)
    return page


def encode_webp(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as WebP of quality 90: pixels and nothing else."""
    return cv2.imencode(".webp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _WEBP)[1].tobytes()


def draw_scale(page: NDArray[np.uint8], left: int, top: int, height: int) -> None:
    """Draw on a page what the colours of heat mean, in 66 px from the left and as high as told."""
    bar = heat_colours(np.repeat(np.linspace(1, 0, height, dtype=np.float32)[:, None], 18, axis=1))
    page[top : top + height, left : left + 18] = bar
    for share, word in ((0.0, "high"), (0.5, "half"), (1.0, "none")):
        write_words(page, word, (left + 24, top + int(share * (height - 1)) + 5), 0.45, INK)


def write_words(
    page: NDArray[np.uint8],
    text: str,
    where: tuple[int, int],
    scale: float,
    colour: tuple[int, int, int],
    weight: int = 1,
) -> None:
    """Write a line of ASCII on a page; ``where`` its base line begins."""
    cv2.putText(page, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight, cv2.LINE_AA)
