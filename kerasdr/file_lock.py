"""Locks on files, which the system takes away from a process that ends, however it ends.

So they take no clock and no process numbers, which are given out anew. Over a network share they are known on other machines
too where the share carries locks (NFS 4 does).
"""

import contextlib
import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Far behind what is written, as Windows lets nobody read a part that is locked.
_LOCKED_BYTE = 1 << 30
_TRIES, _PAUSE_SECONDS = 10, 0.05  # somebody who only looks holds it for an instant
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


class HeldError(Exception):
    """Another process holds a lock.

    Attributes:
        holder: what that wrote into the file; empty if nothing.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class NoLocksError(OSError):
    """The file could be opened, but its file system takes no lock."""


_held: set[int] = set()


def _let_go_of_all() -> None:
    # A child that was forked shares the lock, and would keep it if this process were killed.
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):  # once a process, as nothing takes it back
    os.register_at_fork(after_in_child=_let_go_of_all)


def take(path: Path) -> int:
    """Lock a file, which is made if it is not there; whoever only looks is waited for.

    Args:
        path: of the file, in a folder that is there.

    Returns:
        Its descriptor, open for reading and writing, for :func:`let_go`.

    Raises:
        HeldError: if another process holds it.
        NoLocksError: if the file system takes no lock.
        OSError: if the file cannot be opened or made, or is a link.
    """
    left = _TRIES
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINKS, 0o644)
        try:
            _lock(descriptor)
            if _is(descriptor, path):
                _held.add(descriptor)
                return descriptor
        except BlockingIOError as error:
            left -= 1
            if not left:
                raise HeldError(_read(descriptor)) from error
            time.sleep(_PAUSE_SECONDS)
        except OSError as error:
            raise NoLocksError(error.errno, error.strerror) from error
        finally:
            if descriptor not in _held:  # another holds it, or its holder has just removed it
                os.close(descriptor)


def let_go(descriptor: int) -> None:
    """Let go of what :func:`take` returned, and close it."""
    if descriptor in _held:  # else this is a child, which has let go of it
        _held.discard(descriptor)
        os.close(descriptor)


def look(path: Path) -> str | None:
    """Return what the holder of a lock wrote into its file; None if nobody holds it.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: if there is none.
        OSError: if it cannot be told, as the file cannot be opened, or its file system takes no locks.
    """
    # Whoever may read may ask. Windows has no shared lock: of two who look in one instant, one may take the other for a holder.
    descriptor = os.open(path, (os.O_RDWR if sys.platform == "win32" else os.O_RDONLY) | _NO_LINKS)
    try:
        _lock(descriptor, shared=True)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _lock(descriptor: int, *, shared: bool = False) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except PermissionError as error:  # so Windows says that another holds it
        raise BlockingIOError(error.errno, error.strerror) from error


def _read(descriptor: int) -> str:
    return os.read(descriptor, 1000).decode("utf-8", "replace").strip()


def _is(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False
