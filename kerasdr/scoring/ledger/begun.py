"""What the first entry of a job tells: who began what, where and when. Nothing is graded by it."""

import getpass
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasdr import __version__
from kerasdr.scoring.ledger.answers import Question, write_name


def begun_content(
    model: str, question: Question, listed: int, out: Path, pseudonyms: str = "", orientation: str = "unknown"
) -> dict[str, Any]:
    """Return what is kept of a job's beginning.

    Args:
        model: label of the bundle that grades.
        question: the settings that decide answers.
        listed: how many inputs there are.
        out: the CSV.
        pseudonyms: fingerprint of the key of the pseudonyms; empty if photographs are known by their names.
        orientation: how the camera shows eyes, which decides what rows say of names.
    """
    return {
        "kerasdr": __version__,
        "model": model,
        "question": question.content(),
        "listed": listed,
        "csv": write_name(os.path.abspath(out)),
        "pseudonyms": pseudonyms,
        "orientation": orientation,
        "user": system_user(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "time": time_now(),
    }


def time_now() -> str:
    """Return the time, to the second, as entries tell it to people."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def system_user() -> str:
    """Return the name of the system's user that this process belongs to, whatever its environment says."""
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have a number alone
        return str(os.getuid())
