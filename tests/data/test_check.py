"""`kerasdr data check`: what is understood of a data set."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from kerasdr.cli.data import data_group
from kerasdr.data.check import inspect_dataset
from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.data.readers import read_table

Put = Callable[..., Path]


@pytest.fixture
def damaged(put: Put, tmp_path: Path) -> Path:
    """Six labelled photographs: two the same but graded differently, one cut off, one missing."""
    labels = ("1_left,0", "1_right,3", "2_left,0", "2_right,0", "3_left,4", "4_left,2")
    put("trainLabels.csv", "\n".join(["image,level", *labels, ""]))
    same = put("train/1_left.png").read_bytes()
    put("train/1_right.png", same)
    put("train/2_left.png", same[:40])
    large = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    put("train/2_right.png", cv2.imencode(".png", large)[1].tobytes())
    put("train/3_left.png")
    put("train/spare.png")
    return tmp_path


def test_what_is_understood(damaged: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = inspect_dataset(read_table("eyepacs", damaged), lambda done, total: seen.append((done, total)))
    assert (report.photographs, report.people, report.pairs) == (5, 3, 4)
    assert report.grades == {
        "0 no DR": 3,
        "1 mild NPDR": 0,
        "2 moderate NPDR": 0,
        "3 severe NPDR": 1,
        "4 PDR": 1,
        "unknown": 0,
    }
    assert report.eyes == {"left": 3, "right": 2, "unknown": 0}
    assert report.quality == {"gradable": 0, "ungradable": 0, "unknown": 5}
    assert report.splits == {"train": 0, "validation": 0, "test": 0, "none": 5}
    assert report.missing == ("4_left",)
    assert list(report.unreadable) == ["2_left"] and "copy it again" in report.unreadable["2_left"]
    assert report.duplicates == report.contradictions == (("1_left", "1_right"),)
    assert (report.smallest, report.largest) == ((8, 6), (30, 20))
    assert report.faults == 3
    assert seen == [(done, 5) for done in range(1, 6)]
    assert json.loads(json.dumps(report.to_dict()))["missing"] == ["4_left"]


def test_what_is_printed(damaged: Path) -> None:
    lines = inspect_dataset(read_table("eyepacs", damaged)).render().splitlines()
    assert lines[:5] == [
        "photographs  5 of 3 people; 4 have the other eye beside them",
        "grades       0 no DR 3 (60.0%), 3 severe NPDR 1 (20.0%), 4 PDR 1 (20.0%)",
        "eyes         left 3 (60.0%), right 2 (40.0%)",
        "quality      unknown 5 (100.0%) (as labelled)",
        "sizes        8x6 to 30x20 px",
    ]
    at = lines.index("unreadable   1")
    assert lines[at + 1].startswith("             2_left: the file is cut off")
    assert lines[at + 2 :] == [
        "missing      1",
        "             4_left",
        "duplicates   1",
        "             1_left = 1_right",
        "             differently graded: 1_left = 1_right",
        "note         1 labelled photographs are not there, the first is 4_left",
        "note         1 photographs have no label and are left out",
        "note         no photograph has grade 1 or 2: no network can learn it, and no figure tells how people who have it "
        "would be graded; add photographs of it",
    ]


def test_ten_are_named_and_the_rest_counted(put: Put, tmp_path: Path) -> None:
    for number in range(13):
        put(f"{number:02d}.png", b"x" * (number + 1))
    text = inspect_dataset(read_table("folder", tmp_path)).render()
    lines = text.splitlines()
    at = lines.index("unreadable   13")
    assert [line.split()[0] for line in lines[at + 1 : at + 11]] == [f"{number:02d}:" for number in range(10)]
    assert lines[at + 11] == "             and 3 more"
    assert "duplicates   none" in lines and "sizes" not in text


def test_empty_files_are_unreadable_and_no_duplicates(put: Put, tmp_path: Path) -> None:
    put("0/a.png", b"")
    put("1/b.png", b"")
    report = inspect_dataset(read_table("folder", tmp_path))
    assert (sorted(report.unreadable), report.duplicates, report.contradictions) == (["a", "b"], (), ())


def test_a_file_that_vanishes_is_unreadable(put: Put, tmp_path: Path) -> None:
    put("a.png")
    dataset = read_table("folder", tmp_path)
    (tmp_path / "a.png").unlink()
    assert inspect_dataset(dataset).unreadable == {"a": "cannot be read: No such file or directory"}


def test_the_data_sets_own_split_is_counted(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file,part\na.png,train\nb.png,test\n")
    put("a.png")
    put("b.png")
    options = {"columns": {"path": "file", "split": "part"}}
    report = inspect_dataset(read_table("manifest", tmp_path, options))
    assert "split        train 1 (50.0%), test 1 (50.0%) (the data set's own)" in report.render().splitlines()


def test_a_split_of_its_own_that_leaks_is_a_fault(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file,part\n7_left.png,train\n7_right.png,test\n8_left.png,test\n")
    for name in ("7_left", "7_right", "8_left"):
        put(f"{name}.png")
    report = inspect_dataset(read_table("manifest", tmp_path, {"columns": {"path": "file", "split": "part"}}))
    (line,) = [line for line in report.render().splitlines() if line.startswith("leak")]
    assert line.startswith(
        "leak         the split leaks: the same person is in train as 7_left and in test as 7_right;"
    )
    assert report.faults == 1


def test_the_command_prints_and_only_strict_minds(damaged: Path, tmp_path: Path) -> None:
    ran = CliRunner().invoke(data_group, ["check", str(damaged), "--json", str(tmp_path / "report.json")])
    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[:2] == [
        "layout       eyepacs",
        "photographs  5 of 3 people; 4 have the other eye beside them",
    ]
    assert json.loads((tmp_path / "report.json").read_text())["duplicates"] == [["1_left", "1_right"]]
    assert CliRunner().invoke(data_group, ["check", str(damaged), "--strict"]).exit_code == 3
    (damaged / "good").mkdir()
    (damaged / "train/3_left.png").rename(damaged / "good/3_left.png")
    whole = CliRunner().invoke(data_group, ["check", str(damaged / "good"), "--strict"])
    assert (whole.exit_code, whole.stdout.splitlines()[0]) == (0, "layout       folder")


def test_the_commands_options_go_to_the_reader(put: Put, tmp_path: Path) -> None:
    put("mine.csv", "file,dr\na.png,3\n")
    put("a.png")
    options = ["--option", "file=mine.csv", "--option", "columns={path: file, grade: dr}"]
    ran = CliRunner().invoke(data_group, ["check", str(tmp_path), "--layout", "manifest", *options])
    assert "grades       3 severe NPDR 1 (100.0%)" in ran.stdout.splitlines()
    wrong = CliRunner().invoke(data_group, ["check", str(tmp_path), "--option", "file"])
    assert wrong.exit_code == 2 and "'file' is no KEY=VALUE" in wrong.stderr


def test_dicom_is_looked_at_like_any_photograph(put: Put, tmp_path: Path) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")
    from tests.imaging.dicom_files import dicom

    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    put("2/1_left.dcm", dicom(picture))
    put("2/1_right.dicom", dicom(picture[:, ::-1]))
    put("2/2_left.dcm", dicom(picture, Modality="CT"))
    report = inspect_dataset(read_table("folder", tmp_path))
    assert (report.photographs, report.pairs, report.largest) == (3, 2, (30, 20))
    assert report.unreadable == {
        "2_left": "this DICOM file holds no photograph but a CT: export the photograph of the eye"
    }


def test_where_optic_discs_lie_and_who_has_them_both_ways(put: Put, tmp_path: Path) -> None:
    drawn = {eye: draw_eye(31, make_person(31, 1), Eye(eye, 0, ""), 320).image for eye in ("left", "right")}
    png = {eye: cv2.imencode(".png", picture[..., ::-1])[1].tobytes() for eye, picture in drawn.items()}
    names = {
        "1_left": "left",
        "1_right": "right",
        "2_left": "right",
        "2_right": "left",
        "3_left": "left",
        "3_right": "left",
    }
    for name, eye in {**names, "4_left": "left", "4_right": "dark", "scan": "right"}.items():
        put(f"0/{name}.png", png.get(eye, cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()))
    report = inspect_dataset(read_table("folder", tmp_path))
    assert report.discs == {"upright": 4, "inverted": 3, "unsure": 2}
    assert report.both_ways == (("3_left", "3_right"),)
    lines = report.render().splitlines()
    at = lines.index("optic disc   upright 4 (44.4%), inverted 3 (33.3%), unsure 2 (22.2%)")
    assert lines[at + 1 : at + 3] == ["both ways    1", "             3_left, 3_right"]
    assert report.faults == 2  # groups of the same bytes: names are for a person to look at
