"""Grades that nobody has, or nobody whom a network is trained on."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kerasdr.data.check import inspect_dataset
from kerasdr.data.missing_grades import missing_grade_notes, require_two_grades, slashed_counts
from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def notes(**parts: str) -> tuple[str, ...]:
    """Notes on parts given by their grades, such as ``train="0012-"``; a dash is an unknown grade."""
    grades = [None if grade == "-" else int(grade) for part in parts.values() for grade in part]
    splits = [name.removesuffix("_") for name, part in parts.items() for _ in part]
    return missing_grade_notes(
        pd.Series(grades, dtype="Int64"), pd.Series(["" if s == "none" else s for s in splits], dtype=str)
    )


def test_nothing_is_said_where_every_grade_is_trained_on() -> None:
    assert notes(train="01234", validation="01", test="2") == ()
    assert notes(none="01234") == ()
    assert notes(train="--", test="-") == ()


def test_a_grade_that_training_lacks_is_said_with_its_remedy() -> None:
    (line,) = notes(train="00123-", validation="0144", test="4")
    assert line == (
        "no training photograph has grade 4, and 2 of validation and 1 of test have it: no network can learn it, and all "
        "of these will be graded wrongly; add people who have it, or deal people anew (another seed, a larger "
        "data.split.train)"
    )
    first, second = notes(train="012", validation="033", test="4")
    assert "no training photograph has grade 3, and 2 of validation have it" in first
    assert "no training photograph has grade 4, and 1 of test have it" in second


@pytest.mark.parametrize(("grades", "said"), [("0123", "4"), ("013", "2 or 4"), ("00", "1, 2, 3 or 4")])
def test_a_grade_that_nobody_has_is_said(grades: str, said: str) -> None:
    for part in ("none", "train"):
        (line,) = notes(**{part: grades})
        assert line.startswith(f"no photograph has grade {said}: no network can learn it")
        assert line.endswith("add photographs of it")


def test_a_validation_part_of_one_grade_is_said() -> None:
    (line,) = notes(train="01234", validation="00-", test="1")
    assert line.startswith("all validation photographs are of grade 0: kappa is 0 there whatever is answered")


def test_training_on_one_grade_is_refused() -> None:
    splits = pd.Series(["train", "train", "train", "test"])
    with pytest.raises(
        KerasdrError, match="all 2 training photographs are of grade 3, so there is nothing to tell apart"
    ):
        require_two_grades(pd.Series([3, None, 3, 1], dtype="Int64"), splits)
    require_two_grades(pd.Series([3, None, 2, 1], dtype="Int64"), splits)
    require_two_grades(pd.Series([None] * 4, dtype="Int64"), splits)


def test_counts_are_of_known_grades() -> None:
    assert slashed_counts(pd.Series([0, 0, 4, None], dtype="Int64")) == "2/0/0/0/1"


def test_data_check_says_it_of_the_whole_and_of_its_own_split(put: Put, tmp_path: Path) -> None:
    rows = ("a,0,,train", "b,1,,train", "c,2,ungradable,train", "d,2,,test", "e,3,,train")
    put("labels.csv", "\n".join(["file,dr,ok,part", *(row.replace(",", ".png,", 1) for row in rows), ""]))
    for row in rows:
        put(f"{row[0]}.png")
    columns = {"path": "file", "grade": "dr", "quality": "ok"}
    own = inspect_dataset(read_table("manifest", tmp_path, {"columns": {**columns, "split": "part"}}))
    assert [line.split(":")[0] for line in own.notes] == [
        "no photograph has grade 4",
        "no training photograph has grade 2, and 1 of test have it",
    ]
    assert f"note         {own.notes[0]}" in own.render().splitlines()
    dealt = inspect_dataset(read_table("manifest", tmp_path, {"columns": columns}))
    assert [line.split(":")[0] for line in dealt.notes] == ["no photograph has grade 4"]
