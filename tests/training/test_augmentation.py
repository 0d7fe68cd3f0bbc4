"""What random changes do to pixels, and that they do nothing outside training."""

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.config import AugmentConfig
from kerasdr.training.augmentation import augmentation_layers
from kerasdr.training.random_layers import RandomCropBack, RandomExposure, Sometimes
from tests.training.conftest import OFF

EVERYTHING: dict[str, Any] = {
    "rotation_probability": 0.5,
    "crop": 0.2,
    "shift": 0.1,
    "color_jitter": "balanced",
    "blur": 1.0,
}


def photographs(n: int = 40, side: int = 24) -> NDArray[np.float32]:
    return np.random.default_rng(0).integers(60, 200, (n, side, side, 3)).astype(np.float32)


def apply(layers: list[keras.layers.Layer], images: NDArray[np.float32], training: bool = True) -> NDArray[np.float32]:
    for layer in layers:
        images = layer(images, training=training)
    return np.asarray(images)


def test_off_is_off() -> None:
    assert augmentation_layers(AugmentConfig(**OFF), 1) == []


@pytest.mark.parametrize(
    "key", [*EVERYTHING, "horizontal_flip", "vertical_flip", "rotation", "zoom", "brightness", "contrast"]
)
def test_each_key_changes_training_and_nothing_else(key: str) -> None:
    value = {**EVERYTHING, "rotation": 20, "horizontal_flip": True, "vertical_flip": True}.get(key, 0.3)
    needed = {"rotation": 20} if key == "rotation_probability" else {}
    layers = augmentation_layers(AugmentConfig(**{**OFF, **needed, key: value}), 1)
    images = photographs()
    changed = apply(layers, images)
    assert changed.shape == images.shape
    assert np.abs(changed - images).max() > 1
    assert changed.min() >= 0 and changed.max() <= 255
    assert np.array_equal(apply(layers, images, training=False), images)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    config = AugmentConfig(**EVERYTHING)
    first, again, other = (apply(augmentation_layers(config, seed), photographs()) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_layer_draws_from_a_seed_of_its_own() -> None:
    layers = augmentation_layers(AugmentConfig(**EVERYTHING), 7)
    seeds = [layer.seed for layer in layers]
    assert len(set(seeds)) == len(seeds)


def test_colour_jitter_of_the_report_only_darkens_and_the_balanced_one_does_not() -> None:
    images = np.full((400, 4, 4, 3), 100.0, np.float32)
    factors = {}
    for kind in ("darken", "balanced"):
        (layer,) = augmentation_layers(AugmentConfig(**OFF, color_jitter=kind), 1)
        factors[kind] = apply([layer], images)[:, 0, 0, 0] / 100
    assert factors["darken"].max() < 0.9 and factors["darken"].min() > 0.1
    assert factors["darken"].mean() == pytest.approx(0.5, abs=0.04)
    assert factors["balanced"].mean() == pytest.approx(1.0, abs=0.03)
    assert (factors["balanced"] > 1).mean() == pytest.approx(0.5, abs=0.08)


def test_padded_crop_is_the_photograph_moved_within_black() -> None:
    images = photographs(60)
    changed = apply([RandomCropBack(0.25, "pad", seed=5)], images)
    corners = set()
    for before, after in zip(images, changed, strict=True):
        lit = np.argwhere(after.max(axis=2) > 0)
        (top, left), (bottom, right) = lit.min(axis=0), lit.max(axis=0)
        assert (bottom - top + 1, right - left + 1) == (18, 18)  # three quarters of 24
        square = after[top : bottom + 1, left : right + 1]
        sources = [(y, x) for y in range(7) for x in range(7) if np.array_equal(before[y : y + 18, x : x + 18], square)]
        assert len(sources) == 1
        corners.add((top, left, *sources[0]))
    assert len(corners) > 50


def test_stretched_crop_fills_the_frame_from_within_the_photograph() -> None:
    # Columns that count up: a crop of half the side spans half of the range.
    images = np.tile(np.arange(24, dtype=np.float32)[None, None, :, None], (30, 24, 1, 3))
    changed = apply([RandomCropBack(0.5, "stretch", seed=5)], images)
    span = changed[:, 12, -1, 0] - changed[:, 12, 0, 0]
    assert span == pytest.approx(np.full(30, 11.5), abs=0.6)
    assert len(np.unique(changed[:, 12, 0, 0])) > 5


def test_sometimes_is_that_often() -> None:
    images = np.full((600, 2, 2, 3), 100.0, np.float32)
    changed = apply([Sometimes(RandomExposure(0.4, 0.5, seed=1), 0.3, seed=2)], images)[:, 0, 0, 0]
    assert (changed < 60).mean() == pytest.approx(0.3, abs=0.06)
    assert set(np.unique(changed[changed > 60])) == {100.0}


@pytest.mark.parametrize(
    "layer",
    [
        RandomExposure(0.5, 0.9, seed=1),
        RandomCropBack(0.2, "pad", seed=2),
        Sometimes(RandomExposure(0.1, 0.2, seed=3), 0.5, seed=4),
    ],
)
def test_layers_describe_themselves(layer: keras.layers.Layer) -> None:
    again = layer.__class__.from_config(layer.get_config())
    assert np.array_equal(apply([layer], photographs(6)), apply([again], photographs(6)))


def test_unknown_place_is_refused() -> None:
    with pytest.raises(ValueError, match="place must be stretch or pad, got 'middle'"):
        RandomCropBack(0.1, "middle")
