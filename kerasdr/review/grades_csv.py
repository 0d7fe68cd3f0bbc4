"""The CSV of a job, read back row by row; nothing but the CSV itself is needed for that."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of
from kerasdr.grades import GRADES
from kerasdr.scoring.rows import COLUMNS, STATUSES, Row

_NEEDED = ("image", "status", "grade", "sha256", "model", *(f"prob_{grade}" for grade in GRADES))
_WORDS: dict[str, bool | None] = {"true": True, "yes": True, "false": False, "no": False, "": None}


@dataclass(frozen=True)
class GradesCsv:
    """A CSV of grades.

    Attributes:
        path: of the file.
        digest: SHA-256 of its bytes, by which a ledger and decisions name it.
        rows: in its order.
    """

    path: Path
    digest: str
    rows: tuple[Row, ...]


def read_grades(path: Path) -> GradesCsv:
    """Read a CSV that `kerasdr predict`, `watch` or `merge` wrote, of this version or an earlier one with fewer columns.

    Raises:
        KerasdrError: if it cannot be read, or is not as it was written, such as one that a spreadsheet saved.
    """
    shown = printable_path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KerasdrError(f"cannot read {shown}: {error.strerror}; name a CSV of `kerasdr predict`") from error
    again = "name a CSV as `kerasdr predict` wrote it, or have it written anew with `kerasdr jobs verify --rebuild`"
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        head = next(lines, [])
        if head[:2] != list(COLUMNS[:2]) or not set(_NEEDED) <= set(head):
            raise KerasdrError(f"{shown} is no CSV of grades: {again}")
        rows = []
        for cells in lines:
            try:
                rows.append(_row(dict(zip(head, cells, strict=True))))
            except ValueError as error:
                raise KerasdrError(f"{shown} line {lines.line_num} is not as it was written: {again}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise KerasdrError(f"{shown} is no CSV of grades ({error}): {again}") from error
    if not rows:
        raise KerasdrError(f"{shown} has no rows: {again}")
    return GradesCsv(path, sha256_of(data), tuple(rows))


def _row(cells: Mapping[str, str]) -> Row:
    """Return a row from its cells.

    Raises:
        ValueError: if a cell is not what it must be.
    """
    status = cells["status"]
    if status not in STATUSES:
        raise ValueError(status)
    graded = status == "graded"
    grade = int(cells["grade"]) if graded else None
    if grade not in (*GRADES, None) or (not graded and cells["grade"]):
        raise ValueError(cells["grade"])
    return Row(
        image=cells["image"],
        status=status,
        grade=grade,
        grade_name=cells.get("grade_name", ""),
        probabilities=tuple(_share(cells[f"prob_{number}"]) for number in GRADES) if graded else (),
        referable=_word(cells, "referable"),
        prob_referable=_share(cells.get("prob_referable", "")) if graded else None,
        reason=cells.get("reason", ""),
        gradcam=cells.get("gradcam", ""),
        partner=cells.get("partner", ""),
        model=cells["model"],
        sha256=cells["sha256"],
        grade_set=cells.get("grade_set", ""),
        screen_positive=_word(cells, "screen_positive"),
        refer_to_reader=_word(cells, "refer_to_reader"),
    )


def _word(cells: Mapping[str, str], name: str) -> bool | None:
    if (word := cells.get(name, "")) not in _WORDS:
        raise ValueError(word)
    return _WORDS[word]


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= 1.0:  # nan is neither
        raise ValueError(text)
    return value
