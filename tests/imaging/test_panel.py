"""Before and after."""

import numpy as np
import pytest

from kerasdr.imaging.panel import before_after, contact_sheet, grid


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


def test_grid_shows_pictures_row_by_row_under_a_caption_that_fits() -> None:
    cells = np.stack([np.full((200, 200, 3), 20 * number, np.uint8) for number in range(6)])
    short, long = (grid(cells, [text], columns=4) for text in ("one line", "many words, more than a line holds " * 5))
    assert short.shape[1] == long.shape[1] == 4 * 208 + 8
    assert long.shape[0] > short.shape[0]
    for page in (short, long):
        body = page[-2 * 208 :]
        for number, cell in enumerate(cells):
            row, column = divmod(number, 4)
            top, left = row * 208, 8 + column * 208
            assert np.array_equal(body[top : top + 200, left : left + 200], cell)
        head = page[: -2 * 208]
        assert head.min() < 100 and (head[:, -8:] == 255).all() and (head[:, :8] == 255).all()
        assert (body[208:, 8 + 2 * 208 :] == 255).all()  # no seventh picture


@pytest.mark.parametrize(("size", "shown"), [(48, 192), (128, 256), (160, 160), (320, 320), (512, 400)])
def test_small_pictures_are_enlarged_and_large_ones_shrunk(size: int, shown: int) -> None:
    cells = np.zeros((4, size, size, 3), np.uint8)
    cells[:, : size // 2] = 200
    page = grid(cells, ["caption"])
    assert page.shape[1] == 4 * (shown + 8) + 8
    picture = page[-shown - 8 : -8, 8 : 8 + shown]
    assert (picture[: shown // 2 - 1] == 200).all() and (picture[shown // 2 + 1 :] == 0).all()


def test_contact_sheet_has_every_picture_in_its_place() -> None:
    def shade(value: int, height: int = 20) -> np.ndarray:
        return np.full((height, 20, 3), value, np.uint8)

    page = contact_sheet(
        [("one", [shade(50), shade(80)]), ("another", [shade(110), shade(140, 10)])], ["a", "b"], side=40
    )
    height, width = page.shape[:2]
    assert height == 34 + 2 * 48
    lefts = [width - 96, width - 48]
    for row, values in enumerate(((50, 80), (110, 140))):
        for column, value in enumerate(values):
            assert page[34 + row * 48 + 20, lefts[column] + 20].tolist() == [value] * 3
    assert page[34 + 48 + 2, lefts[1] + 20].tolist() == [0, 0, 0]  # a wide picture has black above and below
    assert page[:34].min() < 100 and page[34:, : lefts[0]].min() < 100  # titles
