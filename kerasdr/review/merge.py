"""The decisions of readers beside what the machine said: joined row by row, or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.reporting import plural
from kerasdr.review.decisions import Decision, DecisionsFile, answer_of, to_cell
from kerasdr.review.grades_csv import GradesCsv
from kerasdr.scoring.rows import Row, csv_line

_HEAD = ("image", "sha256", "machine_grade", "decided", "overruled_by")
_NAMED_LINES = 20
_OF_READER = ("decision", "note", "decided_at")


@dataclass(frozen=True)
class ReviewedRow:
    """A row of the CSV with the last decision of each reader who decided on it, by the reader's name."""

    row: Row
    decisions: Mapping[str, Decision]

    @property
    def machine(self) -> str:
        """What the machine said: 0-4, or the status of a photograph without a grade."""
        return machine_grade(self.row)

    @property
    def overruled_by(self) -> list[str]:
        """Readers who said something else than the machine."""
        return [name for name, one in self.decisions.items() if one.means not in ("", answer_of(self.machine))]

    @property
    def decided(self) -> str:
        """What all readers who decided say; empty if nobody did, or they do not agree."""
        said = {one.means for one in self.decisions.values()} - {""}
        return said.pop() if len(said) == 1 else ""


@dataclass(frozen=True)
class Reviewed:
    """A CSV of grades with the decisions about it.

    Attributes:
        rows: all of the CSV, in its order.
        readers: names, in alphabetical order.
        notes: what a person should know of the merge, one line each.
    """

    rows: tuple[ReviewedRow, ...]
    readers: tuple[str, ...]
    notes: tuple[str, ...]


def machine_grade(row: Row) -> str:
    """Return what decisions call a row's answer: 0-4, or its status if it was not graded."""
    return row.status if row.grade is None else str(row.grade)


Models = Mapping[tuple[str, str], str]
"""The column ``model`` of a CSV by image and SHA-256."""


def merge_decisions(grades: GradesCsv, files: Sequence[DecisionsFile], jobs: Mapping[str, Models]) -> Reviewed:
    """Join decisions with the rows that they are about, by image and SHA-256.

    Of several decisions of one reader about one photograph the latest stands, whichever file it is in; of two at the same
    second the later row.

    Args:
        grades: the CSV.
        files: of decisions.
        jobs: by digest the CSVs that the same output's jobs wrote: a page that was made of an earlier one counts as well.
            Where a row is gone or has changed since, or another model gave it, the decision is left out, which is noted.

    Raises:
        KerasdrError: if a decision is of another job, or one of this very CSV is about no row of it, or tells another grade of
            the machine.
    """
    rows = {(row.image, row.sha256): row for row in grades.rows}
    shown = printable_path(grades.path)
    last: dict[tuple[str, str], dict[str, Decision]] = {}
    replaced = 0
    notes = []
    for file in files:
        left_out = []
        for one in file.decisions:
            where = f"{printable_path(file.path)} line {one.line}"
            if one.job not in jobs:
                raise KerasdrError(
                    f"{where} is of another job than {shown}: name with --on the CSV that its page is of"
                )
            row = rows.get((one.image, one.sha256))
            if one.job != grades.digest and not _stands(one, row, jobs[one.job]):
                left_out.append(one.line)
                continue
            if row is None:
                raise KerasdrError(
                    f"{where} is about no row of {shown}: export it from the page again, without changing it"
                )
            if one.machine_grade != machine_grade(row):
                raise KerasdrError(
                    f"{where} has the machine's grade {one.machine_grade!a}, and {shown} has {machine_grade(row)}: export it "
                    "from the page again, without changing it"
                )
            by_reader = last.setdefault((one.image, one.sha256), {})
            before = by_reader.get(one.reader)
            replaced += before is not None and before != one
            if before is None or one.decided_at >= before.decided_at:
                by_reader[one.reader] = one
        if left_out:
            more = f" and {len(left_out) - _NAMED_LINES} more" if len(left_out) > _NAMED_LINES else ""
            notes.append(
                f"{printable_path(file.path)}: {len(left_out)} {plural(len(left_out), 'decision')} of an earlier CSV left out, "
                f"as photograph, machine grade or model has changed since: {plural(len(left_out), 'line')} "
                f"{', '.join(map(str, left_out[:_NAMED_LINES]))}{more}"
            )
    readers = tuple(sorted({name for by_reader in last.values() for name in by_reader}))
    if replaced:
        notes.append(
            f"{replaced} {plural(replaced, 'decision')} of a reader who decided twice on a photograph: the latest stands"
        )
    found = tuple(ReviewedRow(row, dict(sorted(last.get((row.image, row.sha256), {}).items()))) for row in grades.rows)
    return Reviewed(found, readers, tuple(notes))


def _stands(one: Decision, row: Row | None, models: Models) -> bool:
    """Whether a decision on the page of an earlier CSV is about what the one that is there says."""
    if row is None or one.machine_grade != machine_grade(row):
        return False
    return models.get((one.image, one.sha256), row.model) == row.model


def reviewed_csv(reviewed: Reviewed) -> str:
    """Return the table: a row a photograph, as in the CSV of grades, with each reader's decision in columns of its own."""
    columns = [to_cell(f"{what} of {name}") for name in reviewed.readers for what in _OF_READER]
    lines = [csv_line([*_HEAD, *columns])]
    for one in reviewed.rows:
        who = "; ".join(f"{name}: {one.machine} to {one.decisions[name].means}" for name in one.overruled_by)
        cells = [one.row.image, one.row.sha256, one.machine, one.decided, to_cell(who)]
        for name in reviewed.readers:
            made = one.decisions.get(name)
            when = "" if made is None else made.decided_at.isoformat(timespec="seconds")
            cells += ["", "", ""] if made is None else [made.decision, to_cell(made.note), when]
        lines.append(csv_line(cells))
    return "".join(lines)
