"""Each step against its formula."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.imaging import steps

Draw = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    small = np.random.default_rng(4).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (96, 96), interpolation=cv2.INTER_CUBIC), np.uint8)


def gaussian(rgb: NDArray[np.uint8], sigma: float) -> NDArray[np.float64]:
    """A Gaussian blur from its definition, borders mirrored without repeating the edge."""
    reach = int(5 * sigma) + 1
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    blurred = rgb.astype(np.float64)
    for axis in (0, 1):
        padding = [(reach, reach) if axis == other else (0, 0) for other in range(3)]
        padded = np.pad(blurred, padding, mode="reflect")
        length = blurred.shape[axis]
        blurred = sum(w * np.take(padded, np.arange(k, k + length), axis) for k, w in enumerate(weights))
    return np.asarray(blurred)


def circle(size: int, share: float = 1.0) -> NDArray[np.bool_]:
    offset = np.arange(size) - (size - 1) / 2
    return np.hypot(offset[:, None], offset[None, :]) <= share * size / 2


def test_resize_averages_areas_when_it_shrinks() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    means = rgb.reshape(16, 4, 16, 6, 3).mean(axis=(1, 3))
    assert np.abs(steps.resize(rgb, 16) - means).max() <= 0.51


def test_resize_interpolates_when_it_grows() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[:, 1] = 200
    grown = steps.resize(rgb, 8)
    assert grown.shape == (8, 8, 3)
    assert (np.diff(grown[0, :, 0].astype(int)) >= 0).all()
    assert (grown[0, 0, 0], grown[0, -1, 0]) == (0, 200)
    assert 0 < grown[0, 3, 0] < 200


@pytest.mark.parametrize(
    ("height", "width", "x", "y", "radius"),
    [(400, 600, 330, 200, 170), (500, 400, 200, 220, 150), (400, 700, 350, 200, 260)],
    ids=["wide", "tall", "cut off"],
)
def test_circular_crop_puts_the_disc_in_the_middle(
    draw_disc: Draw, height: int, width: int, x: float, y: float, radius: float
) -> None:
    rgb = draw_disc(height, width, x, y, radius)
    bright = rgb.copy()
    bright[y - 9 : y + 10, x - 9 : x + 10] = (0, 0, 255)  # the disc's centre
    cropped = steps.circular_crop(bright, 128)
    assert cropped.shape == (128, 128, 3)
    assert (cropped[~circle(128)] == 0).all()
    blue = np.argwhere((cropped[..., 2] > 150) & (cropped[..., 0] < 100))
    np.testing.assert_allclose(blue.mean(axis=0), 63.5, atol=2.5)
    # The disc reaches from edge to edge along the row through its centre; above and below what the camera gave.
    lit = np.flatnonzero(cropped[64].max(axis=1) > 40)
    assert lit[0] <= 4
    assert lit[-1] >= 123
    inside = (cropped.max(axis=2) > 40)[circle(128)].mean()
    shown = (rgb.max(axis=2) > 40).sum() / (np.pi * radius**2)
    assert inside == pytest.approx(shown, abs=0.06)


def test_what_lies_outside_the_disc_is_black(draw_disc: Draw) -> None:
    rgb = draw_disc(400, 600, 300, 200, 180)
    rgb[5:25, 5:90] = 255  # a date, stamped by the camera
    rgb[30:40, 130:150] = 255
    assert (steps.circular_crop(rgb, 96)[~circle(96)] == 0).all()


def test_retina_without_an_edge_is_padded_and_not_masked() -> None:
    cropped = steps.circular_crop(np.full((100, 200, 3), 120, np.uint8), 64)
    assert (cropped[17:47] == 120).all()
    assert (cropped[:15] == 0).all()
    assert (cropped[49:] == 0).all()


def test_crop_does_not_depend_on_where_the_disc_lies(draw_disc: Draw) -> None:
    def disc(x: int, y: int) -> NDArray[np.uint8]:
        rgb = np.zeros((500, 700, 3), np.uint8)
        rgb[y - 180 : y + 180, x - 180 : x + 180] = draw_disc(360, 360, 179.5, 179.5, 170)
        return rgb

    first, second = (steps.circular_crop(disc(*place), 112).astype(int) for place in ((200, 200), (460, 290)))
    assert np.abs(first - second).mean() < 4
    assert first[56, 56, 0] > 100


@pytest.mark.parametrize(("size", "share"), [(64, 1.0), (65, 1.0), (64, 0.9), (33, 0.5)])
def test_mask_outside(size: int, share: float) -> None:
    masked = steps.mask_outside(np.full((size, size, 3), 77, np.uint8), share)
    np.testing.assert_array_equal(masked[..., 1] == 77, circle(size, share))
    assert set(np.unique(masked)) == {0, 77}


def test_graham_formula(picture: NDArray[np.uint8]) -> None:
    for sigma, weight in ((1 / 30, 4.0), (0.05, 2.0)):
        expected = np.clip(weight * (picture - gaussian(picture, sigma * 96)) + 128, 0, 255)
        expected[~circle(96, 0.9)] = 0
        result = steps.ben_graham(picture, sigma=sigma, weight=weight)
        # OpenCV rounds the blur to whole grey levels before it is weighted.
        assert np.abs(result - expected).max() <= weight + 1
        assert np.abs(result - expected).mean() < 0.4 * weight


def test_graham_makes_an_even_picture_mid_grey() -> None:
    result = steps.ben_graham(np.full((60, 60, 3), (200, 90, 40), np.uint8))
    assert (result[circle(60, 0.9)] == 128).all()
    assert (result[~circle(60, 0.9)] == 0).all()


def test_clahe_changes_only_lightness(picture: NDArray[np.uint8]) -> None:
    pale = (100 + picture // 4).astype(np.uint8)  # colours that stay within the range of RGB
    before = cv2.cvtColor(pale, cv2.COLOR_RGB2LAB).astype(int)
    result = steps.clahe(pale)
    after = cv2.cvtColor(result, cv2.COLOR_RGB2LAB).astype(int)
    assert np.abs(after[..., 1:] - before[..., 1:]).mean() < 1.0
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(before[..., 0].astype(np.uint8))
    assert np.abs(after[..., 0] - expected).mean() < 1.0
    assert after[..., 0].std() > 1.2 * before[..., 0].std()


def test_clahe_takes_its_options(picture: NDArray[np.uint8]) -> None:
    pale = (100 + picture // 4).astype(np.uint8)
    light = [
        cv2.cvtColor(steps.clahe(pale, clip_limit=limit, tiles=4), cv2.COLOR_RGB2LAB)[..., 0].std() for limit in (1, 8)
    ]
    assert light[1] > light[0] + 2


def test_gaussian_blur(picture: NDArray[np.uint8]) -> None:
    for sigma in (1.0, 2.5):
        difference = steps.gaussian_blur(picture, sigma) - gaussian(picture, sigma)
        assert np.abs(difference).max() <= 2
        assert np.abs(difference).mean() < 0.6
    spike = np.zeros((31, 31, 3), np.uint8)
    spike[15, 15] = 255
    assert steps.gaussian_blur(spike, 1.0)[15, 15, 0] == pytest.approx(255 / (2 * np.pi), abs=1.5)


@pytest.mark.parametrize("step", [steps.clahe, steps.ben_graham, steps.gaussian_blur, steps.mask_outside])
def test_the_input_is_left_as_it_is(step: Callable[..., NDArray[np.uint8]], picture: NDArray[np.uint8]) -> None:
    before = picture.copy()
    result = step(picture)
    np.testing.assert_array_equal(picture, before)
    assert not np.shares_memory(result, picture)
    assert (result != before).any()


def test_a_long_strip_needs_no_square_of_its_length() -> None:
    # Its padded square would be 10 GB.
    strip = np.full((12, 60_000, 3), 90, np.uint8)
    cropped = steps.circular_crop(strip, 32)
    assert cropped.shape == (32, 32, 3)
    assert cropped[0].max() == 0
