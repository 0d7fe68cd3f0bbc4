import cv2
import numpy as np
import pytest

from kerasdr.evaluation.baseline_maps import centre_prior, local_contrast, random_map, to_cells


def disc(x: float = 50, y: float = 40, radius: float = 30, size: int = 100) -> np.ndarray:
    grid = np.arange(size)
    return (grid[None, :] - x) ** 2 + (grid[:, None] - y) ** 2 <= radius**2


def test_centre_prior_is_a_gaussian_on_the_retina() -> None:
    heat = centre_prior(disc())
    assert heat[40, 50] == pytest.approx(1)
    # The deviation is half the radius of 30.5 px: at 15.25 px exp(-1/2), here one pixel either side of it.
    assert heat[40, 65] > np.exp(-0.5) > heat[40, 66]
    assert heat[40, 35] == pytest.approx(heat[40, 65]) and heat[25, 50] == pytest.approx(heat[55, 50])
    with pytest.raises(ValueError, match="no retina"):
        centre_prior(np.zeros((10, 10), bool))


def test_random_map_is_seeded_and_even() -> None:
    one, again = (random_map((60, 80), np.random.default_rng(3)) for _ in range(2))
    assert one.shape == (60, 80) and (one == again).all()
    assert not (one == random_map((60, 80), np.random.default_rng(4))).any()
    assert np.histogram(one, 4, (0, 1))[0] == pytest.approx(1200, rel=0.1)


def test_contrast_stands_out_where_green_differs_and_not_at_the_edge() -> None:
    retina = disc()
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[retina] = (200, 100, 50)
    assert local_contrast(picture, retina).max() == pytest.approx(0, abs=1e-5)  # an even retina, its edge included
    cv2.circle(picture, (60, 45), 2, (200, 40, 50), -1)
    heat = local_contrast(picture, retina)
    rows, columns = np.nonzero(heat > 0.8 * heat.max())
    assert (rows.mean(), columns.mean()) == pytest.approx((45, 60), abs=0.5)
    assert heat[~retina].max() == 0 and 40 / 255 < heat.max() < 60 / 255  # the spot counts in its neighbourhood
    red = picture.copy()
    red[..., 1] = np.where(retina, 100, 0)
    red[30, 30] = (90, 100, 0)
    assert local_contrast(red, retina).max() == pytest.approx(0, abs=1e-5)  # of green alone


def test_cells_hold_the_share_that_is_covered() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:2, :4] = True
    mask[7, 7] = True
    assert to_cells(mask, (2, 2)) == pytest.approx(np.array([[0.5, 0], [0, 1 / 16]]))
