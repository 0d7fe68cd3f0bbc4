import cv2
import numpy as np
import pytest

from kerasdr.scoring.overlay import DISPLAY_SIZE, blend, draw_overlay, heat_colours

PROBABILITIES = np.array([0.1, 0.2, 0.4, 0.25, 0.05])


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.random.default_rng(1).integers(9, 256, (64, 64, 3), dtype=np.uint8)


def test_colours_go_from_blue_over_green_to_red() -> None:
    colours = heat_colours(np.array([[0.1, 0.5, 0.95]], np.float32))
    assert colours.shape == (1, 3, 3)
    assert colours[0].argmax(axis=1).tolist() == [2, 1, 0]


def test_colours_are_clipped_at_the_ends() -> None:
    colours = heat_colours(np.array([[-1.0, 0.0, 1.0, 2.0]], np.float32))[0].tolist()
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_blend_leaves_the_photograph_where_there_is_no_heat(photograph: np.ndarray) -> None:
    assert (blend(photograph, np.zeros((4, 4), np.float32)) == photograph).all()
    heat = np.zeros((4, 4), np.float32)
    heat[:, 3] = 1.0
    blended = blend(photograph, heat)
    assert (blended[:, :24] == photograph[:, :24]).all()
    assert (blended[:, 56:] != photograph[:, 56:]).any(axis=2).mean() > 0.95


def test_full_heat_is_three_fifths_colour(photograph: np.ndarray) -> None:
    heat = np.ones((4, 4), np.float32)
    expected = 0.4 * photograph + 0.6 * heat_colours(heat)[0, 0]
    assert np.abs(blend(photograph, heat) - expected).max() <= 0.51


def test_black_surroundings_stay_black(photograph: np.ndarray) -> None:
    framed = photograph.copy()
    framed[:10] = 5
    assert (blend(framed, np.ones((4, 4), np.float32))[:10] == 5).all()


def test_heat_in_black_corners_does_not_make_the_retina_pale(photograph: np.ndarray) -> None:
    framed = photograph.copy()
    framed[:24, :24] = 0
    heat = np.zeros((8, 8), np.float32)
    heat[5:, 5:] = 0.4
    alone = blend(framed, heat)
    assert np.abs(alone.astype(int) - blend(framed, heat / 0.4)).max() <= 1  # the hottest place is as hot as can be
    heat[0, 0] = 1.0
    assert np.abs(blend(framed, heat).astype(int)[32:, 32:] - alone[32:, 32:]).max() <= 1


def test_hardly_any_heat_on_the_retina_is_not_blown_up(photograph: np.ndarray) -> None:
    framed = photograph.copy()
    framed[:24, :24] = 0
    heat = np.full((8, 8), 0.01, np.float32)
    heat[0, 0] = 1.0
    changed = np.abs(blend(framed, heat).astype(int) - framed)[32:, 32:]
    assert changed.max() <= 0.6 * np.sqrt(0.01) * 255 + 1


def test_page_holds_the_photograph_and_the_blend(photograph: np.ndarray) -> None:
    large = cv2.resize(photograph, (DISPLAY_SIZE, DISPLAY_SIZE), interpolation=cv2.INTER_NEAREST)
    heat = np.random.default_rng(2).random((7, 7)).astype(np.float32)
    kept = large.copy(), heat.copy()
    page = draw_overlay(large, heat, PROBABILITIES, "demo@0123456789ab")
    assert page.shape == (DISPLAY_SIZE + 88, 2 * DISPLAY_SIZE + 94, 3)
    assert page.dtype == np.uint8
    assert (page[58 : 58 + 512, :512] == large).all()
    assert (page[58 : 58 + 512, 520:1032] == blend(large, heat)).all()
    assert (large == kept[0]).all() and (heat == kept[1]).all()


def test_page_says_the_grade(photograph: np.ndarray) -> None:
    large = np.zeros((512, 512, 3), np.uint8)
    heat = np.zeros((4, 4), np.float32)
    pages = [draw_overlay(large, heat, np.eye(5)[grade], "m") for grade in range(5)]
    heads = {page[:58].tobytes() for page in pages}
    assert len(heads) == 5
    assert all((page[:58] < 100).any() for page in pages)
    other = draw_overlay(large, heat, np.eye(5)[0], "another model")
    assert (other[:570] == pages[0][:570]).all() and (other[570:] != pages[0][570:]).any()
