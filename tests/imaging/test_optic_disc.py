"""The side of the optic disc: of both eyes of drawn people, mirrored, and where there is none."""

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.optic_disc import SURE, disc_side
from kerasdr.imaging.retina import find_retina
from kerasdr.imaging.steps import circular_crop

PEOPLE = 40


def retina(person: int, eye: str, size: int = 256) -> np.ndarray:
    drawn = draw_eye(31, make_person(31, person), Eye(eye, person % 5, ""), 512).image
    return circular_crop(drawn, size, find_retina(drawn))


@pytest.fixture(scope="module")
def sides() -> dict[str, list[float]]:
    return {eye: [disc_side(retina(person, eye)) for person in range(PEOPLE)] for eye in ("left", "right")}


def test_side_is_found_in_nearly_all_and_hardly_ever_the_other(sides: dict[str, list[float]]) -> None:
    towards = np.concatenate([sides["left"], -np.array(sides["right"])])
    assert (towards > SURE).mean() >= 0.85
    assert (towards < -SURE).sum() <= 1


def test_mirror_image_has_the_other_side(sides: dict[str, list[float]]) -> None:
    for person in range(6):
        mirrored = disc_side(np.ascontiguousarray(retina(person, "left")[:, ::-1]))
        assert mirrored == pytest.approx(-sides["left"][person], abs=0.2)


def test_size_hardly_matters(sides: dict[str, list[float]]) -> None:
    for person in range(6):
        larger = disc_side(retina(person, "right", 512))
        assert np.sign(larger) == np.sign(sides["right"][person]) and abs(larger) > SURE / 2


def test_nothing_to_be_seen_has_no_side() -> None:
    assert disc_side(np.zeros((256, 256, 3), np.uint8)) == 0.0
    even = np.zeros((256, 256, 3), np.uint8)
    cv2.circle(even, (128, 128), 126, (180, 90, 50), -1)
    assert abs(disc_side(even)) < SURE
