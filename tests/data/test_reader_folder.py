"""Layout folder: a sub-folder a grade, or photographs without grades."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.data.readers import read_table
from kerasdr.data.readers.registry import find_photographs
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def test_sub_folders_named_by_grades(put: Put, tmp_path: Path) -> None:
    for name in ("0/1_left.jpg", "4/x/1_right.jpg", "no DR/a.png", "Mild_NPDR/b.png", "SEVERE NPDR/c.png", "pdr/d.png"):
        put(name)
    table = read_table("folder", tmp_path).table.set_index("image_id")
    assert table["grade"].to_dict() == {"1_left": 0, "1_right": 4, "a": 0, "b": 1, "c": 3, "d": 4}
    assert table.loc["1_right", ["patient_id", "eye", "path"]].tolist() == [
        "1",
        "right",
        str(tmp_path / "4/x/1_right.jpg"),
    ]
    assert table.loc["a", ["patient_id", "eye"]].tolist() == ["a", ""]


def test_photographs_without_grades(put: Put, tmp_path: Path) -> None:
    for name in ("1_left.jpg", "5/2_left.jpg", "2/1_right.jpg"):
        put(name)
    dataset = read_table("folder", tmp_path)
    assert dataset.table.set_index("image_id")["grade"].dropna().to_dict() == {"1_right": 2}
    assert dataset.notes[0] == "2 photographs lie in no folder named by a grade: their grade is unknown"


def test_names_are_longer_where_stems_repeat(put: Put, tmp_path: Path) -> None:
    for name in ("0/1_left.jpg", "1/1_left.jpg", "1/2_left.jpg", "2/3_left.jpg", "2/3_left.png"):
        put(name)
    table = read_table("folder", tmp_path).table
    assert table["image_id"].tolist() == ["0/1_left", "1/1_left", "2_left", "2/3_left.jpg", "2/3_left.png"]
    assert table["patient_id"].tolist() == ["1", "1", "2", "3", "3"]


def test_eyes_in_folders_of_different_grades_are_said_to_have_no_partner(put: Put, tmp_path: Path) -> None:
    for name in ("0/1_left.jpg", "1/1_right.jpg", "0/2_left.jpg", "0/2_right.jpg"):
        put(name)
    (note,) = read_table("folder", tmp_path).notes
    assert note.startswith("1 people have eyes in folders of different grades")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"holds no photograph that layout folder can read: check the folder"):
        read_table("folder", tmp_path)


def test_linked_folders_are_searched_once(put: Put, tmp_path: Path) -> None:
    inside = put("disk/1_left.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").symlink_to(tmp_path / "disk")
    (root / "b").symlink_to(tmp_path / "disk")
    (inside.parent / "round").symlink_to(root)
    assert find_photographs(root) == [root / "a/1_left.png"]


def test_hidden_files_and_folders_called_like_photographs_are_passed_over(put: Put, tmp_path: Path) -> None:
    kept = put("x.jpg/a.png")
    for name in (".trash/b.png", "._a.png", "c.txt", "masks/a.png", "x.jpg/masks/a.png"):
        put(name, b"x")
    assert find_photographs(tmp_path) == [kept]


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff_left.png")).write_bytes(b"x")
    with pytest.raises(KerasdrError, match=r"xff_left\.png' is not UTF-8 text: rename the file"):
        read_table("folder", tmp_path)


def test_a_folder_that_cannot_be_opened_is_an_error(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.png")
    put("closed/b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        KerasdrError, match=r"cannot open the folder .*closed: Permission denied; check its permissions"
    ):
        find_photographs(tmp_path)


def test_people_of_dicom_files_are_said_to_be_those_of_their_names(put: Put, tmp_path: Path) -> None:
    put("2/IM1.dcm", b"1")
    put("2/IM2.DICOM", b"2")
    put("2/1_left.png")
    (note,) = read_table("folder", tmp_path).notes
    assert note.startswith("2 DICOM files: people and eyes are taken from their names, not from their headers: ")
