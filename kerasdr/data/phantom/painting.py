"""Painting lesions and their masks, and the distractors that every grade has."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import Frame, Random
from kerasdr.data.phantom.lesions import KINDS, Lesions, anywhere, dot
from kerasdr.data.phantom.planes import blend, darken, soften

ON_TOP: Final = (
    "neovascularisation",
    "venous_beading",
    "haemorrhage",
    "microaneurysm",
    "preretinal_haemorrhage",
    "cotton_wool_spot",
    "hard_exudate",
)
"""The order of painting: a later kind covers an earlier one, in the picture and in its mask alike."""


def paint(picture: NDArray[np.float32], lesions: Lesions, random: Random, scale: float) -> None:
    """Paint lesions into ``picture``, planes ``(3, height, width)``; ``scale`` is the canvas's height over 512.

    How clearly they stand out differs from eye to eye.
    """
    strength = random.uniform(0.55, 1.0)
    red = [lesions.alpha[kind] for kind in ON_TOP[:4] if kind in lesions.alpha]
    if red:
        darken(picture, soften(np.maximum.reduce(red), 0.9 * scale), (0.42, 0.74, 0.72), strength)
    if "preretinal_haemorrhage" in lesions.alpha:
        darken(picture, soften(lesions.alpha["preretinal_haemorrhage"], 2.0 * scale), (0.50, 0.82, 0.80), strength)
    if "cotton_wool_spot" in lesions.alpha:
        soft = soften(lesions.alpha["cotton_wool_spot"], 4.0 * scale)
        blend(picture, np.float32(0.62 * strength) * soft, (238.0, 226.0, 196.0))
    if "hard_exudate" in lesions.alpha:
        soft = soften(lesions.alpha["hard_exudate"], 0.8 * scale)
        blend(picture, np.float32(0.85 * strength) * soft, (250.0, 226.0, 120.0))


def label(lesions: Lesions, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the mask ``(size, size)`` uint8: 0, or 1 + position in :data:`KINDS` of the lesion that lies on top.

    Only the place counts, not the light: where a photograph is too dark to show a lesion, its mask is there still.
    """
    labels = np.zeros(inside.shape, np.uint8)
    for kind in ON_TOP:
        if kind in lesions.alpha:
            np.copyto(labels, np.uint8(KINDS.index(kind) + 1), where=lesions.alpha[kind] > 127)
    return labels * inside


def draw_distractors(picture: NDArray[np.float32], random: Random, frame: Frame, drusen: int) -> None:
    """Draw what is no diabetic lesion and occurs in every grade: drusen, dust on the lens, reflections."""
    scale = frame.size / 512
    reflections, specks = int(random.integers(0, 3)), int(random.integers(0, 6))
    pale = frame.blank()
    for _ in range(drusen):
        dot(pale, frame.pixels(anywhere(random, 0.6)), random.uniform(2.0, 4.0) * scale, 110)
    for _ in range(reflections):  # of the inner surface: soft pale arcs
        x, y = frame.pixels(anywhere(random, 0.7))
        axes = (int(random.uniform(14, 40) * scale), int(random.uniform(5, 12) * scale))
        turn = random.uniform(0, 180)
        cv2.ellipse(pale, (int(x), int(y)), axes, turn, 200, 340, 70, max(1, round(4 * scale)), cv2.LINE_AA)
    if drusen or reflections:
        blend(picture, np.float32(0.6) * soften(pale, 2.0 * scale), (235.0, 205.0, 150.0))
    if specks:
        dust = frame.blank()
        for _ in range(specks):
            dot(dust, frame.pixels(anywhere(random, 0.95)), random.uniform(2.0, 5.0) * scale, 150)
        darken(picture, soften(dust, 2.2 * scale), (1.0, 1.0, 1.0), random.uniform(0.25, 0.5))
