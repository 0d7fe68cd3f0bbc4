import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring import photographs
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.photographs import (
    Group,
    Photograph,
    find_partners,
    group_by_person,
    load_groups,
    load_photograph,
)

RECIPE = get_recipe("clahe-crop", 48)


def entries(*names: str) -> list[Input]:
    return [Input(name) for name in names]


def own(inputs: list[Input]) -> list[tuple[int, ...]]:
    groups = group_by_person(inputs)
    assert all(group.others == () for group in groups)
    return [group.own for group in groups]


def test_a_persons_photographs_of_one_folder_stand_together() -> None:
    inputs = entries("a/1_left.png", "a/2_left.png", "b/1_right.png", "a/1_right.png", "a/scan.png", "a/2_right.png")
    assert own(inputs) == [(0, 3), (1, 5), (2,), (4,)]


def test_one_folder_named_in_two_ways_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = entries("1_left.png", f"{tmp_path}/1_right.png", "./2_left.png", "a/../2_right.png")
    assert own(inputs) == [(0, 1), (2, 3)]
    assert find_partners(inputs, "both-eyes").tolist() == [1, 0, 3, 2]


def test_names_that_tell_no_eye_are_alone_even_if_equal() -> None:
    assert own(entries("a/scan.png", "a/scan.jpg", "a/scan.tif")) == [(0,), (1,), (2,)]


def test_groups_are_bounded_and_bring_the_partners_that_fall_outside() -> None:
    inputs = entries(*(f"IMG_L{number:02d}.png" for number in range(40)), "IMG_R00.png")
    partners = [find_partners(inputs, "both-eyes")]
    groups = group_by_person(inputs, partners)
    assert [group.own for group in groups] == [tuple(range(32)), tuple(range(32, 41))]
    assert partners[0].tolist() == [40] * 40 + [0]
    assert [group.others for group in groups] == [(40,), (0,)]


def test_partners_of_both_eyes() -> None:
    inputs = entries("7_left.png", "x.png", "7_right.png", "b/7_left.png", "8_left.png")
    assert find_partners(inputs, "both-eyes").tolist() == [2, -1, 0, -1, -1]
    assert find_partners(inputs, "same-eye").tolist() == [-1] * 5


def test_partners_by_view() -> None:
    inputs = entries("7_l1.png", "7_l2.png", "7_r2.png", "7_r1.png")
    assert find_partners(inputs, "both-eyes").tolist() == [3, 2, 1, 0]
    assert find_partners(inputs, "same-eye").tolist() == [1, 0, 3, 2]


def test_of_two_files_of_one_stem_the_first_by_name_is_the_partner() -> None:
    assert find_partners(entries("7_left.png", "7_left.jpg", "7_right.png"), "both-eyes").tolist() == [2, 2, 1]
    assert find_partners(entries("7_left.jpg", "7_left.png", "7_right.png"), "both-eyes").tolist() == [2, 2, 0]


def test_names_that_are_no_text_have_partners() -> None:
    names = [os.fsdecode(name) for name in (b"\xff_left.png", b"\xfe_left.png", b"\xff_right.png")]
    assert find_partners(entries(*names), "both-eyes").tolist() == [2, -1, 0]


