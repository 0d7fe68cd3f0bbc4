"""One job at a time: whoever writes a ledger holds a lock on a file beside it."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kerasdr import file_lock
from kerasdr.errors import LockedError, StorageError, UnfinishedError
from kerasdr.files import printable_path, remove


def lock_path(ledger: Path) -> Path:
    """Return the file by which a ledger is locked."""
    return ledger.with_name(f"{ledger.name}.lock")


@contextlib.contextmanager
def hold(path: Path, held: str) -> Iterator[None]:
    """Hold a lock while something is done; the file goes when it is done, and is no obstacle if it stays.

    Args:
        path: of the lock's file, in a folder that is there.
        held: what is locked, for the message.

    Raises:
        LockedError: if another job holds it; names the holder.
        StorageError: if the file cannot be made.
        UnfinishedError: if that is as the disk is full, or fails.
    """
    descriptor = _take(path, held)
    try:
        yield
    finally:
        # While it is locked: whoever waits for it sees that its file is another one by then. Windows removes no open file.
        with contextlib.suppress(OSError):
            remove(path)
        file_lock.let_go(descriptor)


def holder_of(path: Path) -> str:
    """Return who holds a lock, such as ``process 7 on host since ...``; empty if nobody does, or it cannot be told.

    Args:
        path: of the lock's file. It is there while a job is at work, or once one was killed.
    """
    try:
        return file_lock.look(path) or ""
    except OSError:
        return ""


def _take(path: Path, held: str) -> int:
    try:
        descriptor = file_lock.take(path)
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _about_me().encode())
        except BaseException:
            file_lock.let_go(descriptor)
            raise
    except file_lock.HeldError as error:
        holder = error.holder or "another process"
        raise LockedError(f"another job holds {held}: {holder}; let it end, or name another file with --out") from error
    except OSError as error:
        kind = UnfinishedError if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else StorageError
        raise kind(
            f"cannot lock {held} by {printable_path(path)}: {error.strerror}; check the folder, or name another with --out"
        ) from error
    return descriptor


def _about_me() -> str:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
