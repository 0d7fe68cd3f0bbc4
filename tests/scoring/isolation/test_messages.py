import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.isolation.messages import Head, OddAnswer, Settings, arrays_of, photograph_of, read_head
from kerasdr.scoring.photographs import Photograph

SHA = "0123456789abcdef" * 4
GOOD = {"number": 3, "status": "ungradable", "reason": "too dark: take it again", "sha256": SHA}


def head(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_settings_go_there_and_back() -> None:
    recipes = (get_recipe("clahe-crop-graham", 96), get_recipe("none", 64))
    settings = Settings(recipes, 37.5, 1, 12.5)
    assert Settings.from_bytes(settings.to_bytes()) == settings
    assert settings.shapes() == [(96, 96, 3), (64, 64, 3), (512, 512, 3)]
    assert Settings(recipes, 37.5, None, 12.5).shapes() == [(96, 96, 3), (64, 64, 3)]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_time_limits_that_are_none_are_refused(seconds: float, settings: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match="may take between 0 and 86400 s"):
        settings(seconds=seconds)


def test_memory_grows_with_the_largest_photograph_that_is_let_in(settings: Callable[..., Settings]) -> None:
    assert settings().memory == settings(megapixels=1.0).memory == 1536 * 2**20
    assert settings(megapixels=400.0).memory == 6_000_000_000


def test_photograph_goes_there_and_back(settings: Callable[..., Settings]) -> None:
    random = np.random.default_rng(1)
    image, display = (random.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (48, 512))
    sent = Photograph(9, "ready", "", SHA, (image,), display)
    pixels = bytearray(b"".join(array.tobytes() for array in arrays_of(sent)))
    got = photograph_of(9, read_head(Head(1, "ready", "", SHA).to_bytes(), 1), pixels, settings())
    assert (got.index, got.status, got.reason, got.sha256) == (9, "ready", "", SHA)
    np.testing.assert_array_equal(got.images[0], image)
    assert got.display is not None
    np.testing.assert_array_equal(got.display, display)


def test_answer_without_pixels() -> None:
    assert read_head(head(), 3) == Head(3, "ungradable", "too dark: take it again", SHA)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04.",
        b"null",
        b"[" * 4000,
        b'"ready"',
        b"\xff\xfe",
        head(number=2),
        head(number="3"),
        head(status="graded"),
        head(status=None),
        head(reason=7),
        head(reason="two\nlines"),
        head(reason="\x1b[2J"),
        head(reason="J\u00fcrgen"),
        head(reason="x" * 401),
        head(reason=""),
        head(sha256=""),
        head(sha256=SHA.upper()),
        head(sha256=SHA[:-1]),
        head(sha256=SHA + "\n"),
        head(sha256=None),
        head(grade=4),
        json.dumps({key: GOOD[key] for key in ("number", "status", "reason")}).encode(),
    ],
)
def test_anything_odd_is_refused(data: bytes) -> None:
    with pytest.raises(OddAnswer):
        read_head(data, 3)


def test_what_can_be_graded_may_have_a_note_and_what_cannot_has_a_reason() -> None:
    assert read_head(head(status="ready"), 3).reason == GOOD["reason"] != ""
    assert read_head(head(status="ready", reason=""), 3).reason == ""


def test_a_reason_is_made_fit_to_be_sent() -> None:
    sent = Head(3, "failed", "J\u00fcrgen\n" + "x" * 500, "")
    assert read_head(sent.to_bytes(), 3).reason == "J?rgen?" + "x" * 393


def test_figures_of_the_quality_gate_come_along_and_nothing_else_in_their_place() -> None:
    figures = {"brightness": 90.5, "red": 0.5}
    assert read_head(Head(3, "ready", "", SHA, figures).to_bytes(), 3).figures == figures
    for odd in ({"brightness": "90"}, {"name": 1.0}, [1.0], {"red": float("nan")}, {"red": None}):
        content = {"number": 3, "status": "ready", "reason": "", "sha256": SHA, "figures": odd}
        with pytest.raises(OddAnswer, match="figures that"):
            read_head(json.dumps(content).encode("ascii"), 3)


def test_the_eye_of_a_header_comes_along_and_nothing_else_in_its_place(settings: Callable[..., Settings]) -> None:
    assert read_head(Head(3, "ready", "", SHA, eye="left").to_bytes(), 3).eye == "left"
    assert photograph_of(0, Head(3, "failed", "cut", SHA, eye="right"), bytearray(), settings()).eye == "right"
    for odd in ("Left", "both", 1, None, ["left"]):
        content = {"number": 3, "status": "ready", "reason": "", "sha256": SHA, "eye": odd}
        with pytest.raises(OddAnswer, match="no eye"):
            read_head(json.dumps(content).encode("ascii"), 3)
