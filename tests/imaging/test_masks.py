"""Masks go where their photograph goes, however the retina lies in it."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.imaging.masks import frame_mask, frame_photograph, visible_retina
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import get_recipe, recipe_names
from kerasdr.imaging.retina import find_retina

DrawDisc = Callable[..., Any]
# height, width, x, y, radius: in the middle, off it, cut off at two sides, cut off above and below
PLACES = [(300, 300, 150, 150, 130), (300, 420, 250, 140, 110), (260, 300, 90, 110, 130), (240, 400, 190, 120, 160)]


def marked(draw_disc: DrawDisc, place: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A photograph with three green lesions, and their mask."""
    height, width, x, y, radius = place
    rgb, mask = draw_disc(*place), np.zeros((height, width), np.uint8)
    for angle, distance, size in ((0.3, 0.3, 9), (2.4, 0.55, 7), (4.5, 0.4, 12)):
        spot = (round(x + distance * radius * np.cos(angle)), round(y + distance * radius * np.sin(angle)))
        cv2.circle(mask, spot, size, 1, -1)
    rgb[mask > 0] = (0, 255, 0)
    return rgb, mask > 0


def greenest(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 1].astype(int) - rgb[..., 0]) > 60


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["none", "crop", "clahe-crop"])
def test_mask_lies_on_its_lesions(
    draw_disc: DrawDisc, encode: Callable[..., bytes], place: tuple[float, ...], name: str
) -> None:
    rgb, mask = marked(draw_disc, place)
    recipe = get_recipe(name, 96)
    framed = frame_photograph(encode(rgb, "png"), recipe, {"spots": mask, "none": np.zeros_like(mask)}, 200)
    # Seen in the picture that pictures for people are made of: that is where heat maps lie.
    display = prepare(encode(rgb, "png"), recipe, display_size=200).display
    assert display is not None and (framed.picture == display).all()
    assert overlap(framed.masks["spots"], greenest(display)) > 0.9
    assert not framed.masks["none"].any()
    assert (framed.union == framed.masks["spots"]).all()


@pytest.mark.parametrize("place", PLACES)
def test_retina_is_what_is_seen_of_it(
    draw_disc: DrawDisc, encode: Callable[..., bytes], place: tuple[float, ...]
) -> None:
    rgb, mask = marked(draw_disc, place)
    framed = frame_photograph(encode(rgb, "png"), get_recipe("crop", 96), {"spots": mask}, 200)
    lit = framed.picture.max(axis=2) > 30
    assert overlap(framed.retina, lit) > 0.97
    assert not (framed.masks["spots"] & ~framed.retina).any()


def test_black_spots_belong_to_the_retina_and_writing_beside_it_does_not(draw_disc: DrawDisc) -> None:
    rgb = draw_disc(300, 400, 200, 150, 120)
    rgb[148:151, 180:183] = 0
    rgb[280:295, 5:60] = 90
    retina = visible_retina(rgb, find_retina(rgb))
    assert retina[149, 181] and not retina[285, 30]
    assert overlap(retina, np.hypot(*np.mgrid[-150:150, -200:200]) <= 120) > 0.97


def test_photograph_that_is_decoded_smaller(draw_disc: DrawDisc, encode: Callable[..., bytes]) -> None:
    rgb, mask = marked(draw_disc, (1200, 1600, 900, 560, 500))
    large = cv2.dilate(mask.astype(np.uint8), np.ones((41, 41))) > 0
    rgb[large] = (0, 255, 0)
    recipe = get_recipe("crop", 96)
    data = encode(rgb, "jpeg", quality=95)
    framed = frame_photograph(data, recipe, {"spots": large}, 200)
    assert overlap(framed.masks["spots"], greenest(framed.picture)) > 0.9


def test_area_is_kept(draw_disc: DrawDisc) -> None:
    rgb = draw_disc(400, 400, 200, 200, 190)
    mask = np.hypot(*np.mgrid[-200:200, -200:200]) <= 95
    moved = frame_mask(get_recipe("crop", 64), mask, rgb.shape, find_retina(rgb), 100)
    assert moved.mean() == pytest.approx(np.pi * 0.25**2, rel=0.02)


def test_mask_of_another_photograph_is_refused(draw_disc: DrawDisc) -> None:
    rgb = draw_disc(300, 400, 200, 150, 120)
    disc = find_retina(rgb)
    for shape in ((300, 300), (400, 300), (300, 400, 3)):
        with pytest.raises(KerasdrError, match="give the mask of this very photograph"):
            frame_mask(get_recipe("crop", 64), np.zeros(shape, bool), rgb.shape, disc, 100)
    assert frame_mask(get_recipe("crop", 64), np.ones((600, 800), bool), rgb.shape, disc, 100).any()


def test_every_recipe_moves_masks() -> None:
    rgb = np.full((120, 160, 3), 120, np.uint8)
    for name in recipe_names():
        moved = frame_mask(get_recipe(name, 64), np.ones((120, 160), bool), rgb.shape, find_retina(rgb), 80)
        assert moved.shape == (80, 80) and moved[40, 40]
