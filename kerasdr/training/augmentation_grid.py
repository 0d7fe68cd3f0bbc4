"""What training's random changes make of a photograph, drawn by the layers that training uses; and the same in words."""

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import AugmentConfig, MemberConfig
from kerasdr.training.augmentation import augmentation_layers


def augmentation_grid(
    photograph: NDArray[np.uint8], config: AugmentConfig, seed: int, draws: int = 11
) -> NDArray[np.uint8]:
    """Return a photograph as the network sees it, and then as training shows it, again and again.

    Every draw goes through the layers as a batch of its own, since a blur is drawn for a whole batch.

    Args:
        photograph: network input, ``(S, S, 3)`` uint8 RGB.
        config: the random changes.
        seed: of the layers; the same seed gives the same grid, whatever was drawn before.
        draws: how many.

    Returns:
        ``(1 + draws, S, S, 3)`` uint8 RGB; the first is the photograph itself.
    """
    layers = augmentation_layers(config, seed)
    cells = [photograph]
    for _ in range(draws):
        images = photograph[None].astype(np.float32)
        for layer in layers:
            images = layer(images, training=True)
        cells.append(np.rint(np.clip(np.asarray(images)[0], 0.0, 255.0)).astype(np.uint8))
    return np.stack(cells)


def describe_augmentation(member: MemberConfig) -> str:
    """Say which random changes a member is trained with, in the order in which they are applied."""
    config = member.augment
    said = []
    flips = [name for name, on in (("left-right", config.horizontal_flip), ("up-down", config.vertical_flip)) if on]
    if flips:
        said.append(f"flips {' and '.join(flips)}")
    if config.rotation and config.rotation_probability:
        often = "" if config.rotation_probability == 1.0 else f" with probability {config.rotation_probability:g}"
        said.append(f"rotation within {config.rotation:g} degrees{often}")
    if config.crop:
        place = "put anywhere on black" if config.crop_place == "pad" else "stretched to the full size"
        said.append(f"crop of {1 - config.crop:.0%} of the side, {place}")
    for name in ("zoom", "shift", "brightness", "contrast"):
        if share := getattr(config, name):
            said.append(f"{name} up to {share:.0%}")
    if config.color_jitter != "none":
        said.append(f"color_jitter {config.color_jitter}")
    if config.blur:
        said.append(f"blur up to sigma {config.blur:g} px")
    if not said:
        return "no random changes"
    cached = [stage.name for stage in member.stages if stage.cached_features]
    left_out = f" (not in stage {', '.join(cached)}, which trains on cached features)" if cached else ""
    return "; ".join(said) + left_out
