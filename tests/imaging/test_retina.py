"""Where the disc is."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.retina import find_retina

Draw = Callable[..., NDArray[np.uint8]]


def assert_found(rgb: NDArray[np.uint8], x: float, y: float, radius: float) -> None:
    disc = find_retina(rgb)
    assert disc.kind == "disc"
    assert np.hypot(disc.x - x, disc.y - y) < 0.03 * radius
    assert abs(disc.radius - radius) < 0.03 * radius


@pytest.mark.parametrize("scale", [1, 2, 5])
@pytest.mark.parametrize(
    ("height", "width", "x", "y", "radius"),
    [
        (300, 300, 149.5, 149.5, 140),
        (300, 400, 199.5, 149.5, 130),
        (300, 500, 130, 150, 110),
        (500, 300, 150, 380, 100),
        (300, 300, 160, 140, 60),
    ],
    ids=["centred", "wide", "left", "low", "small"],
)
def test_whole_disc(draw_disc: Draw, height: int, width: int, x: float, y: float, radius: float, scale: int) -> None:
    sizes = [value * scale for value in (height, width, x, y, radius)]
    assert_found(draw_disc(int(sizes[0]), int(sizes[1]), *sizes[2:]), *sizes[2:])


@pytest.mark.parametrize(
    ("height", "width", "x", "y", "radius"),
    [
        (600, 900, 449.5, 299.5, 380),
        (600, 900, 440, 240, 330),
        (600, 900, 460, 360, 330),
        (700, 800, 330, 350, 390),
        (600, 800, 400, 500, 300),
    ],
    ids=["top and bottom", "top", "bottom", "left, top and bottom", "lower third gone"],
)
def test_disc_cut_off_by_the_frame(draw_disc: Draw, height: int, width: int, x: float, y: float, radius: float) -> None:
    assert_found(draw_disc(height, width, x, y, radius), x, y, radius)


def test_dark_disc(draw_disc: Draw) -> None:
    rgb = draw_disc(600, 800, 400, 300, 270, light=22)
    assert rgb.max() <= 25
    assert_found(rgb, 400, 300, 270)


def test_background_that_is_not_quite_black_and_noisy(draw_disc: Draw) -> None:
    rgb = draw_disc(600, 800, 410, 290, 270, light=120, background=14)
    noisy = np.clip(rgb + np.random.default_rng(1).normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)
    assert_found(noisy, 410, 290, 270)


def test_bright_spot_in_a_corner_is_not_the_disc(draw_disc: Draw) -> None:
    rgb = draw_disc(600, 800, 400, 300, 250)
    rgb[570:595, 10:120] = 255
    assert_found(rgb, 400, 300, 250)


def test_disc_with_a_notch(draw_disc: Draw) -> None:
    # Many cameras mark the right side of the field by a small tab or notch.
    rgb = draw_disc(600, 800, 400, 300, 270)
    rgb[280:320, 655:] = 0
    assert_found(rgb, 400, 300, 270)


def test_half_lit_disc_is_taken_by_its_lit_edge(draw_disc: Draw) -> None:
    rgb = draw_disc(600, 800, 400, 300, 270)
    rgb[:, 470:] //= 3
    assert_found(rgb, 400, 300, 270)


def test_phantoms_are_found_where_they_were_drawn() -> None:
    # Half of the phantoms are cut off above and below; compare with the outline that is really there.
    for number in range(12):
        phantom = draw_eye(3, make_person(3, number), Eye("right", number % 5, ""), 256)
        columns = np.flatnonzero((phantom.image[:-16].max(axis=2) > 0).any(axis=0))
        radius, middle = (columns[-1] - columns[0] + 1) / 2, (columns[-1] + columns[0]) / 2
        disc = find_retina(phantom.image)
        assert disc.kind == "disc"
        assert abs(disc.radius - radius) < 0.03 * radius
        assert abs(disc.x - middle) < 0.03 * radius


def test_retina_that_fills_the_frame(draw_disc: Draw) -> None:
    disc = find_retina(draw_disc(400, 600, 300, 200, 2000))
    assert disc.kind == "frame"
    assert (disc.x, disc.y, disc.radius) == (299.5, 199.5, 300.0)


@pytest.mark.parametrize("light", [0, 6, 20])
def test_blank_picture_has_no_retina(light: int) -> None:
    assert find_retina(np.full((300, 400, 3), light, np.uint8)).kind == "none"


def test_a_speck_is_no_retina(draw_disc: Draw) -> None:
    assert find_retina(draw_disc(400, 400, 60, 60, 20)).kind == "none"


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (15, 900), (10, 5000)])
def test_tiny_and_odd_shapes_are_taken_whole(shape: tuple[int, int]) -> None:
    disc = find_retina(np.full((*shape, 3), 100, np.uint8))
    assert disc.kind == "frame"
    assert disc.radius == max(shape) / 2


def test_the_photograph_is_left_as_it_is(draw_disc: Draw) -> None:
    rgb = draw_disc(300, 400, 200, 150, 120)
    before = rgb.copy()
    find_retina(rgb)
    np.testing.assert_array_equal(rgb, before)
