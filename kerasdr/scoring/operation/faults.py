"""What is told of errors that nobody foresaw: enough to find their place, and no name of a photograph."""

import sqlite3
import traceback
from pathlib import Path

from kerasdr.files import printable_path


def what_failed(error: BaseException) -> str:
    """Return an error's kind, and what the system says of it; not its message, which may hold a name."""
    kind = type(error).__name__
    if isinstance(error, sqlite3.Error):
        more = getattr(error, "sqlite_errorname", "")
    else:
        more = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{kind} ({more})" if more else kind


def where(error: BaseException) -> list[str]:
    """Return where an error came from, the innermost call last: modules and lines, no paths and nothing of what they held.

    An error that led to another comes before it.
    """
    lines: list[str] = []
    seen: set[int] = set()
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    for one in reversed(chain):
        for frame, line in traceback.walk_tb(one.__traceback__):
            lines.append(f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}")
        lines.append(what_failed(one))
    return lines


def sentence(error: BaseException, *, names: bool, log: Path | None) -> str:
    """Return what a person is told.

    Args:
        error: that ended the work.
        names: whether the error's message may be shown.
        log: the file where the rest is, if any.
    """
    message = " ".join(str(error).split())
    what = f"{type(error).__name__}: {printable_path(message)}" if names and message else what_failed(error)
    rest = "its place is found with --log FILE" if log is None else f"its place is in {printable_path(log)}"
    return f"{what}; what was kept stands: run the same command again, and report it if it comes again ({rest})"
