"""Pictures that are none of a retina are refused, each kind; phantoms, made worse or not, never for that."""

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.degrade import degrade
from kerasdr.imaging.quality import judge
from kerasdr.imaging.retina import find_retina
from kerasdr.imaging.unlike import (
    MORE_THAN_A_RETINA,
    NO_COLOUR,
    NOT_A_RETINA,
    NOTHING_TO_SEE,
    OTHER_COLOURS,
)
from tests.imaging.other_pictures import KINDS, draw_other

# Lit balls and planets have nothing that a retina has not.
LOOKALIKE = "ball"
COLOURLESS = ("document", "xray", "oct")
ABOUT_WHAT_WAS_SENT = {NOT_A_RETINA, NO_COLOUR, OTHER_COLOURS, MORE_THAN_A_RETINA, NOTHING_TO_SEE}


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
    elif kind in ("face", "outer eye", "landscape"):
        assert {quality.reason for quality in judged} <= ABOUT_WHAT_WAS_SENT


def test_phantoms_are_let_through(phantoms: list[np.ndarray]) -> None:
    assert len(phantoms) > 50
    assert {judge(picture).reason for picture in phantoms} == {""}


@pytest.mark.parametrize("kind", ["blur", "dark", "crop", "glare", "jpeg", "haze"])
@pytest.mark.parametrize("severity", [2.0, 5.0])
def test_bad_photographs_are_not_said_to_be_something_else(
    kind: str, severity: float, phantoms: list[np.ndarray]
) -> None:
    reasons = {judge(degrade(picture, kind, severity, 0)).reason for picture in phantoms[:12]}
    assert not reasons & (ABOUT_WHAT_WAS_SENT - {NOTHING_TO_SEE})
    if severity < 5.0:
        assert NOTHING_TO_SEE not in reasons


def with_scars(picture: np.ndarray, count: int, share: float, seed: int) -> np.ndarray:
    """Return a retina after laser treatment: pale scars, half of them with pigment, of a share of its radius."""
    random, disc = np.random.default_rng(seed), find_retina(picture)
    scars, pigment = np.zeros((2, *picture.shape[:2]), np.float32)
    for _ in range(count):
        angle, far = random.uniform(0, 2 * np.pi), disc.radius * np.sqrt(random.uniform(0.15, 0.9))
        centre = (int(disc.x + far * np.cos(angle)), int(disc.y + far * np.sin(angle)))
        radius = max(2, int(share * disc.radius * random.uniform(0.7, 1.3)))
        cv2.circle(scars, centre, radius, 1.0, -1)
        if random.random() < 0.5:
            cv2.circle(pigment, centre, max(1, radius // 2), 1.0, -1)
    made = picture.astype(np.float32)
    for mask, colour in ((scars, (230.0, 200.0, 140.0)), (pigment, (40.0, 25.0, 20.0))):
        soft = 0.8 * cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
        made = made * (1 - soft) + np.array(colour, np.float32) * soft
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("count", "share"), [(150, 0.07), (300, 0.07), (600, 0.04)])
def test_an_eye_full_of_scars_is_let_through(count: int, share: float, phantoms: list[np.ndarray]) -> None:
    assert {judge(with_scars(picture, count, share, n)).reason for n, picture in enumerate(phantoms[:8])} == {""}


def test_an_eye_full_of_exudates_is_let_through(phantoms: list[np.ndarray]) -> None:
    for number, picture in enumerate(phantoms[:8]):
        random, disc, full = np.random.default_rng(number), find_retina(picture), picture.copy()
        for _ in range(300):
            angle, far = random.uniform(0, 2 * np.pi), 0.6 * disc.radius * np.sqrt(random.uniform())
            centre = (int(disc.x + far * np.cos(angle)), int(disc.y + far * np.sin(angle)))
            cv2.circle(full, centre, int(random.integers(1, 5)), (250, 235, 150), -1)
        assert judge(full).reason == ""


@pytest.mark.parametrize("level", [18, 24, 40])
def test_a_frame_that_is_not_black_is_let_through(level: int, phantoms: list[np.ndarray]) -> None:
    assert {judge(np.maximum(picture, level)).reason for picture in phantoms[:8]} == {""}


def test_a_bar_is_let_through_and_a_panel_is_told(phantoms: list[np.ndarray]) -> None:
    for picture in phantoms[:8]:
        height, width = picture.shape[:2]
        bar = np.full((height // 40, width, 3), 220, np.uint8)
        assert judge(np.concatenate([bar, picture])).reason == ""
        panel = np.concatenate([picture, np.zeros_like(picture)], axis=1)
        panel[:, width:] = np.random.default_rng(1).integers(60, 255, (1, width, 3), dtype=np.uint8)
        assert judge(panel).reason == MORE_THAN_A_RETINA


def test_white_balance_has_room(phantoms: list[np.ndarray]) -> None:
    for picture in phantoms[:8]:
        cooler = np.clip(picture * np.array([0.75, 1.1, 1.5]), 0, 255).astype(np.uint8)
        assert judge(cooler).reason == ""


def test_a_photograph_without_its_colour_is_told(phantoms: list[np.ndarray]) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(phantoms[0], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert judge(np.asarray(grey, np.uint8)).reason == NO_COLOUR


def test_colours_in_another_order_are_told(phantoms: list[np.ndarray]) -> None:
    assert {judge(np.ascontiguousarray(picture[..., ::-1])).reason for picture in phantoms[:8]} == {OTHER_COLOURS}


def test_size_does_not_decide() -> None:
    for side in (160, 320, 900):
        picture = next(eye.image for eye in draw_person(5, 3, side) if eye.quality == "gradable")
        assert judge(picture).reason == ""
        for kind in ("document", "outer eye"):
            other = cv2.resize(draw_other(kind, 3), (side, side), interpolation=cv2.INTER_AREA)
            assert judge(np.asarray(other, np.uint8)).reason in ABOUT_WHAT_WAS_SENT
