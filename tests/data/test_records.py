"""The one table and its checks."""

from typing import Any

import pandas as pd
import pytest

from kerasdr.data.records import COLUMNS, check_table, make_table
from kerasdr.errors import KerasdrError


def good() -> pd.DataFrame:
    return make_table(
        [
            {"image_id": "a", "path": "a.jpg", "patient_id": "1", "eye": "left", "grade": 2, "split": "train"},
            {"image_id": "b", "path": "b.jpg", "patient_id": "1", "eye": "right", "quality": "gradable", "view": "1"},
            {"image_id": "c", "path": "c.jpg"},
        ]
    )


def test_make_table_fills_what_is_not_known() -> None:
    table = good()
    assert tuple(table.columns) == COLUMNS
    assert table.loc[2].drop(["grade", "person_grade"]).to_dict() == {
        "image_id": "c",
        "path": "c.jpg",
        "patient_id": "c",
        "eye": "",
        "view": "",
        "quality": "",
        "split": "",
    }
    assert table["grade"].isna().tolist() == [False, True, True]
    assert table["person_grade"].isna().all()
    assert str(table["grade"].dtype) == str(table["person_grade"].dtype) == "Int64"


def test_a_persons_grade_is_there_only_where_no_photograph_has_it() -> None:
    records = [
        {"image_id": "a", "path": "a.jpg", "patient_id": "1", "grade": 2},
        {"image_id": "b", "path": "b.jpg", "patient_id": "1"},
        {"image_id": "c", "path": "c.jpg", "patient_id": "2", "grade": 3, "person_grade": 3},
        {"image_id": "d", "path": "d.jpg", "patient_id": "3", "person_grade": 0},
        {"image_id": "e", "path": "e.jpg", "patient_id": "4", "grade": 1, "person_grade": 2},
    ]
    absent = [("1", 1), ("1", 4), ("1", None), ("2", 3), ("4", None), ("9", 4)]
    table = make_table(records, [{"patient_id": person, "grade": grade} for person, grade in absent])
    assert table["person_grade"].fillna(-1).tolist() == [4, 4, -1, 0, 2]
    assert check_table(table.iloc[::-1])["person_grade"].fillna(-1).tolist() == [2, 0, -1, 4, 4]
    assert make_table(records[:2], [{"patient_id": "1", "grade": None}])["person_grade"].isna().all()


def test_make_table_a_person_left_empty_is_the_photograph() -> None:
    assert make_table([{"image_id": "c", "path": "c.jpg", "patient_id": ""}])["patient_id"].tolist() == ["c"]


def test_make_table_of_nothing_is_an_empty_table() -> None:
    table = make_table([])
    assert len(table) == 0
    assert tuple(table.columns) == COLUMNS


def test_check_table_gives_a_fresh_index_and_leaves_the_input() -> None:
    table = good().iloc[::-1]
    checked = check_table(table)
    assert checked.index.tolist() == [0, 1, 2]
    assert checked["image_id"].tolist() == ["c", "b", "a"]
    assert table.index.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("image_id", "", r"row 2 \(\): image_id '' is empty: each photograph needs one"),
        ("image_id", "a", r"row 2 \(a\): image_id 'a' occurs twice: each photograph needs a name of its own"),
        ("path", "", r"row 2 \(b\): path '' is empty: each photograph needs one"),
        ("patient_id", "", r"row 2 \(b\): patient_id '' is empty: each photograph needs one"),
        ("eye", "OS", r"row 2 \(b\): eye 'OS' must be one of left, right or empty"),
        ("quality", "good", r"row 2 \(b\): quality 'good' must be one of gradable, ungradable or empty"),
        ("split", "val", r"row 2 \(b\): split 'val' must be one of train, validation, test or empty"),
        ("grade", 5, r"row 2 \(b\): grade 5 must be 0, 1, 2, 3 or 4"),
        ("grade", -1, r"row 2 \(b\): grade -1 must be 0, 1, 2, 3 or 4"),
        ("person_grade", 5, r"row 2 \(b\): person_grade 5 must be 0, 1, 2, 3 or 4"),
    ],
)
def test_wrong_cells_are_named_by_row_and_column(column: str, value: Any, message: str) -> None:
    table = good()
    table.loc[1, column] = value
    with pytest.raises(KerasdrError, match=f"^{message}$"):
        check_table(table)


def test_absent_cells_are_wrong() -> None:
    for column in ("path", "eye"):
        table = good()
        table[column] = table[column].astype(object)
        table.loc[0, column] = None
        with pytest.raises(KerasdrError, match=rf"row 1 \(a\): {column} None is no text: write an empty text"):
            check_table(table)


def test_identifiers_that_are_numbers_are_refused() -> None:
    with pytest.raises(KerasdrError, match=r"column patient_id must hold text, got int64: numbers lose .* zeros"):
        check_table(good().assign(patient_id=[1, 2, 3]))


def test_columns_must_be_these_in_this_order() -> None:
    for table in (good().drop(columns="view"), good().assign(extra=1), good()[list(COLUMNS[::-1])]):
        with pytest.raises(KerasdrError, match="must have the columns image_id, path, patient_id"):
            check_table(table)


def test_grade_must_be_nullable_whole_numbers() -> None:
    with pytest.raises(KerasdrError, match="column grade must be of type Int64, got float64"):
        check_table(good().assign(grade=[0.0, 1.0, 2.5]))
