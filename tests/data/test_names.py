"""What a file's name says."""

import pytest

from kerasdr.data.names import parse_eye, parse_name


@pytest.mark.parametrize(
    ("stem", "person", "eye", "view"),
    [
        ("10_left", "10", "left", ""),
        ("10_right", "10", "right", ""),
        ("0010_LEFT", "0010", "left", ""),
        ("12_l1", "12", "left", "1"),
        ("12_r2", "12", "right", "2"),
        ("12_R10", "12", "right", "10"),
        ("P-77_OS", "P-77", "left", ""),
        ("P-77-od", "P-77", "right", ""),
        ("a_b_left", "a_b", "left", ""),
        ("left", "left", "", ""),
        ("_left", "_left", "", ""),
        ("10left", "10left", "", ""),
        ("10_leftish", "10_leftish", "", ""),
        ("10_left_old", "10_left_old", "", ""),
        ("000c1434d8d7", "000c1434d8d7", "", ""),
        ("", "", "", ""),
        ("doctor", "doctor", "", ""),
        ("10 left", "10 left", "", ""),
    ],
)
def test_parse_name(stem: str, person: str, eye: str, view: str) -> None:
    assert parse_name(stem) == (person, eye, view)


@pytest.mark.parametrize(
    ("text", "eye"),
    [("left", "left"), ("L", "left"), ("OS", "left"), (" Right ", "right"), ("r", "right"), ("od", "right"), ("", "")],
)
def test_parse_eye(text: str, eye: str) -> None:
    assert parse_eye(text) == eye


@pytest.mark.parametrize("text", ["OU", "both", "0", "leftt"])
def test_what_is_no_eye_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no eye: write left, right, L, R, OS or OD"):
        parse_eye(text)
