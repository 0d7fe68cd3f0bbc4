"""Grids of random changes: what training shows the network, cell by cell."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.config import AugmentConfig, MemberConfig, resolve
from kerasdr.training.augmentation import augmentation_layers
from kerasdr.training.augmentation_grid import augmentation_grid, describe_augmentation
from tests.training.conftest import OFF


@pytest.fixture
def photograph() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 160, (32, 32, 3)).astype(np.uint8)


def member(augment: dict[str, Any], **more: Any) -> MemberConfig:
    return resolve({"name": "x", "augment": augment, **more}).members[0]


def test_the_first_cell_is_the_photograph_and_the_others_are_draws(photograph: NDArray[np.uint8]) -> None:
    cells = augmentation_grid(photograph, AugmentConfig(), seed=1)
    assert (cells.shape, cells.dtype) == ((12, 32, 32, 3), np.uint8)
    assert np.array_equal(cells[0], photograph)
    assert len(np.unique(cells, axis=0)) == 12
    assert augmentation_grid(photograph, AugmentConfig(), seed=1, draws=3).shape[0] == 4


def test_draws_are_those_of_the_layers_of_training(photograph: NDArray[np.uint8]) -> None:
    config = AugmentConfig(rotation_probability=0.5, crop=0.2, color_jitter="balanced", blur=1.0)
    images = photograph[None].astype(np.float32)
    for layer in augmentation_layers(config, 5):
        images = layer(images, training=True)
    assert np.array_equal(augmentation_grid(photograph, config, seed=5)[1], np.rint(np.asarray(images)[0]))


def test_without_random_changes_all_cells_are_the_first(photograph: NDArray[np.uint8]) -> None:
    cells = augmentation_grid(photograph, AugmentConfig(**OFF), seed=1)
    assert (cells == photograph).all() and len(cells) == 12


def test_the_seed_decides(photograph: NDArray[np.uint8]) -> None:
    first, again, other = (augmentation_grid(photograph, AugmentConfig(), seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_darken_only_ever_darkens_and_balanced_does_both(photograph: NDArray[np.uint8]) -> None:
    cells = augmentation_grid(photograph, AugmentConfig(**OFF, color_jitter="darken"), seed=1)
    assert (cells[1:] < photograph).all()
    cells = augmentation_grid(photograph, AugmentConfig(**OFF, color_jitter="balanced"), seed=1)
    means = cells[1:].mean(axis=(1, 2, 3))
    assert means.min() < photograph.mean() - 5 and means.max() > photograph.mean() + 5


def test_every_draw_has_a_blur_of_its_own(photograph: NDArray[np.uint8]) -> None:
    cells = augmentation_grid(photograph, AugmentConfig(**OFF, blur=2.0), seed=1)
    assert len(np.unique(cells[1:].std(axis=(1, 2, 3)).round(2))) > 4


def test_words_for_the_settings_that_are_on() -> None:
    report = {
        **OFF,
        "horizontal_flip": True,
        "vertical_flip": True,
        "rotation": 30,
        "rotation_probability": 0.5,
        "crop": 0.18,
        "crop_place": "pad",
        "color_jitter": "darken",
    }
    assert describe_augmentation(member(report)) == (
        "flips left-right and up-down; rotation within 30 degrees with probability 0.5; "
        "crop of 82% of the side, put anywhere on black; color_jitter darken"
    )
    mild = {**OFF, "vertical_flip": True, "rotation": 12.5, "crop": 0.1, "zoom": 0.1, "shift": 0.05, "blur": 1.5}
    assert describe_augmentation(member(mild)) == (
        "flips up-down; rotation within 12.5 degrees; crop of 90% of the side, stretched to the full size; "
        "zoom up to 10%; shift up to 5%; blur up to sigma 1.5 px"
    )
    assert describe_augmentation(member({**OFF, "brightness": 0.2, "contrast": 0.3})) == (
        "brightness up to 20%; contrast up to 30%"
    )
    assert describe_augmentation(member({**OFF, "rotation": 30, "rotation_probability": 0})) == "no random changes"


def test_stages_on_cached_features_are_said_to_see_none_of_it() -> None:
    stages = [{"name": "head", "train": "head", "cached_features": True}, {"name": "fine"}]
    said = describe_augmentation(member({**OFF, "horizontal_flip": True}, stages=stages))
    assert said == "flips left-right (not in stage head, which trains on cached features)"
