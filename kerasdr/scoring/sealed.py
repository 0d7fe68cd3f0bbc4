"""A folder whose every byte is covered by a list of checksums, and the plain arrays that it may hold."""

import contextlib
import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of, sha256_of_file, write_bytes_atomically

SUMS = "SHA256SUMS"
"""The list's name; its form is that of the tool ``sha256sum``."""

Arrays = Mapping[str, NDArray[np.generic]]

_READERS = 4
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

    def read(self, name: str) -> bytes:
        """Return a file's content, checked as it is read: what was checked is what is used.

        Links, pipes and devices are refused without being opened.

        Raises:
            KerasdrError: if it cannot be read, or was changed since it was sealed.
        """
        with _said(self.folder):
            if sha256_of(_read(self.folder / SUMS)) != self.digest:
                raise KerasdrError("it was replaced by another since it was loaded: give the command again")
            data = _read(self.folder / name)
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
        sums = _read(folder / SUMS)
    listed = _parse(sums)
    if odd := sorted((present - {SUMS}) ^ set(listed)):
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
                else:
                    raise KerasdrError(f"{printable_path(name)} is no ordinary file: {_AGAIN}")
    return present


def _read(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


def _digest(path: Path) -> str:
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path) -> io.BufferedReader:
    # Neither through a link nor waiting, should the file have become something else in between.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise KerasdrError(f"{printable_path(path)} is no ordinary file: {_AGAIN}")
    return file


def _parse(sums: bytes) -> dict[str, str]:
    listed: dict[str, str] = {}
    for line in sums.decode("ascii", "replace").splitlines(keepends=True):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in listed or not {"", ".", ".."}.isdisjoint(match[2].split("/")):
            raise KerasdrError(f"{SUMS} is damaged: {_AGAIN}")
        listed[match[2]] = match[1]
    return listed


def arrays_to_bytes(arrays: Arrays) -> bytes:
    """Return arrays as a NumPy ``.npz`` file, the same bytes for the same arrays.

    Raises:
        ValueError: if an array holds Python objects.
    """
    # np.savez would pickle objects, and take an array called ``file`` or ``allow_pickle`` for an option of its own.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def read_arrays(name: str, data: bytes) -> Arrays:
    """Return the arrays of a NumPy ``.npz`` file that holds plain, finite numbers and nothing else.

    Args:
        name: the file's name, for messages.
        data: its bytes.

    Raises:
        KerasdrError: if it is anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # Not compressed, so that the arrays cannot be larger than the file.
            plain = all(entry.compress_type == zipfile.ZIP_STORED and entry.file_size <= len(data) for entry in entries)
            if not plain or len({entry.filename for entry in entries}) < len(entries):
                raise ValueError("compressed, or two arrays of one name")
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            arrays = {key: content[key] for key in content.files}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("something else than arrays")
    except Exception as error:  # zipfile and numpy raise a dozen kinds on damaged files
        raise KerasdrError(f"{name} holds no plain arrays: {_AGAIN}") from error
    for key, array in arrays.items():
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise KerasdrError(f"{name}: {printable_path(key)} holds values that are no finite numbers: {_AGAIN}")
    return arrays
