"""The CSV: one row for every input."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from kerasdr.grades import N_GRADES

DOUBTFUL = "doubtful photograph"
"""How the reason of a graded row begins whose photograph is doubtful."""

GRADED_ANYWAY = f"{DOUBTFUL}, graded although ungradable"
"""How it begins where the quality gate refused the photograph, and it was asked to be graded nevertheless."""

STATUSES = ("graded", "ungradable", "failed", "waiting")

# A spreadsheet that saved it may have put a mark in front, quotes, and other signs between the cells.
CSV_BEGIN = re.compile(rb'(?:\xef\xbb\xbf)?"?image"?([,;\t])"?status"?[,;\t]')
"""How a CSV of grades begins; the group is the sign between its cells."""

# What is to be done, for people to read; the older column says true and false.
_YES_NO = ("screen_positive", "refer_to_reader")


@dataclass(frozen=True)
class Row:
    """One row of the CSV; the order of the fields is the order of the columns.

    Attributes:
        image: the photograph's path as it was named.
        status: ``graded``, ``ungradable`` (not good enough to be graded), ``failed`` (could not be read) or ``waiting`` (not
            yet: still being written, out of reach, not read in time, or not come to; the next run takes it).
        grade: 0-4, or None unless graded.
        grade_name: the grade's name.
        probabilities: of the five grades; empty unless graded. Five columns, ``prob_0`` to ``prob_4``.
        referable: whether the grade is 2 or worse; None unless graded.
        prob_referable: probability of grade 2 or worse, or None.
        reason: why it was not graded, and what to do; of a graded one, why the photograph is doubtful (:data:`DOUBTFUL`), and
            what its DICOM header says that a person should know, and whether the optic disc contradicts the eye that its
            header or name tells, or empty.
        gradcam: path of the Grad-CAM picture, relative to the CSV, or empty.
        partner: the other photograph that a dual member saw, or empty.
        model: name of the bundle and the start of its digest.
        sha256: of the photograph's bytes, as far as they could be read.
        grade_set: neighbouring grades that hold the true one as often as the bundle says, such as ``1 to 2`` or ``3``; empty
            unless graded, and with a bundle that was not calibrated.
        screen_positive: whether the probability of referable reaches the bundle's operating point; None unless graded, and
            with a bundle that has none.
        refer_to_reader: whether a person is to look: the set holds grades that are referable and grades that are not, or
            the photograph is doubtful, ungradable or could not be read; None if it waits, and where the bundle was not
            calibrated (one that only knows doubts tells of the other three).
        figures: of the quality gate (:class:`kerasdr.imaging.quality.Quality`), as far as it came; no column of the CSV.
        eye: ``left`` or ``right`` where a DICOM header says so, or empty; no column of the CSV.
    """

    image: str
    status: str
    grade: int | None = None
    grade_name: str = ""
    probabilities: tuple[float, ...] = ()
    referable: bool | None = None
    prob_referable: float | None = None
    reason: str = ""
    gradcam: str = ""
    partner: str = ""
    model: str = ""
    sha256: str = ""
    grade_set: str = ""
    screen_positive: bool | None = None
    refer_to_reader: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict, compare=False, metadata={"column": False})
    eye: str = field(default="", compare=False, metadata={"column": False})

    @property
    def doubtful(self) -> bool:
        """Whether it was graded though the photograph is doubtful."""
        return self.status == "graded" and self.reason.startswith(DOUBTFUL)

    @property
    def graded_anyway(self) -> bool:
        """Whether it was graded though the quality gate refused the photograph."""
        return self.status == "graded" and self.reason.startswith(GRADED_ANYWAY)

    def with_note(self, note: str) -> "Row":
        """Return the row with something more to say under ``reason``, if there is."""
        return replace(self, reason="; ".join(filter(None, (self.reason, note)))) if note else self

    def cells(self) -> list[str]:
        """Return the row's cells; what is not known is empty, probabilities have six decimals."""
        cells: list[str] = []
        for item in _columns():
            value = getattr(self, item.name)
            if item.name == "probabilities":
                cells += [f"{p:.6f}" for p in value] or [""] * N_GRADES
            elif value is None:
                cells.append("")
            elif isinstance(value, bool):
                yes, no = ("yes", "no") if item.name in _YES_NO else ("true", "false")
                cells.append(yes if value else no)
            elif isinstance(value, float):
                cells.append(f"{value:.6f}")
            else:
                cells.append(str(value))
        return cells


def _columns() -> "Iterator[Field[Any]]":
    return (item for item in fields(Row) if item.metadata.get("column", True))


COLUMNS = tuple(
    name
    for item in _columns()
    for name in ([f"prob_{grade}" for grade in range(N_GRADES)] if item.name == "probabilities" else [item.name])
)


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the CSV row by row, the names of the columns first (RFC 4180 quoting, ``\\n`` line ends).

    A cell with a line end in it makes a line of more than one, inside quotes.
    """
    yield csv_line(COLUMNS)
    for row in rows:
        yield csv_line(row.cells())


def csv_line(cells: Iterable[str]) -> str:
    """Return one row of a CSV with its line end; see :func:`csv_lines`."""
    return ",".join(map(_quoted, cells)) + "\n"


def to_csv(rows: Iterable[Row]) -> str:
    """Return rows as the text of a CSV; see :func:`csv_lines`."""
    return "".join(csv_lines(rows))


def _quoted(cell: str) -> str:
    # Python's csv module leaves a carriage return without quotes when lines end with \n, and readers break lines there.
    return '"' + cell.replace('"', '""') + '"' if any(char in cell for char in ',"\r\n') else cell
