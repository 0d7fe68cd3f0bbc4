"""What copies of a photograph have in common."""

import warnings

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.decode import decode
from kerasdr.imaging.look import look_of, pixels_sha256, see

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def eye() -> Picture:
    return draw_person(3, 1, 384)[0].image


def correlation(one: NDArray[np.int8], other: NDArray[np.int8]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_a_look_is_small_and_says_nothing_of_what_is_outside_the_retina(eye: Picture) -> None:
    look = look_of(eye)
    assert look.shape == (64, 64) and look.dtype == np.int8
    assert not look[0].any() and not look[:, 0].any() and not look[:8, :8].any()
    inside = look[20:44, 20:44].astype(float)
    assert inside.std() > 15 and abs(inside.mean()) < 10


@pytest.mark.parametrize("change", ["darker", "smaller", "border", "squeezed", "warmer"])
def test_what_is_no_change_of_the_eye_hardly_changes_the_look(eye: Picture, change: str) -> None:
    changed = {
        "darker": (eye * 0.7).astype(np.uint8),
        "smaller": cv2.resize(eye, (256, 256), interpolation=cv2.INTER_AREA),
        "border": cv2.copyMakeBorder(eye, 10, 30, 60, 20, cv2.BORDER_CONSTANT),
        "squeezed": cv2.resize(eye, (300, 384), interpolation=cv2.INTER_AREA),
        "warmer": np.clip(eye * np.array([1.2, 1.0, 0.7]), 0, 255).astype(np.uint8),
    }[change]
    assert correlation(look_of(eye), look_of(changed)) > 0.9


def test_another_eye_looks_different(eye: Picture) -> None:
    assert correlation(look_of(eye), look_of(draw_person(4, 1, 384)[0].image)) < 0.6


@pytest.mark.parametrize("value", [0, 7, 255])
def test_where_there_is_nothing_to_see_a_look_is_zeros(value: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for shape in ((1, 1), (5, 300), (64, 64)):
            assert not look_of(np.full((*shape, 3), value, np.uint8)).any()


def test_pixels_are_the_same_in_other_files(eye: Picture) -> None:
    bgr = cv2.cvtColor(eye, cv2.COLOR_RGB2BGR)
    files = [cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes() for level in (0, 9)]
    files.append(cv2.imencode(".bmp", bgr)[1].tobytes())
    assert len(set(files)) == 3
    assert {see(decode(file)).pixels for file in files} == {pixels_sha256(eye)}
    one_off = eye.copy()
    one_off[200, 200, 0] ^= 1
    assert pixels_sha256(one_off) != pixels_sha256(eye)
    # The same bytes in another shape are another picture.
    assert pixels_sha256(np.zeros((2, 8, 3), np.uint8)) != pixels_sha256(np.zeros((4, 4, 3), np.uint8))
