"""From a file's bytes to the network's input: the one way in, for training and scoring alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.decode import decode
from kerasdr.imaging.look import Look, see
from kerasdr.imaging.quality import Quality, judge
from kerasdr.imaging.recipes import Recipe, apply_geometry, apply_recipe
from kerasdr.imaging.retina import Disc, find_retina

# A JPEG may be decoded at a fraction of its size as long as twice the network's input is left, and enough to look at.
# The fraction must not depend on who asks, or training and scoring would see different pictures.
_DECODE_MARGIN = 2
_DECODE_AT_LEAST = 512

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Takes and returns a decoded photograph, ``(H, W, 3)`` uint8 RGB."""


@dataclass(frozen=True)
class Prepared:
    """A photograph made ready.

    Attributes:
        image: ``(size, size, 3)`` uint8 RGB, the network's input.
        quality: whether it may be graded.
        display: ``(display_size, display_size, 3)`` uint8 RGB in the frame of the network's input but without
            enhancements, or None if it was not asked for.
        look: what copies of it have in common, or None if it was not asked for.
    """

    image: NDArray[np.uint8]
    quality: Quality
    display: NDArray[np.uint8] | None
    look: Look | None = None


def prepare(
    data: bytes,
    recipe: Recipe,
    *,
    max_megapixels: float = 100.0,
    display_size: int | None = None,
    look: bool = False,
) -> Prepared:
    """Decode a photograph, judge it and apply a recipe.

    Args:
        data: the file's bytes.
        recipe: what to do with the pixels.
        max_megapixels: a picture with more is refused before it is decoded.
        display_size: side in pixels of the picture for people, if one is wanted.
        look: whether to see what copies of it have in common, which is of the pixels as they were decoded for the recipe.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    return prepare_all(data, [recipe], max_megapixels=max_megapixels, display_sizes=[display_size], look=look)[0]


def prepare_all(
    data: bytes,
    recipes: Sequence[Recipe],
    *,
    max_megapixels: float,
    display_sizes: Sequence[int | None],
    look: bool = False,
    change: Change | None = None,
) -> list[Prepared]:
    """Prepare a photograph by several recipes, each as :func:`prepare` does alone; what they have in common is done once.

    Args:
        data: the file's bytes.
        recipes: what to do with the pixels.
        max_megapixels: a picture with more is refused before it is decoded.
        display_sizes: for each recipe, the side in pixels of the picture for people, if one is wanted.
        look: as in :func:`prepare`.
        change: done to the decoded photograph before it is judged and prepared, as if it had been taken like that.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    decoded: dict[int, tuple[NDArray[np.uint8], Disc, Quality]] = {}
    made = []
    for recipe, display_size in zip(recipes, display_sizes, strict=True):
        min_side = decoding_side(recipe)
        if min_side not in decoded:
            rgb, disc = decode_for(data, recipe, max_megapixels=max_megapixels)
            if change is not None:
                rgb = change(rgb)
                disc = find_retina(rgb)
            decoded[min_side] = rgb, disc, judge(rgb, disc)
        rgb, disc, quality = decoded[min_side]
        display = None if display_size is None else apply_geometry(recipe, rgb, display_size, disc)
        made.append(Prepared(apply_recipe(recipe, rgb, disc), quality, display, see(rgb) if look else None))
    return made


def decode_for(data: bytes, recipe: Recipe, *, max_megapixels: float = 100.0) -> tuple[NDArray[np.uint8], Disc]:
    """Decode a photograph at the size that a recipe asks for, and find its retina: what the geometric step is given.

    Args:
        data: the file's bytes.
        recipe: what the pixels are for.
        max_megapixels: a picture with more is refused before it is decoded.

    Returns:
        ``(H, W, 3)`` uint8 RGB, and where the retina is in it.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    rgb = decode(data, max_megapixels=max_megapixels, min_side=decoding_side(recipe))
    return rgb, find_retina(rgb)


def decoding_side(recipe: Recipe) -> int:
    """Return the least side in pixels at which a photograph is decoded for a recipe."""
    return max(_DECODE_MARGIN * recipe.size, _DECODE_AT_LEAST)
