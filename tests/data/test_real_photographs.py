"""The readers on real photographs and on the real label files of public data sets, where these are present."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.data.check import inspect_dataset
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.pairs import partner_index
from kerasdr.data.readers import detect_layout, read_table
from kerasdr.data.splits import check_no_leak, split_by_person

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def eyepacs() -> Path:
    if not (DATA / "eyepacs").is_dir():
        pytest.skip(f"no real photographs in {DATA / 'eyepacs'}")
    return DATA / "eyepacs"


def test_eyepacs(eyepacs: Path) -> None:
    assert detect_layout(eyepacs) == "eyepacs"
    dataset = read_table("eyepacs", eyepacs)
    table = dataset.table
    assert (dataset.missing, dataset.notes) == ((), ())
    assert (len(table), table["patient_id"].nunique()) == (720, 360)
    assert table["grade"].value_counts().sort_index().tolist() == [533, 45, 110, 15, 17]
    assert table["eye"].value_counts().to_dict() == {"left": 360, "right": 360}
    partners = partner_index(table, "both-eyes")
    assert (partners >= 0).all()
    assert (table["patient_id"].to_numpy()[partners] == table["patient_id"].to_numpy()).all()
    assert (table["eye"].to_numpy()[partners] != table["eye"].to_numpy()).all()


def test_eyepacs_splits_without_a_leak(eyepacs: Path) -> None:
    table = read_table("eyepacs", eyepacs).table
    split = split_by_person(table, {"train": 0.6, "validation": 0.2, "test": 0.2}, seed=40)
    assert split.groupby("split")["patient_id"].nunique().to_dict() == {"train": 216, "validation": 72, "test": 72}
    check_no_leak(split, photograph_digests(split))


def test_photographs_of_a_camera() -> None:
    if not (DATA / "highres").is_dir():
        pytest.skip(f"no real photographs in {DATA / 'highres'}")
    dataset = read_table("eyepacs", DATA / "highres")
    assert dataset.table["grade"].tolist() == [0, 0, 0, 0, 1, 2]
    report = inspect_dataset(dataset)
    assert (report.people, report.pairs, report.faults) == (3, 6, 0)
    assert (report.smallest, report.largest) == ((2592, 1944), (4928, 3264))


@pytest.fixture
def labels_of(tmp_path: Path) -> Callable[..., list[dict[str, str]]]:
    """Lays the real rows of a label file out as a data set's labels, and a file for each photograph they name."""

    def lay(file: str, place: str, photograph: str) -> list[dict[str, str]]:
        source = DATA / "schemas" / file
        if not source.is_file():
            pytest.skip(f"no real label files in {source.parent}")
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_bytes(source.read_bytes())
        with open(source, newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows:
            path = tmp_path / photograph.format(**row)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.name)  # only names are read, and no two have the same bytes
        return rows

    return lay


def test_rows_of_deepdrid(labels_of: Callable[..., list[dict[str, str]]], tmp_path: Path) -> None:
    part = "regular_fundus_images/regular-fundus-training"
    rows = labels_of(
        "deepdrid_training_excerpt.csv",
        f"{part}/regular-fundus-training.csv",
        f"{part}/Images/{{patient_id}}/{{image_id}}.jpg",
    )
    assert detect_layout(tmp_path) == "deepdrid"
    dataset = read_table("deepdrid", tmp_path)
    table = dataset.table
    assert dataset.missing == ()
    assert table["image_id"].tolist() == [row["image_id"] for row in rows]
    levels = [row["left_eye_DR_Level"] or row["right_eye_DR_Level"] for row in rows]
    assert table["grade"].tolist() == [int(level) for level in levels]
    assert set(table["split"]) == {"train"} and set(table["quality"]) == {"gradable"}
    assert table["eye"].tolist() == ["left" if row["left_eye_DR_Level"] else "right" for row in rows]
    odd = table[table["patient_id"] == "56"].set_index("image_id")
    assert odd["eye"].to_dict() == {"56_l1": "left", "56_r3": "left", "56_l3": "right", "56_r2": "right"}
    assert odd["view"].to_dict() == {"56_l1": "1", "56_r3": "3", "56_l3": "3", "56_r2": "2"}
    assert any("2 photographs are named for one eye" in note for note in dataset.notes)
    # The patient's level is that of the worse eye.
    worst = table.groupby("patient_id")["grade"].max()
    assert {row["patient_id"]: int(row["patient_DR_Level"]) for row in rows} == worst.to_dict()
    assert (partner_index(table, "same-eye") >= 0).all()


def test_rows_of_the_course(labels_of: Callable[..., list[dict[str, str]]], tmp_path: Path) -> None:
    rows = labels_of("course_excerpt.csv", "set/train.csv", "set/train/{img_path}")
    root = tmp_path / "set"
    assert detect_layout(root) == "course"
    table = read_table("course", root).table
    assert table["image_id"].tolist() == [row["image_id"] for row in rows]
    assert table["patient_id"].tolist() == [row["patient_id"] for row in rows]
    assert table["grade"].tolist() == [int(row["patient_DR_Level"]) for row in rows]
    assert table["eye"].tolist() == ["left", "left", "right", "right"]


def test_all_rows_of_aptos(labels_of: Callable[..., list[dict[str, str]]], tmp_path: Path) -> None:
    labels_of("aptos_train.csv", "set/train.csv", "set/train_images/{id_code}.png")
    root = tmp_path / "set"
    assert detect_layout(root) == "aptos"
    dataset = read_table("aptos", root)
    table = dataset.table
    assert (dataset.missing, dataset.notes) == ((), ())
    assert (len(table), table["patient_id"].nunique()) == (3662, 3662)
    assert table["grade"].value_counts().sort_index().tolist() == [1805, 370, 999, 193, 295]
    # Codes that look like numbers stay as they are.
    assert {"232549883508", "2927665214e1"} <= set(table["image_id"])
