"""Light that is wrong: too little, too much, uneven, of another colour.

Every function takes ``(H, W, 3)`` uint8 RGB, its :class:`~kerasdr.imaging.field.Field`, a severity above 0 up to 5 and a
generator, and returns a new picture. A stop is a factor of two in light. Uneven light, halos and spots are the degradations of
Shen, Fu, Shen and Shao, "Modeling and enhancing low-quality retinal fundus images", IEEE Transactions on Medical Imaging
40(3), 2021; here they are in units of light and of the retina's diameter, and their strength is given and not drawn.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.field import Field, from_light, to_light

Picture = NDArray[np.uint8]

_GRAINS = 512


def dark(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Too little flash through a small pupil: 0.6 stops less for each step, and 0.4 more towards the retina's edge.

    The sensor's read noise, of 0.04% of full scale for each step and as coarse as a 512th of the diameter, is added to what
    light is left; where there is little it shows.
    """
    right, below = field.offsets()
    to_edge = np.minimum(4.0 * (right**2 + below**2), 1.0)  # squared share of the radius
    light = to_light(rgb) * np.exp2(-severity * (0.6 + 0.4 * to_edge))[..., None]
    light += np.float32(0.0004 * severity) * _grain(random, field)
    return field.put(from_light(light.astype(np.float32)), rgb)


def glare(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Too much flash: 0.3 stops more for each step, and a reflex of up to full scale and more at a drawn place.

    The reflex is a Gaussian spot of white light whose standard deviation is 8% of the diameter and whose peak is 30% of full
    scale for each step; it lies within half of the radius.
    """
    angle, away = random.uniform(0.0, 2 * np.pi), 0.25 * np.sqrt(random.uniform())
    right, below = field.offsets()
    squared = (right - away * np.cos(angle)) ** 2 + (below - away * np.sin(angle)) ** 2
    reflex = 0.3 * severity * np.exp(-squared / (2 * 0.08**2))
    light = to_light(rgb) * np.float32(2.0 ** (0.3 * severity)) + reflex[..., None]
    return field.put(from_light(light.astype(np.float32)), rgb)


def uneven(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """The camera sits askew before the pupil: light falls by 0.8 stops a step from one side of the retina to the other.

    The direction is drawn; the brightest side stays as it is.
    """
    angle = random.uniform(0.0, 2 * np.pi)
    right, below = field.offsets()
    across = np.clip(0.5 + right * np.cos(angle) + below * np.sin(angle), 0.0, 1.0)
    light = to_light(rgb) * np.exp2(-0.8 * severity * across)[..., None]
    return field.put(from_light(light.astype(np.float32)), rgb)


def colour(rgb: Picture, field: Field, severity: float, random: np.random.Generator) -> Picture:
    """Another white balance: gains of red, green and blue that differ, 0.2 stops long for each step.

    The direction is drawn among those whose three gains, in stops, sum to 0.
    """
    angle = random.uniform(0.0, 2 * np.pi)
    # Two axes at right angles to grey, each of length 1.
    warm, magenta = np.array([1.0, 0.0, -1.0]) / np.sqrt(2.0), np.array([1.0, -2.0, 1.0]) / np.sqrt(6.0)
    gains = np.exp2(0.2 * severity * (np.cos(angle) * warm + np.sin(angle) * magenta))
    return field.put(from_light((to_light(rgb) * gains).astype(np.float32)), rgb)


def _grain(random: np.random.Generator, field: Field) -> NDArray[np.float32]:
    """Return noise ``(H, W, 3)`` that is independent at a 512th of the diameter, with standard deviation 1 there."""
    height, width = field.inside.shape
    factor = _GRAINS / field.diameter
    shape = (max(1, round(height * factor)), max(1, round(width * factor)), 3)
    noise = random.standard_normal(shape, dtype=np.float32)
    how = cv2.INTER_NEAREST if factor < 1.0 else cv2.INTER_AREA
    return np.asarray(cv2.resize(noise, (width, height), interpolation=how), np.float32)
