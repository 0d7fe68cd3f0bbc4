"""Writing files so that nobody ever reads a half-written one, and naming their content by SHA-256."""

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from kerasdr.errors import KerasdrError, StorageError

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""The SHA-256 of nothing: empty files are alike and hold no photograph."""

PROBE = "kerasdr-probe"
"""How the files of :func:`try_to_write` are called; see :func:`is_temporary`."""

_KEPT = 40
_PART = ".part"
_BEGIN = 1024


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 lower-case hexadecimal digits.

    Raises:
        OSError: if the file cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable_path(path: str | os.PathLike[str]) -> str:
    """Return a path as one line of text that any terminal or file takes.

    Bytes that are no UTF-8 are shown as ``\\xNN``, line ends and other characters that cannot be seen as Python writes them.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def may_be_replaced(path: Path, is_ours: Callable[[bytes], bool]) -> bool:
    """Whether nothing is lost if a file is written anew: it is not there, is empty, or is of the same kind.

    Args:
        path: of the file; what cannot be read may be replaced as far as this goes, as writing will tell.
        is_ours: takes the first bytes of a file, at most 1,024, and says whether one of the same kind begins so.
    """
    try:
        if not stat.S_ISREG(
            os.stat(path).st_mode
        ):  # a pipe would wait for whoever writes to it, a device would be gone
            return False
        with open(path, "rb") as file:
            begin = file.read(_BEGIN)
    except OSError:
        return True
    return not begin or is_ours(begin)


@contextlib.contextmanager
def open_atomically(path: Path, *, sync_name: bool = True, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file in ``path``'s folder for writing; on a clean exit it becomes ``path`` in one step.

    The content is on disk (fsync of the file) before the rename, and the rename is on disk (fsync of the folder)
    before the call returns. After an exception the temporary file is gone and an older ``path`` stands untouched.

    Args:
        path: the file.
        sync_name: False if the caller calls :func:`sync_folder` once for many files.
        mode: permissions of the file; those of an ordinary new file if None.

    Raises:
        StorageError: if the folder is missing, not writable or full.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=_temporary(path.name), suffix=_PART, dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            sync_file(file)
        # mkstemp makes the file private; give it the permissions an ordinary new file would have.
        os.chmod(temporary, 0o666 & ~_umask() if mode is None else mode)
        rename(temporary, path)
        temporary = None
        if sync_name:
            sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"cannot write {printable_path(path)}: {error.strerror or error}; "
            "check that the folder exists, is writable and has space"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                remove(temporary)


_UMASK = threading.Lock()


def _umask() -> int:
    """Return the process's mask of permissions, which can only be read by setting it: one thread at a time."""
    with _UMASK:
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


def is_temporary(name: str, target: str) -> bool:
    """Whether a file is what :func:`open_atomically` leaves of a file called ``target`` if the process is killed."""
    return re.fullmatch(rf"{re.escape(_temporary(target))}[^./]{{8}}{re.escape(_PART)}", name) is not None


def _temporary(name: str) -> str:
    """Return how the names of a file's temporary files begin: they must fit into the 255 bytes that a name may have."""
    if len(name) <= _KEPT:
        return f".{name}."
    return f".{name[: _KEPT - 8]}{sha256_of(os.fsencode(name))[:8]}."


def sync_file(file: IO[bytes]) -> None:
    """Have what was written to an open file on the disk."""
    file.flush()
    os.fsync(file.fileno())


def rename(old: str | Path, new: Path) -> None:
    """Give a file another name in one step; a file that has it is replaced."""
    os.replace(old, new)


def remove(path: str | Path) -> None:
    """Remove a file; one that is gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in ``folder`` durable, where the platform can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, remedy: str = "choose another with --out") -> None:
    """Make a folder and those above it; one that is there already is fine.

    Raises:
        KerasdrError: if it cannot be made; the line ends with the remedy.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KerasdrError(f"cannot make the folder {printable_path(folder)}: {error.strerror}; {remedy}") from error


def try_to_write(folder: Path) -> None:
    """Write a few bytes to a new file in ``folder``, down to the disk, and remove it: long work asks before it starts.

    Raises:
        OSError: if the folder is missing, not writable or full.
    """
    handle, probe = tempfile.mkstemp(prefix=_temporary(PROBE), suffix=_PART, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"probe")
            sync_file(file)
        sync_folder(folder)
    finally:
        remove(probe)


def write_bytes_atomically(path: Path, data: bytes, *, sync_name: bool = True, mode: int | None = None) -> None:
    """Replace ``path`` by ``data`` in one step (see :func:`open_atomically`)."""
    with open_atomically(path, sync_name=sync_name, mode=mode) as file:
        file.write(data)


def write_text_atomically(path: Path, text: str, *, mode: int | None = None) -> None:
    """Replace ``path`` by ``text`` as UTF-8 in one step (see :func:`open_atomically`)."""
    with open_atomically(path, mode=mode) as file:
        file.write(text.encode("utf-8"))
