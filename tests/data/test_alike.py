"""Copies are found among others by their looks."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data import alike
from kerasdr.data.alike import find_alike
from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.look import look_of

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def eyes() -> list[Picture]:
    """Both eyes of six drawn people."""
    return [photograph.image for person in range(6) for photograph in draw_person(person, person % 5, 320)[:2]]


@pytest.fixture(scope="module")
def looks(eyes: list[Picture]) -> NDArray[np.int8]:
    return np.array([look_of(eye) for eye in eyes])


def test_different_eyes_are_not_alike(looks: NDArray[np.int8]) -> None:
    assert find_alike(looks) == []


def saved_anew(eye: Picture) -> Picture:
    return cv2.imdecode(cv2.imencode(".jpg", eye, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


CHANGES = {
    "": saved_anew,
    "turned by 180 degrees": lambda eye: eye[::-1, ::-1],
    "turned by 90 degrees": lambda eye: np.rot90(eye, -1),
    "turned by 270 degrees": lambda eye: np.rot90(eye),
    "mirrored": lambda eye: eye[:, ::-1],
    "mirrored and turned by 180 degrees": lambda eye: eye[::-1],
}


@pytest.mark.parametrize("pose", CHANGES)
def test_a_copy_is_found_and_how_it_lies_is_said(eyes: list[Picture], looks: NDArray[np.int8], pose: str) -> None:
    copies = np.array([look_of(np.ascontiguousarray(CHANGES[pose](eye))) for eye in eyes[3:5]])
    found = find_alike(looks, copies)
    assert [(one.first, one.second, one.pose) for one in found] == [(3, 0, pose), (4, 1, pose)]
    assert all(0.8 <= one.correlation <= 1 for one in found)
    # Within one set, the first of the two is the one that comes first; it is turned the other way round.
    (one, two) = find_alike(np.concatenate([copies, looks]))
    assert [(one.first, one.second), (two.first, two.second)] == [(0, 5), (1, 6)]
    back = {"turned by 90 degrees": "turned by 270 degrees", "turned by 270 degrees": "turned by 90 degrees"}
    assert one.pose == back.get(pose, pose)


def test_a_crop_is_found_after_it_is_laid_over(eyes: list[Picture], looks: NDArray[np.int8]) -> None:
    eye = eyes[2]
    crop = np.ascontiguousarray(eye[30:-30, 30:-30])
    (one,) = find_alike(looks, look_of(crop)[None])
    assert one.first == 2
    # Without being laid over each other they are not even nearly the same.
    assert np.corrcoef(looks[2].ravel(), look_of(crop).ravel())[0, 1] < 0.7


def test_photographs_without_a_look_are_like_nothing(looks: NDArray[np.int8]) -> None:
    nothing = np.zeros((3, 64, 64), np.int8)
    assert find_alike(nothing) == find_alike(nothing, looks) == find_alike(looks[:1]) == []
    assert find_alike(np.zeros((0, 64, 64), np.int8)) == find_alike(looks, nothing[:0]) == []


def test_blocks_make_no_difference(looks: NDArray[np.int8], monkeypatch: pytest.MonkeyPatch) -> None:
    twice = np.concatenate([looks, looks[::-1], looks[:3]])
    whole = find_alike(twice)
    assert {one.first for one in whole} | {one.second for one in whole} == set(range(len(twice)))
    monkeypatch.setattr(alike, "_ROWS", 4)
    monkeypatch.setattr(alike, "_COLUMNS", 5)
    assert [(one.first, one.second) for one in find_alike(twice)] == [(one.first, one.second) for one in whole]
