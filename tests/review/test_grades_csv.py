"""A CSV of grades is read back as it was written, or refused in a line."""

from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of
from kerasdr.review.grades_csv import read_grades
from kerasdr.scoring.rows import to_csv
from tests.review.conftest import MakeGrades, graded, lost


def test_rows_come_back_as_they_were(make_grades: MakeGrades) -> None:
    rows = (
        graded('a,"b"\r.png', 3, grade_set="3 to 4", screen_positive=True, refer_to_reader=False),
        graded("./=1+1.png", 0, referable=False),
        lost("c.png", "ungradable"),
        lost("d.png", "failed", "the file is cut off: copy it again from the camera"),
        lost("e.png", "waiting"),
    )
    found = make_grades(*rows)
    assert to_csv(found.rows) == to_csv(rows)
    assert found.digest == sha256_of(found.path.read_bytes())


def test_a_csv_of_an_earlier_version_has_fewer_columns(tmp_path: Path) -> None:
    lines = to_csv([graded("a.png", 2)]).splitlines()
    path = tmp_path / "old.csv"
    path.write_text("".join(line.rsplit(",", 3)[0] + "\n" for line in lines))
    assert read_grades(path).rows == (graded("a.png", 2),)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a.png,graded,2", "a.png,graded,7", "line 2 is not as it was written"),
        ("a.png,graded,2", "a.png,done,2", "line 2 is not as it was written"),
        ("a.png,graded,2", "a.png,ungradable,2", "line 2 is not as it was written"),
        ("0.800000", "nan", "line 2 is not as it was written"),
        ("0.800000", "1.5", "line 2 is not as it was written"),
        (",true,", ",maybe,", "line 2 is not as it was written"),
        ("a.png,graded,", "a.png,", "line 2 is not as it was written"),
        ("image,status", "picture,status", "is no CSV of grades"),
        ("a.png", '"a.png', "is no CSV of grades"),
        ("a.png", "\udcff.png", "is no CSV of grades"),
    ],
)
def test_what_was_changed_is_refused_in_a_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = to_csv([graded("a.png", 2)])
    assert old in text
    path = tmp_path / "grades.csv"
    path.write_bytes(text.replace(old, new).encode("utf-8", "surrogateescape"))
    with pytest.raises(KerasdrError, match=told) as refused:
        read_grades(path)
    assert "\n" not in str(refused.value)


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match="cannot read"):
        read_grades(tmp_path / "none.csv")
    (tmp_path / "grades.csv").write_text(to_csv([]))
    with pytest.raises(KerasdrError, match="has no rows"):
        read_grades(tmp_path / "grades.csv")
