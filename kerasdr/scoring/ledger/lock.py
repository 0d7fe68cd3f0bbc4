"""One job at a time: a lock that the system takes away from a process that ends, however it ends."""

import contextlib
import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from kerasdr.errors import LockedError, StorageError, UnfinishedError
from kerasdr.files import printable_path, remove

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Far behind what is written, as Windows lets nobody read a part that is locked.
_LOCKED_BYTE = 1 << 30
_TRIES, _PAUSE_SECONDS = 10, 0.05  # somebody who only looks holds it for an instant


def lock_path(ledger: Path) -> Path:
    """Return the file by which a ledger is locked."""
    return ledger.with_name(f"{ledger.name}.lock")


_held: set[int] = set()


def _let_go() -> None:
    # A child that was forked shares the lock, and would keep it if this process were killed.
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):  # once a process, as nothing takes it back
    os.register_at_fork(after_in_child=_let_go)


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
    _held.add(descriptor)
    try:
        yield
    finally:
        _held.discard(descriptor)
        # While it is locked: whoever waits for it sees that its file is another one by then. Windows removes no open file.
        with contextlib.suppress(OSError):
            remove(path)
        os.close(descriptor)


def holder_of(path: Path) -> str:
    """Return who holds a lock, such as ``process 7 on host since ...``; empty if nobody does, or it cannot be told.

    Args:
        path: of the lock's file. It is there while a job is at work, or once one was killed.
    """
    try:
        way = os.O_RDWR if sys.platform == "win32" else os.O_RDONLY  # whoever may read may ask
        descriptor = os.open(path, way | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return ""
    try:
        _lock(descriptor, shared=True)
    except (BlockingIOError, PermissionError):
        return _read_holder(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return ""


def _read_holder(descriptor: int) -> str:
    return os.read(descriptor, 1000).decode("utf-8", "replace").strip()


def _take(path: Path, held: str) -> int:
    left = _TRIES
    try:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
            try:
                _lock(descriptor)
                if _is(descriptor, path):
                    os.ftruncate(descriptor, 0)
                    os.write(descriptor, _about_me().encode())
                    return descriptor
            except (BlockingIOError, PermissionError) as error:
                holder = _read_holder(descriptor) or "another process"
                os.close(descriptor)
                left -= 1
                if left:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                raise LockedError(
                    f"another job holds {held}: {holder}; let it end, or name another file with --out"
                ) from error
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder has just removed it
    except OSError as error:
        kind = UnfinishedError if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else StorageError
        raise kind(
            f"cannot lock {held} by {printable_path(path)}: {error.strerror}; check the folder, or name another with --out"
        ) from error


def _lock(descriptor: int, *, shared: bool = False) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _about_me() -> str:
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}\n"
