"""Layout course: train.csv, val.csv and test.csv with a folder each; the test has no levels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.data.readers import Dataset, detect_layout, read_table
from kerasdr.data.splits import split_by_person
from kerasdr.errors import KerasdrError
from kerasdr.training.samples import person_or_eye_grades

Put = Callable[..., Path]


@pytest.fixture
def course(put: Put, tmp_path: Path) -> Path:
    """Three people, one a part."""
    put("train.csv", "img_path,patient_id,image_id,patient_DR_Level\n1/1_l1.jpg,1,1_l1,3\n1/1_r2.jpg,1,1_r2,3\n")
    put("val.csv", "img_path,patient_id,image_id,patient_DR_Level\n2/2_l1.jpg,2,2_l1,0\n")
    put("test.csv", "img_path,patient_id,image_id\n3/3_r1.jpg,3,3_r1\n")
    for name in ("train/1/1_l1", "train/1/1_r2", "val/2/2_l1", "test/3/3_r1"):
        put(f"{name}.jpg")
    return tmp_path


def read(root: Path, **options: str) -> Dataset:
    return read_table("course", root, options)


def test_three_parts_the_test_without_levels(course: Path) -> None:
    assert detect_layout(course) == "course"
    dataset = read(course)
    table = dataset.table
    assert table.drop(columns=["path", "grade", "person_grade"]).to_dict("list") == {
        "image_id": ["1_l1", "1_r2", "2_l1", "3_r1"],
        "patient_id": ["1", "1", "2", "3"],
        "eye": ["left", "right", "left", "right"],
        "view": ["1", "2", "1", "1"],
        "quality": ["gradable", "gradable", "gradable", ""],
        "split": ["train", "train", "validation", "test"],
    }
    assert table["grade"].fillna(-1).tolist() == [3, 3, 0, -1]
    assert table["path"].tolist()[2] == str(course / "val/2/2_l1.jpg")
    assert dataset.notes == ("test.csv has no levels: the grades of its 1 photographs are unknown",)
    assert (
        (split_by_person(table, {"train": 0.6, "validation": 0.2, "test": 0.2}, 1) == table).fillna(True).all(axis=None)
    )
    assert read(course, split="none").table["split"].tolist() == [""] * 4


def test_a_persons_level_is_kept_where_photographs_are_missing(course: Path, put: Put) -> None:
    rows = "1/1_l1.jpg,1,1_l1,3\n1/1_r2.jpg,1,1_r2,3\n"
    put("train.csv", f"img_path,patient_id,image_id,patient_DR_Level\n{rows}")
    (course / "train/1/1_r2.jpg").unlink()
    dataset = read(course)
    assert person_or_eye_grades(dataset.table, "person").tolist()[:2] == [3, 0]
    assert not any("different levels" in note for note in dataset.notes)
    put("train.csv", f"img_path,patient_id,image_id,patient_DR_Level\n{rows.replace('1_r2,3', '1_r2,4')}")
    dataset = read(course)
    assert dataset.table["grade"].tolist()[:2] == [3, 0]
    assert person_or_eye_grades(dataset.table, "person").tolist()[:2] == [4, 0]
    assert (
        "1 people have rows of different levels: each row's counts, and with data.target=person the highest; "
        "the first is 1"
    ) in dataset.notes


def test_without_a_person_column_with_back_slashes_and_from_the_root(put: Put, tmp_path: Path) -> None:
    put("train.csv", "img_path,image_id,patient_DR_Level\n\\4\\4_l1.jpg,4_l1,2\npictures/4_r1.jpg,4_r1,5\n")
    put("train/4/4_l1.jpg")
    put("pictures/4_r1.jpg")
    dataset = read(tmp_path)
    assert dataset.table["patient_id"].tolist() == ["4", "4"]
    assert dataset.table["quality"].tolist() == ["gradable", "ungradable"]
    assert dataset.notes == ("the validation part is not there (val.csv)", "the test part is not there (test.csv)")


def test_a_test_with_empty_levels_has_none_and_one_with_levels_has_them(course: Path, put: Put) -> None:
    put("test.csv", "img_path,image_id,patient_DR_Level\n3/3_r1.jpg,3_r1,\n")
    assert read(course).table["grade"].isna().tolist() == [False, False, False, True]
    put("test.csv", "img_path,image_id,patient_DR_Level\n3/3_r1.jpg,3_r1,4\n")
    dataset = read(course)
    assert (dataset.table["grade"].tolist()[-1], dataset.notes) == (4, ())


def test_labels_without_photograph_and_the_reverse(course: Path, put: Put) -> None:
    (course / "val/2/2_l1.jpg").unlink()
    put("val/2/2_l9.jpg")
    put("masks/1_l1.png")
    dataset = read(course)
    assert dataset.missing == ("2_l1",)
    assert dataset.notes[1:] == (
        "1 labelled photographs are not there, the first is 2_l1",
        "1 photographs have no label and are left out",
    )


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "val.csv",
            "img_path,image_id,patient_DR_Level\n2/2_l1.jpg,2_l1,7\n",
            r"val\.csv line 2 \(2_l1\): level '7' must",
        ),
        (
            "val.csv",
            "img_path,image_id\n2/2_l1.jpg,2_l1\n",
            r"img_path, image_id and patient_DR_Level; it has img_path",
        ),
        (
            "test.csv",
            "img_path,ID\nx,y\n",
            r"test\.csv must have the columns img_path and image_id; it has img_path, ID",
        ),
        ("test.csv", "img_path,image_id\n1/1_l1.jpg,1_l1\n", r"test\.csv line 2 \(1_l1\): .*train\.csv has it too"),
        ("train.csv", "img_path,image_id,patient_DR_Level\na,b,1\na,b,1\n", r"train\.csv line 3 labels b again"),
    ],
)
def test_wrong_labels_are_said_in_one_line(course: Path, put: Put, file: str, text: str, said: str) -> None:
    put(file, text)
    with pytest.raises(KerasdrError, match=said) as caught:
        read(course)
    assert "\n" not in str(caught.value)


def test_a_person_in_two_parts(course: Path, put: Put) -> None:
    put("test.csv", "img_path,image_id\n2/2_r1.jpg,2_r1\n")
    put("test/2/2_r1.jpg")
    with pytest.raises(KerasdrError, match="the same person is in validation as 2_l1 and in test as 2_r1"):
        split_by_person(read(course).table, {"train": 0.6, "validation": 0.2, "test": 0.2}, 1)


def test_a_wrong_root_is_told_what_was_looked_for_and_found(tmp_path: Path) -> None:
    with pytest.raises(
        KerasdrError, match=r"looked for train\.csv, val\.csv and test\.csv .*, found nothing; check --data"
    ):
        read(tmp_path)
