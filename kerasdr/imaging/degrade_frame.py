"""What stands before the retina or shifts it: part of the field missing, a tilted head, dust.

Every function takes ``(H, W, 3)`` uint8 RGB, its :class:`~kerasdr.imaging.field.Field`, a severity above 0 up to 5 and a
generator, and returns a new picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.field import Field, from_light, to_light

Picture = NDArray[np.uint8]

_SPOTS_A_STEP = 4
_SPOTS = 5 * _SPOTS_A_STEP
_PALE, _BLACK = 0.45, 0.01  # of full scale


def crop(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Part of the field is not there, as behind an eyelid: black from one side over 10% of the diameter for each step.

    At step 5 half of the retina is black. The side is drawn; the edge is soft over 1% of the diameter.
    """
    angle = random.uniform(0.0, 2 * np.pi)
    right, below = field.offsets()
    from_side = 0.5 + right * np.cos(angle) + below * np.sin(angle)
    lit = np.clip((from_side - 0.1 * severity) / 0.01 + 0.5, 0.0, 1.0)
    return np.rint(rgb * lit[..., None]).astype(np.uint8)


def rotate(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """A tilted head or camera: turned by 3 degrees for each step about the middle of the retina, to a drawn side.

    What comes from beyond the frame is black.
    """
    degrees = 3.0 * severity * (1.0 if random.uniform() < 0.5 else -1.0)
    matrix = cv2.getRotationMatrix2D((field.x, field.y), degrees, 1.0)
    size = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0)), np.uint8)


def dust(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Dust on lens and sensor: four spots for each step, with radii of 0.5% to 2.5% of the diameter, at drawn places.

    Dark spots, on the sensor, and pale ones, on the lens, which scatter the flash, are equally many. A spot hides 70% of what
    is behind it and has a soft edge. Number and sizes are near those of the spots of Shen, Fu, Shen and Shao, IEEE Transactions
    on Medical Imaging 40(3), 2021.
    """
    light = to_light(rgb)
    # All spots are drawn whatever the severity, so that those of a step are there in the next one too.
    angles, away = random.uniform(0.0, 2 * np.pi, _SPOTS), 0.48 * np.sqrt(random.uniform(size=_SPOTS))
    radii = random.uniform(0.005, 0.025, _SPOTS) * field.diameter
    xs, ys = (field.x + field.diameter * away * turn(angles) for turn in (np.cos, np.sin))
    for number, (x, y, radius) in enumerate(zip(xs, ys, radii, strict=True)):
        strength = 0.7 * np.clip(_SPOTS_A_STEP * severity - number, 0.0, 1.0)
        reach = 1.5 * radius
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        part = light[top : max(0, int(y + reach) + 2), left : max(0, int(x + reach) + 2)]
        rows, columns = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        spot = strength * np.clip(1.5 - np.hypot(rows - y, columns - x) / radius, 0.0, 1.0)[..., None]
        behind = _PALE if number % 2 else _BLACK
        part += (spot * (behind - part)).astype(np.float32)
    return field.put(from_light(light), rgb)
