"""Before and after."""

import numpy as np
import pytest

from kerasdr.imaging.panel import before_after


@pytest.mark.parametrize("count", [0, 1, 4])
def test_size_and_white_gaps(count: int) -> None:
    original = np.full((300, 400, 3), 90, np.uint8)
    panel = before_after(original, [(f"recipe {index}", np.full((64, 64, 3), 50, np.uint8)) for index in range(count)])
    assert panel.shape == (394, 360 + 368 * count, 3)
    assert panel.dtype == np.uint8
    for index in range(count):
        assert (panel[:, 360 + 368 * index : 368 + 368 * index] == 255).all()


def test_tiles_hold_the_pictures_under_their_names() -> None:
    panel = before_after(
        np.full((180, 360, 3), 90, np.uint8), [("clahe-crop", np.full((64, 64, 3), (9, 50, 7), np.uint8))]
    )
    # A wide original lies in the middle of its tile, with black above and below.
    assert (panel[34 + 90 : 34 + 270, :360] == 90).all()
    assert (panel[34 : 34 + 90, :360] == 0).all()
    assert (panel[34 + 270 :, :360] == 0).all()
    assert (panel[34:, 368:] == (9, 50, 7)).all()
    assert panel[:34, :360].min() < 120
    assert panel[:34, 368:].min() < 120


@pytest.mark.parametrize("shape", [(1, 1), (2000, 3), (3, 2000)])
def test_odd_originals(shape: tuple[int, int]) -> None:
    original = np.full((*shape, 3), 90, np.uint8)
    panel = before_after(original, [])
    assert panel.shape == (394, 360, 3)
    assert (panel == 90).all(axis=2).any()
    assert (original == 90).all()
