"""A folder whose every byte is covered by a list of checksums."""

import contextlib
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of, sha256_of_file, write_bytes_atomically

SUMS = "SHA256SUMS"
"""The list's name; its form is that of the tool ``sha256sum``."""

SIGNATURE = f"{SUMS}.sig"
"""The name of a signature of the list, which may lie beside it and is itself in no list."""

_READERS = 4
# Far more than any bundle has: what is larger is refused before it costs time or memory.
_MOST_FILES = 10_000
_LARGEST_LIST = 2 * 2**20
_LARGEST_FILE = 4 * 2**30
_AGAIN = "copy the bundle again from where it was made"
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)\n")


def seal(folder: Path, files: Sequence[str]) -> None:
    """Write the checksums of files that lie in a folder.

    Raises:
        OSError: if a file cannot be read.
        KerasdrError: if the list cannot be written.
    """
    sums = "".join(f"{sha256_of_file(folder / file)}  {file}\n" for file in sorted(files))
    write_bytes_atomically(folder / SUMS, sums.encode("ascii"))


@dataclass(frozen=True)
class SealedFolder:
    """A sealed folder whose list of checksums was read.

    Attributes:
        folder: where it is.
        sums: SHA-256 of each file by its path in the folder.
        digest: SHA-256 of the list, which covers every byte of it all.
    """

    folder: Path
    sums: Mapping[str, str]
    digest: str

    def read(self, name: str, largest: int = _LARGEST_FILE) -> bytes:
        """Return a file's content, checked as it is read: what was checked is what is used.

        Links, pipes and devices are refused without being opened.

        Args:
            name: of the file.
            largest: number of bytes that is not refused.

        Raises:
            KerasdrError: if it cannot be read, is larger, or was changed since it was sealed.
        """
        with _said(self.folder):
            if sha256_of(_read(self.folder / SUMS, _LARGEST_LIST)) != self.digest:
                raise KerasdrError("it was replaced by another since it was loaded: give the command again")
            data = _read(self.folder / name, largest)
        if sha256_of(data) != self.sums[name]:
            raise KerasdrError(f"{name} was changed since it was written: {_AGAIN}")
        return data

    def check(self) -> None:
        """Read every byte of it and compare, several files at a time; nothing is kept in memory.

        Raises:
            KerasdrError: if a file cannot be read, or was changed since it was sealed.
        """
        with _said(self.folder), ThreadPoolExecutor(_READERS) as pool:
            for name, digest in zip(
                self.sums, pool.map(_digest, (self.folder / name for name in self.sums)), strict=True
            ):
                if digest != self.sums[name]:
                    raise KerasdrError(f"{name} was changed since it was written: {_AGAIN}")


def open_sealed(folder: Path) -> SealedFolder:
    """Open a sealed folder: its files are those of its list.

    Raises:
        KerasdrError: if the list is missing or damaged, or a file is missing or was added.
    """
    with _said(folder):
        present = _files_in(folder)
        if SUMS not in present:
            raise KerasdrError(f"{SUMS} is missing: {_AGAIN}")
        sums = _read(folder / SUMS, _LARGEST_LIST)
    listed = _parse(sums)
    if odd := sorted((present - {SUMS, SIGNATURE}) ^ set(listed)):
        kind = "is missing" if odd[0] in listed else "does not belong there"
        raise KerasdrError(f"{printable_path(odd[0])} {kind}: {_AGAIN}")
    return SealedFolder(folder, listed, sha256_of(sums))


@contextlib.contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = printable_path(error.filename or folder)
        raise KerasdrError(f"{name} cannot be read ({error.strerror}): check its permissions, or {_AGAIN}") from error


def _files_in(folder: Path) -> set[str]:
    present = set()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                name = below + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    present.add(name)
                    if len(present) > _MOST_FILES:
                        raise KerasdrError(f"it has more than {_MOST_FILES} files: {_AGAIN}")
                else:
                    raise KerasdrError(f"{printable_path(name)} is no ordinary file: {_AGAIN}")
    return present


def read_small(folder: Path, name: str, largest: int = _LARGEST_LIST) -> bytes:
    """Return a small file of a sealed folder that is in no list: the list itself, or its signature.

    Raises:
        KerasdrError: if it cannot be read, is larger than so many bytes, or is no ordinary file.
    """
    with _said(folder):
        return _read(folder / name, largest)


def _read(path: Path, largest: int) -> bytes:
    with _opened(path, largest) as file:
        return file.read()


def _digest(path: Path) -> str:
    with _opened(path, _LARGEST_FILE) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path, largest: int) -> io.BufferedReader:
    # Neither through a link nor waiting, should the file have become something else in between.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 - the caller closes it
    found = os.fstat(file.fileno())
    odd = ""
    if not stat.S_ISREG(found.st_mode):
        odd = "is no ordinary file"
    elif found.st_nlink > 1:
        odd = "has a second name elsewhere (a hard link), by which it can be changed"
    elif found.st_size > largest:
        odd = f"is larger than {largest / 2**20:g} MB"
    if odd:
        file.close()
        raise KerasdrError(f"{printable_path(path)} {odd}: {_AGAIN}")
    return file


def _parse(sums: bytes) -> dict[str, str]:
    listed: dict[str, str] = {}
    for line in sums.decode("ascii", "replace").splitlines(keepends=True):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in listed or not {"", ".", ".."}.isdisjoint(match[2].split("/")):
            raise KerasdrError(f"{SUMS} is damaged: {_AGAIN}")
        listed[match[2]] = match[1]
    return listed
