"""Named preprocessings: what they are made of, as data, and on odd pictures."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.imaging import steps
from kerasdr.imaging.recipes import Recipe, Step, apply_geometry, apply_recipe, get_recipe, recipe_names

Draw = Callable[..., NDArray[np.uint8]]

NAMES = ("none", "crop", "clahe", "clahe-crop", "graham-crop", "clahe-crop-graham", "clahe-crop-blur")


@pytest.fixture
def rgb(draw_disc: Draw) -> NDArray[np.uint8]:
    return draw_disc(300, 400, 210, 150, 130)


def test_names() -> None:
    assert set(NAMES) <= set(recipe_names())
    assert len(set(recipe_names())) == len(recipe_names())


def test_recipes_are_their_steps(rgb: NDArray[np.uint8]) -> None:
    crop = steps.circular_crop(rgb, 96)
    squeezed = steps.resize(rgb, 96)
    expected = {
        "none": squeezed,
        "crop": crop,
        "clahe": steps.clahe(squeezed),
        "clahe-crop": steps.clahe(crop),
        "graham-crop": steps.ben_graham(crop),
        "clahe-crop-graham": steps.ben_graham(steps.clahe(crop)),
        "clahe-crop-blur": steps.gaussian_blur(steps.clahe(crop)),
    }
    for name, picture in expected.items():
        np.testing.assert_array_equal(apply_recipe(get_recipe(name, 96), rgb), picture, err_msg=name)
    assert len({picture.tobytes() for picture in expected.values()}) == len(expected)


def test_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(KerasdrError) as caught:
        get_recipe("clahe_crop", 64)
    message = str(caught.value)
    assert "did you mean" in message
    assert all(name in message for name in NAMES)
    assert "\n" not in message


@pytest.mark.parametrize("name", NAMES)
def test_round_trip_through_json(name: str, rgb: NDArray[np.uint8]) -> None:
    recipe = get_recipe(name, 64)
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    np.testing.assert_array_equal(apply_recipe(again, rgb), apply_recipe(recipe, rgb))


def test_options_are_kept_and_used(rgb: NDArray[np.uint8]) -> None:
    content = {
        "name": "mine",
        "size": 64,
        "steps": [{"name": "circular-crop", "options": {}}, {"name": "gaussian-blur", "options": {"sigma": 3.0}}],
    }
    recipe = Recipe.from_dict(content)
    assert recipe == Recipe("mine", 64, (Step("circular-crop"), Step("gaussian-blur", {"sigma": 3.0})))
    assert recipe.to_dict() == content
    np.testing.assert_array_equal(
        apply_recipe(recipe, rgb), steps.gaussian_blur(steps.circular_crop(rgb, 64), sigma=3.0)
    )


def changed(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "size": 64, "steps": [{"name": "resize", "options": {}}], **changes}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([], "keys name, size and steps"),
        ({"name": "x", "size": 64}, "keys name, size and steps"),
        (changed(colour="red"), "keys name, size and steps"),
        (changed(size="64"), "between 8 and 4096"),
        (changed(size=True), "between 8 and 4096"),
        (changed(size=64.0), "between 8 and 4096"),
        (changed(size=7), "between 8 and 4096"),
        (changed(size=100_000), "between 8 and 4096"),
        (changed(steps=[]), "list of steps"),
        (changed(steps="resize"), "list of steps"),
        (changed(steps=["resize"]), "keys name and options"),
        (changed(steps=[{"name": "resize"}]), "keys name and options"),
        (changed(steps=[{"name": "resize", "options": []}]), "keys name and options"),
        (changed(steps=[{"name": "clahe", "options": {}}]), "step 1 is one of resize, circular-crop"),
        (changed(steps=[{"name": "resize", "options": {}}] * 2), "step 2 is one of clahe"),
        (changed(steps=[{"name": "resize", "options": {}}, {"name": "sharpen", "options": {}}]), "sharpen"),
        (changed(steps=[{"name": "resize", "options": {"size": 3}}]), "takes numbers for"),
        (changed(steps=[{"name": "resize", "options": {}}, {"name": "clahe", "options": {"limit": 2}}]), "limit"),
        (changed(steps=[{"name": "resize", "options": {}}, {"name": "clahe", "options": {"tiles": "8"}}]), "tiles"),
        (changed(steps=[{"name": "resize", "options": {}}, {"name": "clahe", "options": {"tiles": True}}]), "tiles"),
    ],
)
def test_plain_data_is_read_strictly(content: Any, match: str) -> None:
    with pytest.raises(KerasdrError, match=match):
        Recipe.from_dict(content)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (2, 3), (17, 16), (10, 5000), (5000, 10), (33, 97)])
def test_odd_shapes_give_the_right_shape(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = rgb.copy()
    for name in recipe_names():
        result = apply_recipe(get_recipe(name, 48), rgb)
        assert result.shape == (48, 48, 3)
        assert result.dtype == np.uint8
    np.testing.assert_array_equal(rgb, before)


@pytest.mark.parametrize("name", NAMES)
def test_the_photograph_is_left_as_it_is_and_the_result_is_repeatable(name: str, rgb: NDArray[np.uint8]) -> None:
    before = rgb.copy()
    recipe = get_recipe(name, 64)
    first, second = apply_recipe(recipe, rgb), apply_recipe(recipe, rgb)
    np.testing.assert_array_equal(rgb, before)
    np.testing.assert_array_equal(first, second)
    rgb.flags.writeable = False
    np.testing.assert_array_equal(apply_recipe(recipe, rgb), first)


def test_geometry_alone_is_the_first_step_at_any_size(rgb: NDArray[np.uint8]) -> None:
    for name, step in (("clahe-crop-graham", steps.circular_crop), ("clahe", steps.resize)):
        np.testing.assert_array_equal(apply_geometry(get_recipe(name, 64), rgb, 120), step(rgb, 120))


def test_heat_maps_lie_on_the_same_frame_at_another_size(rgb: NDArray[np.uint8]) -> None:
    recipe = get_recipe("clahe-crop", 64)
    small, large = apply_geometry(recipe, rgb, 64), apply_geometry(recipe, rgb, 256)
    assert np.abs(steps.resize(large, 64).astype(int) - small).mean() < 3
