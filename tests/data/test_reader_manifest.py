"""Layout manifest: any CSV, by a mapping of its columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasdr.data.readers import Dataset, read_table
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def read(root: Path, columns: Any, **options: Any) -> Dataset:
    return read_table("manifest", root, {"columns": columns, **options})


def test_all_columns(put: Put, tmp_path: Path) -> None:
    put(
        "tables/mine.csv",
        "name,photo,dr,who,side,field,ok,part,worst\n"
        "first,a\\1.png,2,007,OS,1,gradable,train,4\n"
        "second,b/1.png,,007,R,2,,test,\n",
    )
    put("pictures/a/1.png")
    put("pictures/b/1.png")
    columns = {
        "image_id": "name",
        "path": "photo",
        "grade": "dr",
        "patient_id": "who",
        "eye": "side",
        "view": "field",
        "quality": "ok",
        "split": "part",
        "person_grade": "worst",
    }
    table = read(tmp_path, columns, file="tables/mine.csv", images="pictures").table
    first = ["first", str(tmp_path / "pictures/a/1.png"), "007", "left", "1", 2, "gradable", "train", 4]
    assert table.iloc[0].tolist() == first
    assert table.iloc[1].drop(["path", "grade"]).tolist() == ["second", "007", "right", "2", "", "test", 4]
    assert table["grade"].isna().tolist() == [False, True]


@pytest.mark.parametrize("columns", [{}, {"patient_id": "who"}])
def test_missing_photographs_count_for_their_person(put: Put, tmp_path: Path, columns: dict[str, str]) -> None:
    put("labels.csv", "file,dr,who\na\\1_left.png,4,1\na\\1_right.png,0,1\na\\2_left.png,3,2\n3.png,1,\n")
    put("a/1_right.png")
    put("a/2_left.png")
    table = read(tmp_path, {"path": "file", "grade": "dr", **columns}).table
    assert table["person_grade"].fillna(-1).tolist() == [4, -1]


def test_only_a_path_is_needed(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file\n12_r2.png\nodd.png\n")
    put("12_r2.png")
    put("odd.png")
    table = read(tmp_path, {"path": "file"}).table
    assert table[["image_id", "patient_id", "eye", "view"]].to_numpy().tolist() == [
        ["12_r2", "12", "right", "2"],
        ["odd", "odd", "", ""],
    ]


def test_a_photograph_without_a_person_is_its_own(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file,who\n12_l1.png,\n12_r1.png,p\n")
    put("12_l1.png")
    put("12_r1.png")
    table = read(tmp_path, {"path": "file", "patient_id": "who"}).table
    assert table["patient_id"].tolist() == ["12_l1", "p"]
    assert table["eye"].tolist() == ["", ""], "names are read only where neither person, eye nor view is mapped"


def test_stems_that_repeat_are_named_by_their_paths(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file\na/1.png\nb/1.png\nb/2.png\n")
    for name in ("a/1.png", "b/1.png", "b/2.png"):
        put(name)
    assert read(tmp_path, {"path": "file"}).table["image_id"].tolist() == ["a/1", "b/1", "2"]


def test_words_for_grades(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file,dr\na.png,none\nb.png,9\nc.png,3\n")
    for name in "abc":
        put(f"{name}.png")
    columns = {"path": "file", "grade": "dr"}
    assert read(tmp_path, columns, grades={"none": 0, 9: 4}).table["grade"].tolist() == [0, 4, 3]
    with pytest.raises(KerasdrError, match=r"labels\.csv line 2: grade 'none' must be 0, 1, 2, 3 or 4"):
        read(tmp_path, columns)


def test_windows_paths_and_absolute_ones(put: Put, tmp_path: Path) -> None:
    absolute = put("elsewhere/c.png")
    put("root/labels.csv", f"file\n\\set\\1\\a.png\nset/1/b.png\n{absolute}\n")
    a, b = put("root/set/1/a.png"), put("root/set/1/b.png")
    assert read(tmp_path / "root", {"path": "file"}).table["path"].tolist() == [str(a), str(b), str(absolute)]


def test_what_is_missing_is_said(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file\na.png\nfolder\ngone\\b.png\n")
    put("a.png")
    (tmp_path / "folder").mkdir()
    dataset = read(tmp_path, {"path": "file"})
    assert dataset.missing == ("folder", "gone\\b.png")
    assert dataset.notes == ("2 labelled photographs are not there, the first is folder",)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"path": "fiel"}, r"has no column 'fiel' \(did you mean file\?\); it has file, level, side"),
        ({"path": ["file"]}, r"has no column \['file'\]"),
        ({"path": "file", "grad": "level"}, r"'grad' is no column \(did you mean grade\?\); take from image_id, path"),
        ({"path": "file", 3: "level"}, r"3 is no column"),
        ({"grade": "level"}, r"needs data\.options\.columns with at least path"),
        ({}, r"needs data\.options\.columns with at least path"),
        ("file", r"option columns of layout manifest must be a mapping, .* got 'file'"),
        ({"path": "file", "grade": "level"}, r"line 3: grade '5' must be"),
        ({"path": "file", "eye": "side"}, r"line 3: 'both' is no eye: write left, right, L, R, OS or OD"),
        ({"path": "file", "image_id": "level"}, r"row 3 \(1\): image_id '1' occurs twice"),
        ({"path": "side"}, r"line 4: no path in column 'side'"),
        ({"path": "file", "split": "level"}, r"row 1 \(a\): split '1' must be one of train, validation, test or empty"),
    ],
)
def test_a_wrong_mapping_or_cell_is_said(put: Put, tmp_path: Path, columns: Any, said: str) -> None:
    put("labels.csv", "file,level,side\na.png,1,L\nb.png,5,both\nc.png,1,\n")
    for name in "abc":
        put(f"{name}.png")
    with pytest.raises(KerasdrError, match=said) as caught:
        read(tmp_path, columns)
    assert "\n" not in str(caught.value)


def test_a_csv_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"cannot read the labels .*none\.csv: No such file"):
        read(tmp_path, {"path": "file"}, file="none.csv")


def test_one_photograph_twice_is_refused(put: Put, tmp_path: Path) -> None:
    put("labels.csv", "file\na.png\na.png\n")
    put("a.png")
    with pytest.raises(KerasdrError, match=r"image_id 'a\.png' occurs twice"):
        read(tmp_path, {"path": "file"})


def test_people_of_dicom_files_are_said_to_be_those_of_their_names_where_no_column_has_them(
    put: Put, tmp_path: Path
) -> None:
    put("IM1.dcm", b"1")
    put("labels.csv", "file,who\nIM1.dcm,7\n")
    (note,) = read_table("manifest", tmp_path, {"columns": {"path": "file"}}).notes
    assert note.startswith("1 DICOM file: people and eyes are taken from their names")
    assert read_table("manifest", tmp_path, {"columns": {"path": "file", "patient_id": "who"}}).notes == ()
