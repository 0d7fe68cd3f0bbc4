"""The decisions that a reader exports from the page: one row a photograph, read and checked."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of
from kerasdr.grades import GRADES
from kerasdr.scoring.names import shown_path
from kerasdr.scoring.rows import STATUSES

COLUMNS = ("image", "sha256", "machine_grade", "decision", "note", "reader", "decided_at", "job")
AGREE, UNGRADABLE = "agree", "ungradable"
_DECISIONS = frozenset({*map(str, GRADES), UNGRADABLE, AGREE, ""})
_MACHINE_GRADES = frozenset({*map(str, GRADES), *STATUSES} - {"graded"})
# Control characters, and what breaks lines. Others that cannot be seen are part of names in some scripts.
_NOT_IN_NAMES = ("Cc", "Zl", "Zp")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Decision:
    """What one reader decided about one photograph.

    Attributes:
        image, sha256: of the photograph, as the CSV of grades has them.
        machine_grade: what the reader saw: 0-4, or ``ungradable`` or ``failed``.
        decision: 0-4, ``ungradable``, ``agree``, or empty if there is but a note.
        note: a line of text.
        reader: the name.
        decided_at: when, UTC.
        job: SHA-256 of the CSV of grades that the page was made of.
        line: in the file.
    """

    image: str
    sha256: str
    machine_grade: str
    decision: str
    note: str
    reader: str
    decided_at: datetime
    job: str
    line: int

    @property
    def means(self) -> str:
        """The grade, or ``ungradable``, that the reader gave, be it by agreeing; empty if there is but a note."""
        return answer_of(self.machine_grade) if self.decision == AGREE else self.decision


def answer_of(machine_grade: str) -> str:
    """Return what a machine's answer comes to for a reader, to whom one that failed is ungradable."""
    return UNGRADABLE if machine_grade == "failed" else machine_grade


@dataclass(frozen=True)
class DecisionsFile:
    """What a file of decisions holds; ``digest`` is the SHA-256 of its bytes."""

    path: Path
    digest: str
    decisions: tuple[Decision, ...]


def read_decisions(path: Path) -> DecisionsFile:
    """Read a file that the page exported.

    Raises:
        KerasdrError: if it cannot be read, or a row is not as the page writes it.
    """
    shown = printable_path(path)
    again = "export it from the page again"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KerasdrError(f"cannot read {shown}: {error.strerror}; name what the page exported") from error
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        if tuple(next(lines, [])) != COLUMNS:
            raise KerasdrError(
                f"{shown} holds no decisions of the page (its columns are {', '.join(COLUMNS)}): {again}"
            )
        decisions = []
        for cells in lines:
            where = f"{shown} line {lines.line_num}"
            if len(cells) != len(COLUMNS):
                raise KerasdrError(f"{where} has {len(cells)} cells and not {len(COLUMNS)}: {again}")
            decisions.append(_decision(cells, where, again, lines.line_num))
    except (UnicodeDecodeError, csv.Error) as error:
        raise KerasdrError(f"{shown} is no CSV of decisions ({error}): {again}") from error
    return DecisionsFile(path, sha256_of(data), tuple(decisions))


def _decision(cells: list[str], where: str, again: str, line: int) -> Decision:
    image, sha256, machine, decision, note, reader, decided_at, job = cells
    if decision not in _DECISIONS:
        raise KerasdrError(f"{where}: the decision {decision!a} is none (0-4, ungradable, agree): {again}")
    if machine not in _MACHINE_GRADES:
        raise KerasdrError(f"{where}: the machine's grade {machine!a} is none (0-4, ungradable, failed): {again}")
    try:
        when = datetime.fromisoformat(decided_at)
    except ValueError:
        when = datetime.min
    if when.tzinfo is None:
        raise KerasdrError(f"{where}: decided_at {decided_at!a} is no time in UTC: {again}")
    name = from_cell(reader).strip()
    if not name or any(unicodedata.category(char) in _NOT_IN_NAMES for char in name):
        raise KerasdrError(f"{where}: the reader {reader!a} is no name: {again}")
    if not _DIGEST.fullmatch(job):
        raise KerasdrError(f"{where}: the job {job!a} is no digest: {again}")
    return Decision(image, sha256, machine, decision, from_cell(note), name, when, job, line)


def to_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs: with an apostrophe in front of what begins like a formula.

    What begins like one is what the CSV of grades writes otherwise (:func:`kerasdr.scoring.names.shown_path`); an apostrophe
    gets another, so that each text can be had back.
    """
    return f"'{text}" if text.startswith("'") or shown_path(text[:1]) != text[:1] else text


def from_cell(cell: str) -> str:
    """Return the text of a cell of :func:`to_cell`."""
    return cell.removeprefix("'")
