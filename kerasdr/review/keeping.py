"""A merge of decisions on disk: the ledger says so first, then the table is written."""

from collections.abc import Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of, write_bytes_atomically
from kerasdr.review.decisions import DecisionsFile
from kerasdr.review.grades_csv import GradesCsv
from kerasdr.review.merge import Models, Reviewed, reviewed_csv
from kerasdr.scoring.held_output import held_output
from kerasdr.scoring.ledger.audit import Output
from kerasdr.scoring.ledger.book import from_ranges, runs_of
from kerasdr.scoring.ledger.chain import Head
from kerasdr.scoring.ledger.review_entries import review_content
from kerasdr.scoring.ledger.store import open_ledger


def jobs_of(output: Output, grades: GradesCsv, files: Sequence[DecisionsFile]) -> dict[str, Models]:
    """Return the CSVs by their digests that an output's jobs wrote, as far as decisions are of them.

    Args:
        output: that the ledger tells of.
        grades: the CSV that is there.
        files: of decisions.

    Raises:
        KerasdrError: if the one that is there is not what the last job wrote.
    """
    named = {one.job for file in files for one in file.decisions}
    written = {
        run.ended["csv"]["sha256"]: from_ranges(run.ended["rows"])
        for run in runs_of(output.book.runs, output.csv)
        if run.ended and run.ended["csv"]
    }
    last = output.finished
    if last is None or last.ended is None or last.ended["csv"]["sha256"] != grades.digest:
        shown = printable_path(grades.path)
        raise KerasdrError(
            f"{shown} is not what its last job wrote: see `kerasdr jobs verify {shown}`, which can write it anew with --rebuild"
        )
    return {
        job: {
            (row.image, row.sha256): row.model for row in (output.book.csv_row(number, "") for number in written[job])
        }
        for job in named & written.keys()
    }


def keep_review(
    output: Output, grades: GradesCsv, files: Sequence[DecisionsFile], reviewed: Reviewed, table: Path
) -> Head:
    """Keep in an output's ledger that decisions were merged, then write the table.

    Args:
        output: whose ledger.
        grades: its CSV.
        files: of decisions.
        reviewed: what they came to.
        table: where to write it.

    Returns:
        The end of the ledger.

    Raises:
        LockedError: if a job writes to the output.
        UnfinishedError: if the ledger cannot be written.
        StorageError: if the table cannot.
    """
    data = reviewed_csv(reviewed).encode("utf-8")
    decided = [one for one in reviewed.rows if any(made.means for made in one.decisions.values())]
    content = review_content(
        grades.digest,
        [file.digest for file in files],
        reviewed.readers,
        decided=len(decided),
        overruled=sum(bool(one.overruled_by) for one in decided),
        table=sha256_of(data),
    )
    with held_output(output.csv, output.ledger, pictures=False), open_ledger(output.ledger) as kept:
        kept.append([("reviewed", content)])
        head = kept.head
    write_bytes_atomically(table, data)
    assert head is not None  # there is an entry now
    return head
