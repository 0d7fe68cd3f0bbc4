"""From a file's bytes to the network's input: the one way in, for training and scoring alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.decode import decode
from kerasdr.imaging.quality import Quality, judge
from kerasdr.imaging.recipes import Recipe, apply_geometry, apply_recipe
from kerasdr.imaging.retina import find_retina

# A JPEG may be decoded at a fraction of its size as long as twice the network's input is left, and enough to look at.
# The fraction must not depend on who asks, or training and scoring would see different pictures.
_DECODE_MARGIN = 2
_DECODE_AT_LEAST = 512


@dataclass(frozen=True)
class Prepared:
    """A photograph made ready.

    Attributes:
        image: ``(size, size, 3)`` uint8 RGB, the network's input.
        quality: whether it may be graded.
        display: ``(display_size, display_size, 3)`` uint8 RGB in the frame of the network's input but without
            enhancements, or None if it was not asked for.
    """

    image: NDArray[np.uint8]
    quality: Quality
    display: NDArray[np.uint8] | None


def prepare(data: bytes, recipe: Recipe, *, max_megapixels: float = 100.0, display_size: int | None = None) -> Prepared:
    """Decode a photograph, judge it and apply a recipe.

    Args:
        data: the file's bytes.
        recipe: what to do with the pixels.
        max_megapixels: a picture with more is refused before it is decoded.
        display_size: side in pixels of the picture for people, if one is wanted.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    min_side = max(_DECODE_MARGIN * recipe.size, _DECODE_AT_LEAST)
    rgb = decode(data, max_megapixels=max_megapixels, min_side=min_side)
    disc = find_retina(rgb)
    display = None if display_size is None else apply_geometry(recipe, rgb, display_size, disc)
    return Prepared(apply_recipe(recipe, rgb, disc), judge(rgb, disc), display)
