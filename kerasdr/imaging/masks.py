"""Masks in a photograph's frame brought to the frame that a network sees, by the very step that moves the photograph."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.imaging.prepare import decode_for
from kerasdr.imaging.recipes import Recipe, apply_geometry
from kerasdr.imaging.retina import Disc, brightest

# As for heat over a photograph: what is darker is the black surrounding.
_LIT = 8
# Sides of a mask and its photograph may differ in scale, and by rounding in shape.
_ASPECT_SLACK = 0.01


@dataclass(frozen=True, eq=False)
class Framed:
    """A photograph and its masks in the frame of a recipe.

    Attributes:
        picture: ``(S, S, 3)`` uint8 RGB, without the recipe's enhancements.
        retina: ``(S, S)`` booleans: where the retina is seen; the black surroundings are left out.
        masks: ``(S, S)`` booleans by name.
    """

    picture: NDArray[np.uint8]
    retina: NDArray[np.bool_]
    masks: dict[str, NDArray[np.bool_]]

    @property
    def union(self) -> NDArray[np.bool_]:
        """Where any mask is, ``(S, S)``."""
        return np.logical_or.reduce([np.zeros_like(self.retina), *self.masks.values()])


def frame_photograph(
    data: bytes,
    recipe: Recipe,
    masks: Mapping[str, NDArray[np.bool_]],
    size: int,
    *,
    max_megapixels: float = 100.0,
) -> Framed:
    """Decode a photograph as scoring does and bring it and its masks to the recipe's frame.

    Args:
        data: the photograph's bytes.
        recipe: whose geometric step is applied, to photograph and masks alike.
        masks: ``(h, w)`` booleans by name, of the photograph's shape or of that shape at another scale.
        size: side in pixels of the frame.
        max_megapixels: a larger picture is refused.

    Raises:
        UnreadablePhotograph: if the photograph cannot be read.
        KerasdrError: if a mask has another shape than the photograph.
    """
    rgb, disc = decode_for(data, recipe, max_megapixels=max_megapixels)
    framed = {name: frame_mask(recipe, mask, rgb.shape[:2], disc, size) for name, mask in masks.items()}
    retina = frame_mask(recipe, visible_retina(rgb, disc), rgb.shape[:2], disc, size)
    return Framed(apply_geometry(recipe, rgb, size, disc), retina, framed)


def frame_mask(
    recipe: Recipe, mask: NDArray[np.bool_], shape: tuple[int, ...], disc: Disc, size: int
) -> NDArray[np.bool_]:
    """Bring a mask to a recipe's frame.

    A pixel of the frame belongs to the mask if half of it or more does. That keeps the area of what is several pixels wide; a
    spot of about one pixel of the frame or less mostly vanishes (of discs 0.9 pixels wide 23% stay, of 1.4 pixels 92%).

    Args:
        recipe: whose geometric step is applied.
        mask: ``(h, w)``.
        shape: height and width of the decoded photograph, in whose pixels ``disc`` is; JPEGs may be decoded smaller.
        disc: where the photograph's retina is.
        size: side in pixels of the frame.

    Returns:
        ``(size, size)``.

    Raises:
        KerasdrError: if the mask is not of the photograph's shape at any scale.
    """
    height, width = shape[:2]
    if mask.ndim != 2 or abs(mask.shape[0] * width / (mask.shape[1] * height) - 1) > _ASPECT_SLACK:
        found = " x ".join(map(str, mask.shape[::-1]))
        raise KerasdrError(
            f"the mask is {found} px and its photograph {width} x {height}: give the mask of this very photograph"
        )
    share = mask.astype(np.uint8) * np.uint8(255)
    if mask.shape != (height, width):
        smaller = mask.shape[0] > height
        share = np.asarray(
            cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8
        )
    moved = apply_geometry(recipe, np.repeat(share[..., None], 3, axis=2), size, disc)
    return np.asarray(moved[..., 0] >= 128)


def visible_retina(rgb: NDArray[np.uint8], disc: Disc) -> NDArray[np.bool_]:
    """Return where a photograph shows the retina, ``(H, W)``: within its disc, and not black as where the camera cut it off.

    Small black spots within, such as dark bleedings, belong to it.

    Args:
        rgb: ``(H, W, 3)`` uint8.
        disc: from :func:`kerasdr.imaging.retina.find_retina`.
    """
    height, width = rgb.shape[:2]
    lit = (brightest(rgb) > _LIT).astype(np.uint8)
    if disc.kind == "disc":
        squared = np.square(np.arange(width) - disc.x)[None, :] + np.square(np.arange(height) - disc.y)[:, None]
        lit &= (squared <= disc.radius**2).astype(np.uint8)
    side = 2 * max(1, round(0.02 * disc.radius)) + 1
    closed = cv2.morphologyEx(
        cv2.copyMakeBorder(lit, side, side, side, side, cv2.BORDER_REPLICATE),
        cv2.MORPH_CLOSE,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)),
    )
    return np.asarray(closed[side:-side, side:-side] > 0)
