"""Events of jobs as lines of JSON, for the tools that collect logs. No line holds the name of a photograph."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

from kerasdr.scoring.grading import Outcome
from kerasdr.scoring.operation.listening import JobListener
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.rows import STATUSES, Row
from kerasdr.scoring.unanswered import NOT_REACHED

_DIGITS = 12
_BEGIN = b'{"time": "'
_TOLD = ("failed", "waiting")


def begins_a_log(begin: bytes) -> bool:
    """Whether a file that begins like this is a log of events; a full disk may have cut its first line."""
    return begin.startswith(_BEGIN) or _BEGIN.startswith(begin)


class EventLog(JobListener):
    """Writes one JSON object a line: ``time`` and ``event`` of each, and what belongs to it.

    A log that can be written no more, such as a pipe whose reader has gone, ends without a word, and the job goes on.

    Args:
        stream: of text; each line is flushed.
        clock: gives the time.
    """

    def __init__(self, stream: IO[str], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stream: IO[str] | None = stream
        self._clock = clock
        self._told: set[int] = set()

    def write(self, event: str, **content: Any) -> None:
        """Write an event."""
        if self._stream is None:
            return
        line = json.dumps({"time": self._clock().isoformat(timespec="milliseconds"), "event": event, **content})
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: it is closed
            self._stream = None

    def kept(self, outcomes: Sequence[Outcome]) -> None:
        """Write each photograph that failed or waits, by its row in the CSV, from 1, and the start of its SHA-256."""
        self._rows((outcome.index, outcome.row) for outcome in outcomes)

    def ended(self, summary: Summary, seconds: float) -> None:
        """Write what a job did that ended, first the rows that were not told of: those that it did not come to in one line."""
        not_reached = NOT_REACHED.get(summary.how)
        left = sum(row.status == "waiting" and row.reason == not_reached for row in summary.rows)
        self._rows((place, row) for place, row in enumerate(summary.rows) if row.reason != not_reached)
        if left:
            self.write("rows", rows=left, status="waiting", reason=not_reached)
        self._told.clear()
        self.write(
            "ended",
            how=summary.how,
            exit_code=int(summary.exit_code),
            seconds=round(seconds, 3),
            listed=len(summary.rows),
            **{status: summary.count(status) for status in STATUSES},
            referable=sum(row.referable is True for row in summary.rows),
            ledger=str(summary.head),
        )

    def _rows(self, rows: Iterable[tuple[int, Row]]) -> None:
        for place, row in rows:
            if row.status in _TOLD and place not in self._told:
                self._told.add(place)
                digest = row.sha256[:_DIGITS]
                self.write("row", row=place + 1, status=row.status, sha256=digest, reason=row.reason)