def test_ready_photograph(tmp_path: Path, good: list[bytes]) -> None:
    (tmp_path / "a.png").write_bytes(good[0])
    other = get_recipe("none", 32)
    loaded = load_photograph(3, Input(str(tmp_path / "a.png")), (RECIPE, other), 100.0, 0)
    assert (loaded.index, loaded.status, loaded.reason, loaded.ready) == (3, "ready", "", True)
    assert loaded.sha256 == hashlib.sha256(good[0]).hexdigest()
    assert [image.shape for image in loaded.images] == [(48, 48, 3), (32, 32, 3)]
    assert loaded.display is not None and loaded.display.shape == (512, 512, 3)
    squeezed = load_photograph(3, Input(str(tmp_path / "a.png")), (RECIPE, other), 100.0, 1).display
    assert squeezed is not None and (squeezed != loaded.display).any()
    assert load_photograph(3, Input(str(tmp_path / "a.png")), (RECIPE,), 100.0, None).display is None


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("empty", "failed", "the file is empty: copy it again from the camera"),
        ("text", "failed", "this is not a photograph (JPEG, PNG, TIFF, BMP, WebP or DICOM): check what was saved here"),
        ("cut", "failed", "the file is cut off: copy it again from the camera"),
        ("bomb", "failed", "the picture is 50000 x 50000 px, more than 100 megapixels: save it smaller"),
        ("dark", "ungradable", "no retina to be seen: check that the camera was on the eye, and take it again"),
    ],
)
def test_bad_photograph_keeps_its_digest(
    kind: str, status: str, reason: str, tmp_path: Path, bad: dict[str, bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(bad[kind])
    loaded = load_photograph(0, Input(str(tmp_path / "a.jpg")), (RECIPE,), 100.0, 0)
    assert (loaded.status, loaded.ready, loaded.images, loaded.display) == (status, False, (), None)
    assert loaded.reason.startswith(reason)
    assert loaded.sha256 == hashlib.sha256(bad[kind]).hexdigest()


def test_size_limit_is_the_callers(tmp_path: Path, good: list[bytes]) -> None:
    (tmp_path / "a.png").write_bytes(good[0])
    loaded = load_photograph(0, Input(str(tmp_path / "a.png")), (RECIPE,), 0.01, None)
    assert loaded.reason.startswith("the picture is 128 x 128 px, more than 0.01 megapixels")


def test_known_problem_is_passed_on_and_nothing_is_read() -> None:
    loaded = load_photograph(0, Input("/gone.png", "this is a folder, not a photograph"), (RECIPE,), 100.0, None)
    assert (loaded.status, loaded.reason, loaded.sha256) == ("failed", "this is a folder, not a photograph", "")


def test_unexpected_exception_costs_one_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"abc")

    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(photographs, "prepare_all", fail)
    loaded = load_photograph(0, Input(str(tmp_path / "a.png")), (RECIPE,), 100.0, None)
    assert loaded.status == "failed"
    assert loaded.reason == "could not be processed (ZeroDivisionError): copy it again, or report this file"
    assert loaded.sha256 == ""  # it may be the machine, and the same bytes be read another time


@pytest.mark.parametrize("ahead", [1, 4, 100])
def test_groups_come_in_order_and_whole(ahead: int) -> None:
    groups = [Group((0, 5)), Group((1,), (0,)), Group((2, 3)), Group((4,))]
    loaded = list(load_groups(groups, lambda index: Photograph(index, "ready"), ahead=ahead))
    assert [group for group, _ in loaded] == groups
    assert [[(key, value.index) for key, value in found.items()] for _, found in loaded] == [
        [(0, 0), (5, 5)],
        [(1, 1), (0, 0)],
        [(2, 2), (3, 3)],
        [(4, 4)],
    ]


def test_reading_stays_a_bounded_way_ahead() -> None:
    read: list[int] = []

    def load(index: int) -> Photograph:
        read.append(index)
        return Photograph(index, "ready")

    groups = load_groups([Group((index,)) for index in range(100)], load, ahead=4)
    next(groups)
    assert len(read) <= 4
    groups.close()
    assert len(read) <= 4


def test_what_any_recipe_finds_ungradable_is_given_to_no_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recipes of different sizes decode at different scales, and training uses what is gradable at all of them."""
    from kerasdr.imaging.prepare import Prepared
    from kerasdr.imaging.quality import Quality
    from kerasdr.scoring import photographs as module

    path = tmp_path / "a.png"
    path.write_bytes(b"any")
    recipes = [get_recipe("crop", 32), get_recipe("crop", 48)]

    def prepare_all(data: bytes, recipes: Any, **options: Any) -> list[Prepared]:
        refused = Quality(False, "out of focus: take it again", {})
        return [
            Prepared(np.zeros((r.size, r.size, 3), np.uint8), Quality(True, "", {}) if r.size == 32 else refused, None)
            for r in recipes
        ]

    monkeypatch.setattr(module, "prepare_all", prepare_all)
    for order in (recipes, recipes[::-1]):
        found = module.load_photograph(0, Input(str(path)), order, 100.0, None)
        assert (found.status, found.reason) == ("ungradable", "out of focus: take it again")
