"""What a ledger keeps of reviews: that readers' decisions about its CSV were merged, and what they came to."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kerasdr import __version__
from kerasdr.reporting import plural
from kerasdr.scoring.ledger.begun import system_user, time_now


@dataclass(frozen=True)
class ReviewEntry:
    """One merge of decisions.

    Attributes:
        sequence: number of its entry.
        csv: SHA-256 of the CSV that was looked at.
        decisions: SHA-256 of each file of decisions.
        readers: their names.
        decided: how many photographs some reader decided on.
        overruled: how many of them some reader graded otherwise than the machine.
        table: SHA-256 of the table that was written.
        user, host, process, kerasdr, time: the system's user that ran the command, where, with which version, and when.
    """

    sequence: int
    csv: str
    decisions: Sequence[str]
    readers: Sequence[str]
    decided: int
    overruled: int
    table: str
    user: str
    host: str
    process: int
    kerasdr: str
    time: str

    def sentence(self) -> str:
        """Return what people are told of it beside the user and the time."""
        return (
            f"{self.decided} {plural(self.decided, 'photograph')} decided by {' and '.join(self.readers)}, {self.overruled} "
            f"overruled; table {self.table}"
        )


def review_content(
    csv: str, decisions: Sequence[str], readers: Sequence[str], *, decided: int, overruled: int, table: str
) -> dict[str, Any]:
    """Return what an entry keeps; see :class:`ReviewEntry`."""
    return {
        "csv": csv,
        "decisions": list(decisions),
        "readers": list(readers),
        "decided": decided,
        "overruled": overruled,
        "table": table,
        "user": system_user(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "kerasdr": __version__,
        "time": time_now(),
    }


def read_review_entry(sequence: int, content: Mapping[str, Any]) -> ReviewEntry:
    """Return a merge from what its entry keeps; what a later version keeps beside it is passed over."""
    known = {item.name for item in fields(ReviewEntry)}
    return ReviewEntry(sequence, **{name: value for name, value in content.items() if name in known})
