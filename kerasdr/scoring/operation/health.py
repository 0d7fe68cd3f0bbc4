"""Whether the jobs of an output go well: its last job ended not long ago, and to the end."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kerasdr.files import printable_path, sha256_of_file
from kerasdr.reporting import plural
from kerasdr.scoring.ledger.book import Run, runs_of
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
        of = f"{last['listed']} {plural(last['listed'], 'photograph')}"
        return Health(False, f"the last job of {shown} left {waiting} of {of} waiting: {again}")
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


def judge_csv(runs: Sequence[Run], out: Path) -> Health:
    """Judge whether a CSV is what its last job made of it.

    The ledger says what will be in it before it is there, and a disk may have been full in between.

    Args:
        runs: of the ledger, in their order.
        out: the CSV.
    """
    shown = printable_path(out)
    ended = [run.ended for run in runs_of(runs, out) if run.ended is not None and run.ended["csv"]]
    with contextlib.suppress(OSError):
        if ended and sha256_of_file(out) == ended[-1]["csv"]["sha256"]:
            return Health(True, f"{shown} is as it was written")
    return Health(False, f"{shown} is not what its last job made of it: give the same command again")


def _hours(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
