"""The readers on real photographs and on the real label files of public data sets, where these are present."""

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


@pytest.mark.parametrize(
    ("file", "columns", "first", "people"),
    [
        (
            "deepdrid_training_excerpt.csv",
            {"path": "image_path", "image_id": "image_id", "grade": "left_eye_DR_Level"},
            "\\regular-fundus-training\\1\\1_l1.jpg",
            {"1"},
        ),
        ("course_excerpt.csv", {"path": "img_path", "grade": "patient_DR_Level"}, "1/1_l1.jpg", {"1"}),
    ],
)
def test_label_files_of_public_data_sets(
    tmp_path: Path, file: str, columns: dict[str, str], first: str, people: set[str]
) -> None:
    if not (DATA / "schemas" / file).is_file():
        pytest.skip(f"no real label files in {DATA / 'schemas'}")
    (tmp_path / "labels.csv").write_bytes((DATA / "schemas" / file).read_bytes())
    relative = first.replace("\\", "/").lstrip("/")
    (tmp_path / relative).parent.mkdir(parents=True)
    (tmp_path / relative).write_bytes(b"only its name is read")
    dataset = read_table("manifest", tmp_path, {"columns": columns})
    assert dataset.table["image_id"].tolist() == ["1_l1"]
    assert set(dataset.table["patient_id"]) == people
    assert dataset.table["grade"].tolist() == [0]
    assert dataset.missing
