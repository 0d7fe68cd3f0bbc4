import os
import re
from pathlib import Path

import pytest

from kerasdr.scoring.inputs import Input
from kerasdr.scoring.names import is_own_name, is_own_picture, picture_name, pictures_folder, shown_path

DIGEST = "0123456789abcdef" * 4
KEY = DIGEST[::-1]


@pytest.mark.parametrize("first", "=+-@\t\r\n ")
def test_shown_path_is_no_formula(first: str) -> None:
    assert shown_path(f"{first}cmd.png") == Input(f"{first}cmd.png").shown == f"./{first}cmd.png"
    assert shown_path(f"in/{first}cmd.png") == f"in/{first}cmd.png"


def test_shown_path_escapes_bytes_that_are_no_text() -> None:
    assert shown_path(os.fsdecode(b"in/\xff\xe9.png")) == "in/\\xff\\xe9.png"
    assert shown_path("in/ä 眼.png") == "in/ä 眼.png"


def test_picture_is_named_by_photograph_and_answer() -> None:
    assert picture_name(DIGEST, KEY) == "0123456789ab_fedcba987654.png"
    assert picture_name(DIGEST, KEY, "webp") == "0123456789ab_fedcba987654.webp"


@pytest.mark.parametrize(
    "name",
    [
        picture_name(DIGEST, KEY),
        picture_name(DIGEST, KEY, "webp"),
        ".0123456789ab_fedcba987654.png.x_9.part",
        # as versions of before named them, by their place
        "000001_0123456789ab.png",
        "10000000_0123456789ab.webp",
        ".000001_0123456789ab.png.x_9.part",
    ],
)
def test_own_names(name: str) -> None:
    assert is_own_name(name)
    assert is_own_picture(f"a/grades_gradcam/{name}")
    assert not is_own_picture(f"a/grades/{name}")


@pytest.mark.parametrize(
    "name",
    [
        "eye.png",
        "000001.png",
        "000001_0123456789ab.jpg",
        "000001_0123456789AB.png",
        "000001_0123456789ab.png.bak",
        "000001_0123456789ab.png.part",
        ".000001_0123456789ab.png",
        "x000001_0123456789ab.png",
        "0123456789ab.png",
        "0123456789abc_fedcba987654.png",
        "0123456789ab_fedcba98765.png",
        "0123456789AB_fedcba987654.png",
        "000001_0123456789ab.png\n",
        ".notes.x_9.part",
    ],
)
def test_foreign_names(name: str) -> None:
    assert not is_own_name(name)
    assert not is_own_picture(f"a/grades_gradcam/{name}")


def test_pictures_lie_beside_their_csv() -> None:
    assert pictures_folder(Path("a/grades.csv")) == Path("a/grades_gradcam")
    assert pictures_folder(Path("grades.2026.csv")) == Path("grades.2026_gradcam")
    assert pictures_folder(Path("grades")) == Path("grades_gradcam")


def test_every_path_can_be_had_back_from_what_is_shown() -> None:
    names = [
        b"a\xff.png",
        rb"a\xff.png",
        rb"a\x5cxff.png",
        b"a\\\xff.png",
        rb"a\\xff.png",
        rb"dir\n.png",
        b"\\",
        rb"\x5",
    ]
    shown = [shown_path(os.fsdecode(name)) for name in names]
    assert len(set(shown)) == len(names)
    assert [
        re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode()) for text in shown
    ] == names
    assert shown_path(r"dir\n.png") == r"dir\n.png"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("in/night.html_files/0123456789abcdef.jpg", True),
        ("night.json_files/0123456789abcdef.jpg", True),
        ("NIGHT.HTM_files/0123456789abcdef.jpg", True),
        ("photos_files/0123456789abcdef.jpg", False),
        ("night.html_files/10_left.jpg", False),
        ("g_gradcam/0123456789abcdef.jpg", False),
    ],
)
def test_pictures_of_a_page_are_no_photographs(path: str, own: bool) -> None:
    assert is_own_picture(path) is own
