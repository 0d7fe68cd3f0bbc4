"""Pictures that are none of a retina are refused, each kind; phantoms, made worse or not, never for that."""

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.degrade import degrade
from kerasdr.imaging.quality import judge
from kerasdr.imaging.unlike import NO_COLOUR, NOT_A_RETINA
from tests.imaging.other_pictures import KINDS, draw_other

# Lit balls and planets have nothing that a retina has not.
LOOKALIKE = "ball"
COLOURLESS = ("document", "xray", "oct")


@pytest.fixture(scope="module")
def phantoms() -> list[np.ndarray]:
    drawn = [eye for seed in (1, 5, 9, 31) for person in range(8) for eye in draw_person(seed, person, 320)]
    return [eye.image for eye in drawn if eye.quality == "gradable"]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {LOOKALIKE}))
def test_what_is_no_retina_is_refused(kind: str) -> None:
    judged = [judge(draw_other(kind, seed)) for seed in range(12)]
    assert not any(quality.gradable for quality in judged)
    if kind in COLOURLESS:
        assert {quality.reason for quality in judged} == {NO_COLOUR}
    elif kind not in ("blank", "screen"):
        assert {quality.reason for quality in judged} == {NOT_A_RETINA}


def test_phantoms_are_let_through(phantoms: list[np.ndarray]) -> None:
    assert len(phantoms) > 50
    assert {judge(picture).reason for picture in phantoms} == {""}


@pytest.mark.parametrize("kind", ["blur", "dark", "crop", "glare"])
def test_bad_photographs_keep_their_own_reasons(kind: str, phantoms: list[np.ndarray]) -> None:
    reasons = [judge(degrade(picture, kind, 5.0, 0)).reason for picture in phantoms[:16]]
    assert NOT_A_RETINA not in reasons and NO_COLOUR not in reasons


def test_a_photograph_without_its_colour_is_told(phantoms: list[np.ndarray]) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(phantoms[0], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert judge(np.asarray(grey, np.uint8)).reason == NO_COLOUR


def test_colours_in_another_order_are_told(phantoms: list[np.ndarray]) -> None:
    assert {judge(np.ascontiguousarray(picture[..., ::-1])).reason for picture in phantoms[:8]} == {NOT_A_RETINA}


def test_size_does_not_decide() -> None:
    for side in (160, 320, 900):
        picture = next(eye.image for eye in draw_person(5, 3, side) if eye.quality == "gradable")
        assert judge(picture).reason == ""
        document = cv2.resize(draw_other("outer eye", 3), (side, side), interpolation=cv2.INTER_AREA)
        assert judge(np.asarray(document, np.uint8)).reason == NOT_A_RETINA
