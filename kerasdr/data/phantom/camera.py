"""What the camera does to a retina: light, focus, noise, the border, and the faults that make it ungradable."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.anatomy import Frame, Random, smooth_field


def choose_frame(random: Random, size: int) -> Frame:
    """Decide where the retina's disc lies on the canvas."""
    centre = size / 2 + random.uniform(-0.015, 0.015, 2) * size
    return Frame(size, float(centre[0]), float(centre[1]), float(size * random.uniform(0.44, 0.49)))


def photograph(
    retina: NDArray[np.float32], random: Random, frame: Frame, fault: str = ""
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Take the picture.

    Args:
        retina: planes ``(3, size, size)`` of RGB, 0..255; changed.
        random: where chance comes from.
        frame: where the disc lies.
        fault: ``dark``, ``out of focus``, ``half lit``, or an empty string.

    Returns:
        The picture, ``(size, size, 3)`` uint8 RGB, black outside the disc; and where the disc is, ``(size, size)``.
    """
    size = frame.size
    grid = np.arange(size, dtype=np.float32)
    dx, dy = (grid - frame.x) / frame.radius, (grid - frame.y) / frame.radius
    squared = dx[None, :] ** 2 + dy[:, None] ** 2
    light = random.uniform(0.72, 1.12) * (1.0 - random.uniform(0.05, 0.35) * squared)
    tilt = random.uniform(-0.16, 0.16, 2).astype(np.float32)
    light += tilt[0] * dx[None, :] + tilt[1] * dy[:, None] + 0.05 * smooth_field(random, 4, (size, size))
    if fault == "half lit":
        angle = random.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * dx[None, :] + np.sin(angle) * dy[:, None] + random.uniform(0.0, 0.25)
        light *= np.clip(0.5 - 4.0 * edge, 0.02, 1.0)
    if fault == "dark":
        light *= random.uniform(0.06, 0.11)
    light = np.clip(light, 0.0, None).astype(np.float32)
    balance = random.uniform(0.9, 1.1, 3).astype(np.float32)  # of white: it differs from camera to camera
    blur = random.uniform(9.0, 14.0) if fault == "out of focus" else random.uniform(0.3, 0.8)
    sigma = blur * size / 512
    # Two sums of random bytes are close enough to a bell and far cheaper than one.
    grain = random.integers(0, 256, (2, size, size), dtype=np.uint8)
    amount = random.uniform(0.5, 2.5) * (0.2 if fault == "out of focus" else 1.0)
    noise = (grain[0].astype(np.float32) + grain[1] - 255.0) * np.float32(amount / 104.0)
    inside = squared <= 1.0
    if random.random() < 0.5:  # many cameras cut the disc off above and below
        inside &= np.abs(dy)[:, None] < random.uniform(0.78, 0.92)
    taken = []
    for plane, factor in zip(retina, balance, strict=True):  # one after the other, so that each stays in the cache
        plane *= light
        plane *= factor
        sharp = cv2.GaussianBlur(plane, (0, 0), sigma)
        sharp += noise
        taken.append(np.clip(sharp, 0, 255, out=sharp).astype(np.uint8) * inside)
    return np.asarray(cv2.merge(taken), np.uint8), inside


def sign(picture: NDArray[np.uint8]) -> None:
    """Write PHANTOM small into the black corner, so that nobody takes the picture for a person's."""
    size = picture.shape[0]
    cv2.putText(
        picture, "PHANTOM", (3, size - 4), cv2.FONT_HERSHEY_PLAIN, 0.7 * size / 512, (90, 90, 90), 1, cv2.LINE_AA
    )
