"""A photograph's bytes, read whole or not at all, with a reason that a person can act on."""

import errno
import os
import stat

from kerasdr.imaging.headers import DICOM_BEGIN, UnreadablePhotograph, is_dicom

MAX_BYTES = 512 * 2**20
NOT_FOUND = "file not found: check the name"
IS_FOLDER = "this is a folder, not a photograph: look inside, or rename it"
_NO_FILE = "this is a pipe or a device, not a photograph: name the photograph's own file"
_CHANGING = "the file is still being written: run again when it is whole"
_REPLACED = "the file was replaced while it was read: run again"
_GONE = "the file was there when the job began and is gone: connect the share or disk again, and run again"
# A share or disk that went away. EIO is not among them: it is also what one bad place of a disk gives, night after night.
_AWAY = frozenset(
    number
    for name in (
        *("ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ECONNRESET"),
        *("ENODEV", "ENXIO", "ENOLINK"),
    )
    if (number := getattr(errno, name, None)) is not None  # not every platform has all
)

_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class WaitingPhotograph(UnreadablePhotograph):
    """A photograph that cannot be had just now, and may be later."""


def too_slow(seconds: float) -> str:
    """Return the reason of a photograph whose reading took more than some seconds."""
    return f"reading this file took more than {seconds:g} s: run again, or allow more time with --photo-timeout"


def is_away(error: OSError) -> bool:
    """Whether an error says that the share or disk is away, and not what is wrong with a file."""
    return error.errno in _AWAY


def read_bytes(path: str, *, listed: bool = False) -> bytes:
    """Read a photograph's bytes without waiting on pipes and without taking half of a file that is being written.

    Args:
        path: of the file.
        listed: whether it was there just before, so that it must have gone if it is not found.

    Raises:
        WaitingPhotograph: if it may be had later, with a reason that a person can act on.
        UnreadablePhotograph: if it cannot be read, likewise.
    """
    try:
        return _read(path)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise _explain(error, path, listed) from error
    try:
        return _read(path)  # the file's name may stand for another one by now; looked up once again
    except OSError as error:
        raise _explain(error, path, listed) from error


def may_be_dicom(path: str) -> bool:
    """Whether a file begins like DICOM.

    One that cannot be read just now may, and reading it as a photograph tells why not; one that may not be read, or a link
    to itself, is taken for none: nothing says that it is a photograph, and it would be told of each night.
    """
    try:
        return is_dicom(read_begin(path, DICOM_BEGIN))
    except OSError as error:
        return not isinstance(error, FileNotFoundError | PermissionError) and error.errno != errno.ELOOP


def read_begin(path: str, count: int) -> bytes:
    """Return the first bytes of a file, none of what is no ordinary file, without waiting on pipes.

    Args:
        path: of the file.
        count: bytes, as far as there are so many.

    Raises:
        OSError: if they cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        return b""
    with open(os.open(path, _TO_READ), "rb", buffering=0) as file:
        return file.read(count)


def _read(path: str) -> bytes:
    # Looked at before it is opened, since opening a device can do things, and not blocking, should it become a pipe in
    # between.
    _check_kind(os.stat(path))
    descriptor = os.open(path, _TO_READ)
    try:
        before = os.fstat(descriptor)
        _check_kind(before)
        if before.st_size > MAX_BYTES:
            raise UnreadablePhotograph(f"the file is larger than {MAX_BYTES // 2**20} MB: save the picture smaller")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(before.st_size + 1)  # one more tells that it grew
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if _state(before) != _state(after) or len(data) != after.st_size:
        raise WaitingPhotograph(_CHANGING)
    try:
        named = os.stat(path)
    except FileNotFoundError:
        named = None
    # Whoever replaces a file renames the new one over it, and what was read is then no longer what the name stands for.
    if named is None or not os.path.samestat(named, after) or _state(named) != _state(after):
        raise WaitingPhotograph(_REPLACED)
    return data


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise UnreadablePhotograph(IS_FOLDER)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadablePhotograph(_NO_FILE)


def _explain(error: OSError, path: str, listed: bool) -> UnreadablePhotograph:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if os.path.islink(path):
            return UnreadablePhotograph("the link points to nothing: link it again")
        return WaitingPhotograph(_GONE) if listed else UnreadablePhotograph(NOT_FOUND)
    if isinstance(error, PermissionError):
        return UnreadablePhotograph("no permission to read the file: ask for access")
    kind = WaitingPhotograph if is_away(error) else UnreadablePhotograph
    return kind(f"the file cannot be read ({error.strerror}): check the disk or share")
