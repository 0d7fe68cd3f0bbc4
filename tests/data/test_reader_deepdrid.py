"""Layout deepdrid: three folders, two views of each eye, and the oddities of its label files."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kerasdr.data.readers import Dataset, detect_layout, read_table
from kerasdr.data.splits import split_by_person
from kerasdr.data.spreadsheet import write_rows
from kerasdr.errors import KerasdrError
from kerasdr.training.samples import person_or_eye_grades

Put = Callable[..., Path]

TRAINING, VALIDATION = "regular-fundus-training", "regular-fundus-validation"
EVALUATION = "Online-Challenge1&2-Evaluation"
HEADER = (
    "patient_id,image_id,image_path,Overall quality,left_eye_DR_Level,right_eye_DR_Level,patient_DR_Level,"
    "Clarity,Field definition,Artifact"
)
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture
def lay(put: Put, tmp_path: Path) -> Callable[..., Path]:
    """Lays out a part from rows ``image left right`` (a dash is an empty cell), with a photograph for each.

    The person's level is the worse eye's; ``image left right person`` gives another.
    """

    def write(part: str, *rows: str, photographs: bool = True, overall: str = "1") -> Path:
        lines = [HEADER]
        worst: dict[str, str] = {}
        for row in rows:
            image, *levels_of_row = row.replace("-", "").split(" ")[:3]
            person = image.split("_")[0]
            worst[person] = max([worst.get(person, ""), *levels_of_row])
        for row in rows:
            image, left, right, *said = row.replace("-", "").split(" ")
            person = image.split("_")[0]
            levels = f"{left},{right},{said[0] if said else worst[person]}"
            lines.append(f"{person},{image},\\{part}\\{person}\\{image}.jpg,{overall},{levels},8,8,4")
            if photographs:
                put(f"regular_fundus_images/{part}/Images/{person}/{image}.jpg")
        put(f"regular_fundus_images/{part}/{part}.csv", "\n".join(lines) + "\n")
        return tmp_path / "regular_fundus_images" / part

    return write


@pytest.fixture
def evaluate(put: Put, tmp_path: Path) -> Callable[..., Path]:
    """Lays out the evaluation part from pairs of image and level."""

    def write(*rows: tuple[str, str | int], labels: bool = True) -> Path:
        folder = tmp_path / "regular_fundus_images" / EVALUATION
        for image, _ in rows:
            put(f"regular_fundus_images/{EVALUATION}/Images/{image.split('_')[0]}/{image}.jpg")
        put(f"regular_fundus_images/{EVALUATION}/Challenge1_upload.csv", "image_id,DR_Level\n9_l1,\n")
        if labels:
            write_rows(folder / "Challenge1_labels.xlsx", [("image_id", "DR_Levels"), *rows])
        return folder

    return write


def read(root: Path, **options: str) -> Dataset:
    return read_table("deepdrid", root, options)


def row_of(dataset: Dataset, image: str) -> pd.Series:
    return dataset.table.set_index("image_id").loc[image]


def test_three_parts(lay: Callable[..., Path], evaluate: Callable[..., Path], tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 2 -", "1_r1 - 0")
    lay(VALIDATION, "2_l2 3 -")
    evaluate(("3_r1", 4), ("3_l2", 1))
    assert detect_layout(tmp_path) == "deepdrid"
    dataset = read(tmp_path)
    assert dataset.table.drop(columns=["path", "person_grade"]).to_dict("list") == {
        "image_id": ["1_l1", "1_r1", "2_l2", "3_r1", "3_l2"],
        "patient_id": ["1", "1", "2", "3", "3"],
        "eye": ["left", "right", "left", "right", "left"],
        "view": ["1", "1", "2", "1", "2"],
        "grade": [2, 0, 3, 4, 1],
        "quality": ["gradable"] * 5,
        "split": ["train", "train", "validation", "test", "test"],
    }
    inside = tmp_path / "regular_fundus_images"
    assert row_of(dataset, "1_r1")["path"] == str(inside / TRAINING / "Images/1/1_r1.jpg")
    assert row_of(dataset, "3_l2")["path"] == str(inside / EVALUATION / "Images/3/3_l2.jpg")
    assert (dataset.missing, dataset.notes) == ((), ())
    assert read(inside).table["grade"].tolist() == [2, 0, 3, 4, 1], "the inner folder is as good a root"
    assert detect_layout(inside) == "deepdrid"


def test_people_may_be_dealt_anew(lay: Callable[..., Path], evaluate: Callable[..., Path], tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 2 -")
    lay(VALIDATION, "2_l1 2 -")
    evaluate(("3_l1", 2))
    assert read(tmp_path, split="none").table["split"].tolist() == ["", "", ""]
    with pytest.raises(KerasdrError, match="option split of layout deepdrid must be official or none, got 'mine'"):
        read(tmp_path, split="mine")


def test_the_column_says_which_eye_it_is_even_against_the_name(lay: Callable[..., Path], tmp_path: Path) -> None:
    lay(
        TRAINING, "56_l1 1 -", "56_r3 1 -", "56_l3 - 0", "56_r2 - 0", "57_l3 2 -", "57_r3 - 4", "58_l1 0 3", "58_r1 0 3"
    )
    dataset = read(tmp_path)
    table = dataset.table
    assert table["eye"].tolist() == ["left", "left", "right", "right", "left", "right", "left", "right"]
    assert table["view"].tolist() == ["1", "3", "3", "2", "3", "3", "1", "1"]
    assert table["grade"].tolist() == [1, 1, 0, 0, 2, 4, 0, 3], "both filled: the name tells whose level counts"
    note = "2 photographs are named for one eye and graded as the other: the graded one counts; the first is 56_r3"
    assert note in dataset.notes


def test_a_persons_level_counts_the_eye_whose_photographs_are_missing(
    lay: Callable[..., Path], evaluate: Callable[..., Path], tmp_path: Path
) -> None:
    folder = lay(TRAINING, "1_l1 4 -", "1_r1 - 1", "1_r2 - 1", "2_l1 0 -", "2_r1 - 3")
    evaluated = evaluate(("3_l1", 4), ("3_r1", 2), ("4_l1", 5), ("4_r1", 2))
    for photograph in ("1/1_l1", "2/2_l1"):
        (folder / f"Images/{photograph}.jpg").unlink()
    for photograph in ("3/3_l1", "4/4_l1"):
        (evaluated / f"Images/{photograph}.jpg").unlink()
    table = read(tmp_path).table
    assert table["image_id"].tolist() == ["1_r1", "1_r2", "2_r1", "3_r1", "4_r1"]
    assert table["grade"].tolist() == [1, 1, 3, 2, 2]
    assert person_or_eye_grades(table, "person").tolist() == [4, 4, 3, 4, 2]
    assert person_or_eye_grades(table, "eye").tolist() == [1, 1, 3, 2, 2]


def test_a_persons_level_that_is_not_the_worse_eyes_is_noted(lay: Callable[..., Path], tmp_path: Path) -> None:
    agreeing = ("1_l1 2 - 2", "1_r1 - 0 2", "2_l1 5 - 5", "2_r1 - 1 5", "3_l1 1 - -", "4_l1 5 - 3")
    lay(TRAINING, *agreeing)
    assert not any("patient_DR_Level" in note for note in read(tmp_path).notes)
    lay(TRAINING, *agreeing, "5_l1 2 - 3", "5_r1 - 0 3", "6_l1 4 - 0.0")
    dataset = read(tmp_path)
    assert (
        "2 people have a patient_DR_Level that is not the worst of their eyes' levels: the eyes' levels count; "
        "the first is 5"
    ) in dataset.notes
    assert person_or_eye_grades(dataset.table, "person").tolist()[-3:] == [2, 2, 4]


def test_level_5_is_an_ungradable_photograph(
    lay: Callable[..., Path], evaluate: Callable[..., Path], tmp_path: Path
) -> None:
    lay(TRAINING, "1_l1 5 -", "1_r1 - 4", "1_r2 - -")
    evaluate(("3_l1", 5), ("3_r1", "2.0"))
    dataset = read(tmp_path)
    assert dataset.table["quality"].tolist() == ["ungradable", "gradable", "", "ungradable", "gradable"]
    assert dataset.table["grade"].fillna(-1).tolist() == [-1, 4, -1, -1, 2]
    assert any(note.startswith("2 photographs are of level 5, ungradable") for note in dataset.notes)


def test_overall_quality_0_counts_and_is_noted(lay: Callable[..., Path], tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 1 -", "1_r1 - 5", overall="0")
    dataset = read(tmp_path)
    assert dataset.table["quality"].tolist() == ["gradable", "ungradable"]
    (note,) = [note for note in dataset.notes if "Overall quality 0" in note]
    assert note.startswith("1 photographs are of Overall quality 0") and note.endswith("the first is 1_l1")


def test_an_evaluation_part_without_labels(
    lay: Callable[..., Path], evaluate: Callable[..., Path], tmp_path: Path
) -> None:
    lay(TRAINING, "1_l1 2 -")
    evaluate(("9_l1", 0), ("9_r2", 0), labels=False)
    dataset = read(tmp_path)
    row = row_of(dataset, "9_r2")
    assert row[["patient_id", "eye", "view", "split"]].tolist() == ["9", "right", "2", "test"]
    assert pd.isna(row["grade"])
    assert dataset.notes == (
        f"the validation part is not there ({VALIDATION})",
        f"{EVALUATION} has no labels: the grades of its 2 photographs are unknown",
    )
    with pytest.raises(KerasdrError, match=r"the validation part of the data set's own split has no photographs"):
        split_by_person(dataset.table, SHARES, 1)


def test_other_label_files_are_no_labels(lay: Callable[..., Path], put: Put, tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 2 -")
    base = "regular_fundus_images"
    put(f"{base}/{TRAINING}/regular-fundus-source-training.csv", "image_id,Source\n1_l1,Nicheng\n")
    put(f"{base}/{EVALUATION}/CHALLENGE1_LABELS.CSV", "image_id,DR_Level\n4_l1,3\n")
    put(f"{base}/{EVALUATION}/Images/4/4_l1.jpg")
    assert read(tmp_path).table["grade"].tolist() == [2, 3]


def test_labels_without_photograph_and_the_reverse(lay: Callable[..., Path], put: Put, tmp_path: Path) -> None:
    folder = lay(TRAINING, "1_l1 2 -", "1_l2 2 -", "1_r1 - 1")
    (folder / "Images/1/1_l2.jpg").unlink()
    put(f"regular_fundus_images/{TRAINING}/Images/8/8_l1.jpg")
    put("masks/1_l1.png")
    dataset = read(tmp_path)
    assert dataset.table["image_id"].tolist() == ["1_l1", "1_r1"]
    assert dataset.missing == ("1_l2",)
    assert dataset.notes[-2:] == (
        "1 labelled photographs are not there, the first is 1_l2",
        "1 photographs have no label and are left out",
    )


def test_a_wrong_root_is_told_what_was_looked_for_and_found(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level\n1_left,0\n")
    put("train/1_left.jpeg")
    with pytest.raises(
        KerasdrError,
        match=r"is not of layout deepdrid: looked for the folder regular_fundus_images, or in it "
        r"regular-fundus-training, regular-fundus-validation, Online-Challenge1&2-Evaluation, "
        r"found train/, trainLabels\.csv; check --data",
    ):
        read(tmp_path)
    (tmp_path / "regular_fundus_images" / TRAINING / "Images").mkdir(parents=True)
    with pytest.raises(KerasdrError, match=r"looked for the labels regular-fundus-training\.csv, found Images/;"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("1_l1 7 -",), r"training\.csv line 2 \(1_l1\): level '7' must be 0, 1, 2, 3 or 4, 5 where it is ungradable"),
        (("1_l1 0 -", "1_r1 - x"), r"line 3 \(1_r1\): level 'x' must be"),
        (("1_l1 0 -", "1_l1 0 -"), r"line 3 labels 1_l1 again: keep one row"),
        (("1x 0 3",), r"line 2 \(1x\): both eyes have a level and the name tells no eye; empty one of them"),
    ],
)
def test_wrong_labels_are_said_in_one_line(
    lay: Callable[..., Path], tmp_path: Path, rows: tuple[str, ...], said: str
) -> None:
    lay(TRAINING, *rows)
    with pytest.raises(KerasdrError, match=said) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_wrong_columns_are_said(put: Put, tmp_path: Path) -> None:
    put(f"{TRAINING}/{TRAINING}.csv", "image_id,level\n1_l1,0\n")
    with pytest.raises(
        KerasdrError, match=r"left_eye_DR_Level and right_eye_DR_Level, or DR_Levels; it has image_id, level"
    ):
        read(tmp_path)


def test_a_person_or_photograph_in_two_parts(lay: Callable[..., Path], tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 0 -", "2_l1 0 -")
    lay(VALIDATION, "1_r1 - 1", "3_l1 2 -")
    dataset = read(tmp_path)
    with pytest.raises(KerasdrError, match="the same person is in train as 1_l1 and in validation as 1_r1"):
        split_by_person(dataset.table, {"train": 0.8, "validation": 0.2}, 1)
    lay(VALIDATION, "2_l1 0 -")
    with pytest.raises(KerasdrError, match=rf"{VALIDATION}\.csv line 2 \(2_l1\): .*{TRAINING}\.csv labels it too"):
        read(tmp_path)


def test_two_photographs_of_one_name(lay: Callable[..., Path], put: Put, tmp_path: Path) -> None:
    lay(TRAINING, "1_l1 0 -")
    put(f"regular_fundus_images/{TRAINING}/Images/1/1_l1.png")
    with pytest.raises(KerasdrError, match=r"two photographs are called 1_l1: .*1_l1\.jpg and .*1_l1\.png; keep one$"):
        read(tmp_path)
