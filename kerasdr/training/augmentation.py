"""Random changes of training photographs, as Keras layers that stand in front of the classifier while it is fitted."""

import math

import keras

from kerasdr.config import AugmentConfig
from kerasdr.training.backend import keras_backend
from kerasdr.training.random_layers import RandomCropBack, RandomExposure, Sometimes

_EXPOSURES = {"darken": (0.1, 0.9), "balanced": (0.7, 1.3)}


def augmentation_layers(config: AugmentConfig, seed: int) -> list[keras.layers.Layer]:
    """Return the layers that a configuration asks for, in the order in which they are applied.

    They take and return ``(N, H, W, 3)`` floats in 0..255, draw anew for every photograph (the blur for every batch), and do
    nothing outside training.
    What rotation, zoom and shift bring in from outside the picture is black, as it is around the retina.

    Args:
        config: which changes, and how large.
        seed: start of the layers' random generators; their state is part of the model's variables.
    """
    layers = keras.layers
    chosen: list[keras.layers.Layer] = []

    def next_seed() -> int:
        return seed * 100 + len(chosen)

    flips = {(True, True): "horizontal_and_vertical", (True, False): "horizontal", (False, True): "vertical"}
    flip = flips.get((config.horizontal_flip, config.vertical_flip))
    if flip:
        chosen.append(layers.RandomFlip(flip, seed=next_seed()))
    outside = {"fill_mode": "constant", "fill_value": 0.0}
    if config.rotation and config.rotation_probability:
        turn = layers.RandomRotation(config.rotation / 360.0, seed=next_seed(), **outside)
        whole = config.rotation_probability == 1.0
        chosen.append(turn if whole else Sometimes(turn, config.rotation_probability, seed=next_seed() + 50))
    if config.crop:
        chosen.append(RandomCropBack(config.crop, config.crop_place, seed=next_seed()))
    if config.zoom:
        chosen.append(layers.RandomZoom(config.zoom, seed=next_seed(), **outside))
    if config.shift:
        chosen.append(layers.RandomTranslation(config.shift, config.shift, seed=next_seed(), **outside))
    if config.brightness:
        chosen.append(layers.RandomBrightness(config.brightness, value_range=(0, 255), seed=next_seed()))
    if config.contrast:
        chosen.append(layers.RandomContrast(config.contrast, value_range=(0, 255), seed=next_seed()))
    if config.color_jitter != "none":
        chosen.append(RandomExposure(*_EXPOSURES[config.color_jitter], seed=next_seed()))
    if config.blur:
        kernel = 2 * math.ceil(2 * config.blur) + 1
        blur = layers.RandomGaussianBlur(1.0, kernel, (0.0, config.blur), value_range=(0, 255), seed=next_seed())
        chosen.append(blur)
    if keras_backend() == "jax":
        # Keras marks rotations, zooms and shifts as not to be compiled, for TensorFlow's sake: JAX compiles them.
        for layer in chosen:
            inner = [layer.layer] if isinstance(layer, Sometimes) else []
            for each in (layer, *inner):
                each.supports_jit = True
    return chosen
