"""Whether the jobs of an output go well: its last job ended not long ago, and to the end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kerasdr.files import printable_path
from kerasdr.scoring.ledger.answers import read_name
from kerasdr.scoring.ledger.book import Run
from kerasdr.scoring.ledger.record import COMPLETE

_AHEAD_SECONDS = 300.0  # by which another host's clock may be in front of this one


@dataclass(frozen=True)
class Health:
    """What is known of an output's jobs.

    Attributes:
        well: whether all is as it should be.
        sentence: one line that says so, or what is not.
    """

    well: bool
    sentence: str


def judge_health(runs: Sequence[Run], out: Path, max_age: float, now: float) -> Health:
    """Judge the last job of an output that ended, whether or not another is at work.

    A job is well that came to its end with an answer or a reason for every photograph, as exit codes 0 and 3 say; one that
    left photographs waiting is not.

    Args:
        runs: of the ledger, in their order.
        out: the CSV.
        max_age: seconds that may have gone by since.
        now: seconds since 1970, UTC.
    """
    shown = printable_path(out)
    ended = [run for run in runs_of(runs, out) if run.ended is not None]
    if not ended:
        return Health(False, f"no job of {shown} has ended yet: see what starts it")
    last = ended[-1].ended or {}
    again = "give the same command again"
    if last["how"] != COMPLETE:
        return Health(False, f"the last job of {shown} did not come to its end ({last['how']}): {again}")
    if waiting := last["counts"]["waiting"]:
        return Health(False, f"the last job of {shown} left {waiting} of {last['listed']} photographs waiting: {again}")
    if "time" not in last:
        return Health(False, f"the ledger of {shown} does not say when its last job ended: {again} with this kerasdr")
    age = now - datetime.fromisoformat(last["time"]).timestamp()
    if age > max_age:
        return Health(
            False, f"the last job of {shown} ended {_hours(age)} ago, more than {_hours(max_age)}: see what starts it"
        )
    if age < -_AHEAD_SECONDS:
        return Health(False, f"the last job of {shown} ended {_hours(-age)} from now: set this machine's clock")
    failed = last["counts"]["failed"]
    more = f", {failed} failed" if failed else ""
    return Health(True, f"the last job of {shown} ended {_hours(max(age, 0.0))} ago: {last['listed']} listed{more}")


def runs_of(runs: Sequence[Run], out: Path) -> list[Run]:
    """Return the runs that wrote a CSV; where none has just this path, those that wrote one of its name.

    A folder is called otherwise in a container, or once it was moved.
    """
    path = os.path.abspath(out)
    own = [run for run in runs if read_name(run.begun["csv"]) == path]
    return own or [run for run in runs if os.path.basename(read_name(run.begun["csv"])) == out.name]


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
