"""The place for a job's results: found fit before the work, tidied after it."""

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError, UnfinishedError
from kerasdr.files import PROBE, is_temporary, may_be_replaced, printable_path, remove, sync_folder, try_to_write
from kerasdr.scoring.inputs import Input, PathKeys, is_photograph_name
from kerasdr.scoring.names import is_own_name
from kerasdr.scoring.reading import is_away
from kerasdr.scoring.rows import CSV_BEGIN


def check_output(out: Path) -> None:
    """Refuse to write a CSV over what is no CSV.

    Raises:
        KerasdrError: if ``out`` is a folder, a link or a device, or named like a photograph.
    """
    shown = printable_path(out)
    if out.is_dir():
        example = printable_path(out / "grades.csv")
        raise KerasdrError(f"cannot write {shown}: it is a folder; give the CSV's name, such as {example}")
    with contextlib.suppress(OSError):  # nothing there, or nothing that can be seen: writing will tell
        if not stat.S_ISREG(os.lstat(out).st_mode):
            raise KerasdrError(f"cannot write {shown}: it is a link or a device; name an ordinary file with --out")
    if is_photograph_name(out.name):
        example = printable_path(out.with_suffix(".csv"))
        raise KerasdrError(f"cannot write {shown}: it is named like a photograph; name a CSV, such as {example}")


def check_holds_grades(out: Path) -> None:
    """Refuse to write a CSV over a file that is none of grades.

    Raises:
        KerasdrError: if there is something else.
    """
    if not may_be_replaced(out, lambda begin: CSV_BEGIN.match(begin) is not None):
        shown = printable_path(out)
        raise KerasdrError(f"cannot write {shown}: it holds something else than grades; name another file with --out")


def check_ledger(ledger: Path, out: Path) -> None:
    """Refuse a ledger that would be something else as well.

    Raises:
        KerasdrError: if it is a folder, a link or a device, or the CSV itself.
    """
    shown = printable_path(ledger)
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(ledger).st_mode):
            raise KerasdrError(f"cannot use {shown} as a ledger: it is no ordinary file; name another with --ledger")
    keys = PathKeys()
    if keys(str(ledger)) == keys(str(out)):
        raise KerasdrError(f"{shown} is both the CSV and its ledger: name another file with --out or --ledger")


def check_not_listed(path: Path, inputs: Sequence[Input], option: str = "--out") -> None:
    """Refuse to write over one of the inputs.

    Args:
        path: what is to be written.
        inputs: what is to be read.
        option: by which the path is named.

    Raises:
        KerasdrError: if it is one of them.
    """
    keys = PathKeys()
    own = keys(str(path))
    if any(keys(entry.path) == own for entry in inputs):
        shown = printable_path(path)
        raise KerasdrError(f"{shown} is named both as a photograph and as {option}: name another file with {option}")


@contextlib.contextmanager
def room_for(folder: Path, option: str = "--out") -> Iterator[None]:
    """Make a folder and try it, so that it is known before the work that it takes files.

    The last folder of the path is made, but not a whole way: that would hide a slip of the pen. It goes again if the work
    ends with an exception and left nothing in it. The folder is of one job alone, or others make it likewise.

    Args:
        folder: where files are to be written.
        option: by which another place is named.

    Raises:
        KerasdrError: if it cannot be made or written to.
        UnfinishedError: if its disk is full, or away.
    """
    made = False
    try:
        try:
            if not folder.is_dir():
                folder.mkdir()
                made = True
            try_to_write(folder)
            if made:
                sync_folder(folder.parent)
        except OSError as error:
            raise _no_room(folder, error, option) from error
        yield
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _no_room(folder: Path, error: OSError, option: str) -> KerasdrError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) or is_away(error)
    kind = UnfinishedError if full else KerasdrError
    reason = error.strerror or error
    return kind(f"cannot write to {printable_path(folder)}: {reason}; choose another place with {option}")


def remove_rests(folder: Path, *names: str) -> None:
    """Remove what a job that was killed left of files while it wrote them, as far as that is possible.

    Args:
        folder: where they lie; it need not be there.
        names: of the files that they were to become.
    """
    with contextlib.suppress(OSError):
        for found in os.listdir(folder):
            if any(is_temporary(found, name) for name in (PROBE, *names)):
                remove(folder / found)


def remove_stale(pictures: Path, kept: Collection[str]) -> int:
    """Remove an earlier job's pictures, and the folder if that leaves nothing in it; files of other names stay.

    Args:
        pictures: the folder of the pictures; it need not be there.
        kept: names of the pictures that belong to the new CSV.

    Returns:
        How many were removed.

    Raises:
        KerasdrError: if a picture cannot be removed.
    """
    stale: list[str] = []
    try:
        if pictures.is_dir():
            stale = [name for name in os.listdir(pictures) if is_own_name(name) and name not in kept]
            for name in stale:
                remove(pictures / name)
            if not os.listdir(pictures):
                pictures.rmdir()
    except OSError as error:
        raise KerasdrError(
            f"the CSV is complete, but pictures of an earlier job cannot be removed from {printable_path(pictures)} "
            f"({error.strerror}): remove them by hand"
        ) from error
    return len(stale)
