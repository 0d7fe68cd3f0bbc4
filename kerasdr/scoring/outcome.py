"""What a job did, for people, for files beside the CSV, and as an exit code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import ExitCode
from kerasdr.reporting import plural
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.ledger.chain import Head
from kerasdr.scoring.ledger.record import COMPLETE
from kerasdr.scoring.rows import STATUSES, Row


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        rows: one for each input, in order.
        csv: where they were written.
        pictures: the folder of the Grad-CAM pictures, or None if there are none.
        ledger: what the job kept.
        gone: photographs of the job before that are not listed any more; their rows are not in the CSV.
        removed: pictures of jobs before that belong to no row any more.
        head: its end: how many entries, and the digest of the last; whoever keeps it can tell whether any were cut off.
        how: ``complete``, or why the job stopped before its end.
        answered: number of the ledger's entry of each row's answer, in order; 0 where there is none. One that is higher than
            another was given later.
        inputs: what each row is of, in order; none of a job that was put together of parts.
    """

    rows: Sequence[Row]
    csv: Path
    pictures: Path | None
    ledger: Path
    head: Head
    how: str = COMPLETE
    gone: int = 0
    removed: int = 0
    answered: Sequence[int] = ()
    inputs: Sequence[Input] = ()

    def count(self, status: str) -> int:
        """How many rows have a status."""
        return Counter(row.status for row in self.rows)[status]

    @property
    def exit_code(self) -> ExitCode:
        """What the command is to leave with."""
        if self.how != COMPLETE or self.count("waiting"):
            return ExitCode.UNFINISHED
        return ExitCode.SOME_FAILED if self.count("failed") else ExitCode.FINISHED

    def sentence(self) -> str:
        """Return the closing line of the job."""
        referable = sum(row.referable is True for row in self.rows)
        parts = " + ".join(f"{self.count(status)} {status}" for status in STATUSES)
        text = f"{len(self.rows)} listed = {parts}; {referable} referable (grade 2 or worse)"
        if doubtful := sum(row.doubtful for row in self.rows):
            text += f"; {doubtful} graded though the photograph is doubtful: see reason"
        if any(row.refer_to_reader is not None for row in self.rows):
            to_reader = sum(row.refer_to_reader is True for row in self.rows)
            text += f"; {to_reader} to a reader (in doubt, ungradable or failed)"
        if self.how != COMPLETE:
            text += f"; ended before its end: {self.how}"
        if self.gone:
            text += f"; {self.gone} of the job before {plural(self.gone, 'is', 'are')} not there any more"
        if self.removed and self.pictures is None:
            text += f"; no Grad-CAM pictures, and the {self.removed} of the job before were removed"
        return text
