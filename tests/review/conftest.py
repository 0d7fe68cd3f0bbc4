"""CSVs of grades, and a finished job, to be looked at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kerasdr.grades import grade_name, is_referable
from kerasdr.review.grades_csv import GradesCsv, read_grades
from kerasdr.scoring.rows import Row, to_csv

MakeGrades = Callable[..., GradesCsv]


def graded(image: str, grade: int, sure: float = 0.8, **more: object) -> Row:
    """A graded row whose other grades share what is left, and whose digest is of its name."""
    rest = round((1.0 - sure) / 4, 6)
    probabilities = tuple(sure if place == grade else rest for place in range(5))
    row = Row(
        image,
        "graded",
        grade,
        grade_name(grade),
        probabilities,
        is_referable(grade),
        round(sum(probabilities[2:]), 6),
        model="demo@0123456789ab",
        sha256=digest_of(image),
    )
    return replace(row, **more)  # type: ignore[arg-type]


def lost(image: str, status: str, reason: str = "out of focus: take it again") -> Row:
    """A row without a grade."""
    return Row(image, status, reason=reason, model="demo@0123456789ab", sha256=digest_of(image), refer_to_reader=True)


def digest_of(image: str) -> str:
    from kerasdr.files import sha256_of

    return sha256_of(image.encode("utf-8"))


@pytest.fixture
def make_grades(tmp_path: Path) -> MakeGrades:
    """Writes rows as ``grades.csv`` and reads it."""

    def make(*rows: Row) -> GradesCsv:
        path = tmp_path / "grades.csv"
        path.write_text(to_csv(rows), encoding="utf-8")
        return read_grades(path)

    return make
