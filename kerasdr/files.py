"""Writing files so that nobody ever reads a half-written one, and naming their content by SHA-256."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kerasdr.errors import KerasdrError

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""The SHA-256 of nothing: empty files are alike and hold no photograph."""


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


@contextlib.contextmanager
def open_atomically(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """Open a temporary file in ``path``'s folder for writing; on a clean exit it becomes ``path`` in one step.

    The content is on disk (fsync of the file) before the rename, and the rename is on disk (fsync of the folder)
    before the call returns. After an exception the temporary file is gone and an older ``path`` stands untouched.

    Args:
        path: the file.
        private: only its owner may read it.

    Raises:
        KerasdrError: if the folder is missing, not writable or full.
    """
    path = Path(path)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not private:
            # mkstemp makes the file private; give it the permissions an ordinary new file would have.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
        temporary = None
        sync_folder(path.parent)
    except OSError as error:
        raise KerasdrError(
            f"cannot write {printable_path(path)}: {error.strerror or error}; "
            "check that the folder exists, is writable and has space"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


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
    handle, probe = tempfile.mkstemp(prefix=".kerasdr-probe.", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"probe")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    finally:
        os.unlink(probe)


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step (see :func:`open_atomically`)."""
    with open_atomically(path) as file:
        file.write(data)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` as UTF-8 in one step (see :func:`open_atomically`)."""
    write_bytes_atomically(path, text.encode("utf-8"))
