"""Pictures that are no photographs of a retina, drawn: what lies in a folder of photographs by mistake."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Draw = Callable[[np.random.Generator], Picture]


def draw_other(kind: str, number: int) -> Picture:
    """Return a picture of a kind of :data:`KINDS`, ``(H, W, 3)`` uint8 RGB, the same for the same number."""
    return KINDS[kind](np.random.default_rng([number, *kind.encode("ascii")]))


def _document(random: np.random.Generator) -> Picture:
    page = np.full((720, 520, 3), random.integers(225, 256), np.uint8)
    for line in range(40, 690, int(random.integers(18, 30))):
        words = " ".join(
            "".join(chr(random.integers(97, 123)) for _ in range(random.integers(2, 10))) for _ in range(6)
        )
        cv2.putText(page, words, (36, line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
    return page


def _blank(random: np.random.Generator) -> Picture:
    colour = random.integers(0, 256, 3)
    noise = random.normal(0, random.uniform(0, 6), (480, 640, 3))
    return np.clip(colour + noise, 0, 255).astype(np.uint8)


def _xray(random: np.random.Generator) -> Picture:
    light = np.full((600, 500), 30.0)
    for side in (-1, 1):
        cv2.ellipse(light, (250 + side * 110, 300), (85, 190), 0, 0, 360, 12.0, -1)
    for rib in range(9):
        cv2.ellipse(light, (250, 120 + 45 * rib), (220, 40), 0, 0, 180, 130.0, 9)
    cv2.line(light, (250, 0), (250, 600), 190.0, 46)
    light = cv2.GaussianBlur(light, (0, 0), 7) + random.normal(0, 5, light.shape)
    return _grey(light)


def _oct(random: np.random.Generator) -> Picture:
    across, down = np.meshgrid(np.arange(640), np.arange(400))
    dip = 60 * np.exp(-np.square((across - random.uniform(240, 400)) / 80.0))
    light = np.zeros((400, 640))
    for depth, thick, bright in ((130, 14, 160), (165, 20, 90), (205, 26, 60), (250, 9, 220), (300, 60, 70)):
        light += bright * np.exp(-np.square((down - depth - dip * (depth < 200)) / thick))
    return _grey(light * random.gamma(2.0, 0.5, light.shape))


def _face(random: np.random.Generator) -> Picture:
    picture = np.full((640, 520, 3), random.integers(60, 220, 3), np.uint8)
    skin = np.array((226, 176, 148)) * random.uniform(0.4, 1.05)
    cv2.ellipse(picture, (260, 330), (170, 220), 0, 0, 360, tuple(map(float, np.clip(skin, 0, 255))), -1)
    for side in (-1, 1):
        cv2.ellipse(picture, (260 + side * 70, 280), (32, 16), 0, 0, 360, (245.0, 245.0, 245.0), -1)
        cv2.circle(picture, (260 + side * 70, 280), 13, (60.0, 40.0, 20.0), -1)
    cv2.ellipse(picture, (260, 430), (60, 22), 0, 0, 180, (150.0, 60.0, 60.0), -1)
    cv2.ellipse(picture, (260, 160), (180, 110), 0, 180, 360, (45.0, 30.0, 20.0), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), np.uint8)


def _outer_eye(random: np.random.Generator) -> Picture:
    skin = np.array((206, 150, 125)) * random.uniform(0.5, 1.1)
    picture = np.full((480, 640, 3), np.clip(skin, 0, 255), np.uint8)
    cv2.ellipse(picture, (320, 240), (250, 120), 0, 0, 360, (236.0, 226.0, 222.0), -1)
    cv2.circle(picture, (320, 240), 108, tuple(map(float, random.integers(40, 140, 3))), -1)
    cv2.circle(picture, (320, 240), 44, (8.0, 8.0, 8.0), -1)
    cv2.circle(picture, (345, 215), 12, (255.0, 255.0, 255.0), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5), np.uint8)


def _screen(random: np.random.Generator) -> Picture:
    picture = np.full((600, 800, 3), random.integers(200, 250), np.uint8)
    for _ in range(14):
        x, y = random.integers(0, 700), random.integers(0, 500)
        colour = tuple(map(float, random.integers(0, 256, 3)))
        cv2.rectangle(
            picture,
            (int(x), int(y)),
            (int(x + random.integers(40, 300)), int(y + random.integers(20, 160))),
            colour,
            -1,
        )
    return picture


def _landscape(random: np.random.Generator) -> Picture:
    """Light as in nature: its strength falls with spatial frequency, colours change over the picture."""
    frequency = np.hypot(np.fft.fftfreq(480)[:, None], np.fft.rfftfreq(640)[None, :])
    frequency[0, 0] = 1.0
    planes = []
    shared = random.normal(size=(480, 640))
    for _ in range(3):
        spectrum = np.fft.rfft2(shared + 0.7 * random.normal(size=(480, 640))) / frequency
        plane = np.fft.irfft2(spectrum, s=(480, 640))
        planes.append(random.uniform(60, 180) + 55 * plane / plane.std())
    return np.clip(np.stack(planes, axis=2), 0, 255).astype(np.uint8)


def _ball(random: np.random.Generator) -> Picture:
    """A lit ball of one colour before black: an orange, a planet."""
    across, down = np.meshgrid(np.arange(640), np.arange(480))
    r2 = (np.square(across - 320) + np.square(down - 240)) / 200.0**2
    height = np.sqrt(np.clip(1 - r2, 0, 1))
    light = np.clip(0.6 * height + 0.5 * (across - 320) / 200 * random.choice([-1, 1]) * (r2 < 1), 0, 1) * (r2 < 1)
    colour = np.array((random.integers(120, 256), random.integers(40, 200), random.integers(0, 160)))
    grain = random.normal(0, random.uniform(1, 12), light.shape) * (r2 < 1)
    return np.clip(light[..., None] * colour + grain[..., None], 0, 255).astype(np.uint8)


def _grey(light: NDArray[np.float64]) -> Picture:
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


KINDS: Mapping[str, Draw] = {
    "document": _document,
    "blank": _blank,
    "xray": _xray,
    "oct": _oct,
    "face": _face,
    "outer eye": _outer_eye,
    "screen": _screen,
    "landscape": _landscape,
    "ball": _ball,
}
