"""Where a photograph shows retina, in units of the retina's diameter, and its pixels as amounts of light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.retina import brightest, find_retina

# What is darker than both, the latter relative to the brightest parts, is no lit retina; a halo of stray light lies around it.
_DARK, _DARK_SHARE = 10.0, 0.1
_GAMMA = 2.2


@dataclass(frozen=True, eq=False)
class Field:
    """The part of a photograph that shows retina.

    Attributes:
        x, y: centre of the retina's disc, in pixels.
        diameter: of the disc, in pixels; of a retina that fills the frame, the frame's longer side.
        inside: ``(H, W)`` booleans: retina, not the camera's black frame.
    """

    x: float
    y: float
    diameter: float
    inside: NDArray[np.bool_]

    def offsets(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return how far pixels lie to the right, ``(1, W)``, and below, ``(H, 1)``, of the centre, in diameters."""
        height, width = self.inside.shape
        right = (np.arange(width, dtype=np.float32) - self.x) / self.diameter
        below = (np.arange(height, dtype=np.float32) - self.y) / self.diameter
        return right[None, :].astype(np.float32), below[:, None].astype(np.float32)

    def put(self, changed: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the changed picture where there is retina and the picture itself elsewhere, both ``(H, W, 3)``.

        The outermost pixels of the retina, which the camera's own optics soften, are a mixture of the two.
        """
        share = cv2.blur(self.inside.astype(np.float32), (3, 3), borderType=cv2.BORDER_REPLICATE)
        put = np.where(self.inside[..., None], changed, rgb)
        edge = self.inside & (share < 0.999)
        part = share[edge][:, None]
        put[edge] = np.rint(part * changed[edge] + (1.0 - part) * rgb[edge]).astype(np.uint8)
        return put


def find_field(rgb: NDArray[np.uint8]) -> Field:
    """Return where a photograph shows retina.

    The frame is what is dark and connected to the picture's border, and all well outside the retina's disc: so a disc that the
    camera cut off above and below has its true outline, and dark lesions count as retina.

    Args:
        rgb: ``(H, W, 3)`` uint8.
    """
    disc = find_retina(rgb)
    height, width = rgb.shape[:2]
    light = brightest(rgb)
    dark = (light <= max(_DARK, _DARK_SHARE * float(np.percentile(light, 95)))).astype(np.uint8)
    count, labels = cv2.connectedComponents(dark, connectivity=4)
    shown = np.ones(count, dtype=bool)
    shown[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    shown[0] = True  # what is not dark, at the border too
    inside = shown[labels]
    if disc.kind == "disc":
        right = np.square(np.arange(width) - disc.x)
        below = np.square(np.arange(height) - disc.y)
        inside &= right[None, :] + below[:, None] <= (1.1 * disc.radius) ** 2
    return Field(disc.x, disc.y, 2 * disc.radius, inside)


def to_light(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return amounts of light in 0-1, ``(H, W, 3)``, of a picture that was stored with a gamma of 2.2."""
    table = (np.arange(256) / 255.0) ** _GAMMA
    return np.asarray(cv2.LUT(rgb, table.astype(np.float32)), np.float32)


def from_light(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture of amounts of light; what is below 0 or above 1 is black or saturated."""
    # Conversion rounds and saturates; amounts below 0, which have no root, are black.
    return np.asarray(cv2.convertScaleAbs(cv2.pow(cv2.max(light, 0.0), 1.0 / _GAMMA), alpha=255.0), np.uint8)
