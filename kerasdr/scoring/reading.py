"""A photograph's bytes, read whole or not at all, with a reason that a person can act on."""

import os
import stat

from kerasdr.imaging.headers import UnreadablePhotograph

MAX_BYTES = 512 * 2**20
NOT_FOUND = "file not found: check the name"
IS_FOLDER = "this is a folder, not a photograph: look inside, or rename it"
_NO_FILE = "this is a pipe or a device, not a photograph: name the photograph's own file"
_CHANGING = "the file is still being written: run again when it is whole"


def read_bytes(path: str) -> bytes:
    """Read a photograph's bytes without waiting on pipes and without taking half of a file that is being written.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    try:
        # Looked at before it is opened, since opening a device can do things, and not blocking, should it become a pipe
        # in between.
        _check_kind(os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UnreadablePhotograph(_explain(error, path)) from error
    try:
        before = os.fstat(descriptor)
        _check_kind(before)
        if before.st_size > MAX_BYTES:
            raise UnreadablePhotograph(f"the file is larger than {MAX_BYTES // 2**20} MB: save the picture smaller")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(before.st_size + 1)  # one more tells that it grew
        after = os.fstat(descriptor)
    except OSError as error:
        raise UnreadablePhotograph(_explain(error, path)) from error
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise UnreadablePhotograph(_CHANGING)
    return data


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise UnreadablePhotograph(IS_FOLDER)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadablePhotograph(_NO_FILE)


def _explain(error: OSError, path: str) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "the link points to nothing: link it again" if os.path.islink(path) else NOT_FOUND
    if isinstance(error, PermissionError):
        return "no permission to read the file: ask for access"
    return f"the file cannot be read ({error.strerror}): check the disk or share"
