"""The one way in: the same bytes give the same input, whoever asks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.decode import UnreadablePhotograph, decode
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.quality import judge
from kerasdr.imaging.recipes import apply_geometry, apply_recipe, get_recipe

Encode = Callable[..., bytes]


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    return draw_eye(2, make_person(2, 1), Eye("left", 2, ""), 300).image


@pytest.mark.parametrize("recipe_name", ["none", "crop", "clahe-crop", "clahe-crop-graham"])
def test_image_does_not_depend_on_the_display(encode: Encode, rgb: NDArray[np.uint8], recipe_name: str) -> None:
    recipe = get_recipe(recipe_name, 64)
    for size in (300, 1400):  # the larger one is decoded at half its size
        from PIL import Image

        data = encode(Image.fromarray(rgb).resize((size, size)), "JPEG", quality=92)
        alone = prepare(data, recipe)
        assert alone.display is None
        for display_size in (32, 448, 1024):
            shown = prepare(data, recipe, display_size=display_size)
            assert shown.image.tobytes() == alone.image.tobytes()
            assert shown.quality == alone.quality
            assert shown.display is not None
            assert shown.display.shape == (display_size, display_size, 3)


def test_parts_are_decode_judge_and_recipe(encode: Encode, rgb: NDArray[np.uint8]) -> None:
    recipe = get_recipe("clahe-crop", 64)
    data = encode(rgb, "PNG")
    prepared = prepare(data, recipe, display_size=100)
    np.testing.assert_array_equal(prepared.image, apply_recipe(recipe, rgb))
    np.testing.assert_array_equal(prepared.display, apply_geometry(recipe, rgb, 100))
    assert prepared.quality == judge(rgb)
    assert prepared.quality.gradable


def test_large_jpeg_is_decoded_smaller_but_not_too_small(encode: Encode, rgb: NDArray[np.uint8]) -> None:
    from PIL import Image

    data = encode(Image.fromarray(rgb).resize((1200, 1200)), "JPEG")
    for size, least in ((64, 512), (400, 800)):
        recipe = get_recipe("crop", size)
        np.testing.assert_array_equal(prepare(data, recipe).image, apply_recipe(recipe, decode(data, min_side=least)))


def test_ungradable_is_prepared_and_unreadable_is_not(encode: Encode) -> None:
    recipe = get_recipe("clahe-crop", 64)
    blank = prepare(encode(np.zeros((200, 200, 3), np.uint8), "PNG"), recipe)
    assert blank.image.shape == (64, 64, 3)
    assert not blank.quality.gradable
    with pytest.raises(UnreadablePhotograph, match="empty"):
        prepare(b"", recipe)


def test_limit_of_megapixels_is_passed_on(encode: Encode) -> None:
    with pytest.raises(UnreadablePhotograph, match=r"0\.03 megapixels"):
        prepare(encode(np.zeros((200, 200, 3), np.uint8), "PNG"), get_recipe("none", 32), max_megapixels=0.03)


def test_real_photograph_of_full_size(highres: list[Path]) -> None:
    recipe = get_recipe("clahe-crop", 224)
    data = highres[0].read_bytes()
    alone, shown = prepare(data, recipe), prepare(data, recipe, display_size=640)
    assert alone.image.tobytes() == shown.image.tobytes()
    assert alone.quality.gradable
    assert 60 < alone.image[112 - 40 : 112 + 40, 112 - 40 : 112 + 40, 0].mean() < 250


def test_recipes_together_give_what_each_gives_alone(
    encode: Encode, rgb: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    from kerasdr.imaging import prepare as module

    data = encode(Image.fromarray(rgb).resize((1400, 1400)), "JPEG", quality=92)
    recipes = [get_recipe("clahe-crop", 64), get_recipe("none", 100), get_recipe("crop", 600)]
    alone = [prepare(data, recipe, display_size=size) for recipe, size in zip(recipes, (None, 200, None), strict=True)]
    asked: list[int] = []

    def counted(data: bytes, *, max_megapixels: float, min_side: int) -> NDArray[np.uint8]:
        asked.append(min_side)
        return decode(data, max_megapixels=max_megapixels, min_side=min_side)

    monkeypatch.setattr(module, "decode", counted)
    together = module.prepare_all(data, recipes, max_megapixels=100.0, display_sizes=(None, 200, None))
    assert asked == [512, 1200]  # the first two are decoded once
    for one, other in zip(alone, together, strict=True):
        assert one.image.tobytes() == other.image.tobytes() and one.quality == other.quality
        assert (one.display is None) == (other.display is None)
    assert alone[1].display is not None and together[1].display is not None
    assert alone[1].display.tobytes() == together[1].display.tobytes()
