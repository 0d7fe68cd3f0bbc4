"""What was asked to be scored: files, folders, globs -> one entry each, in a stable order."""

import errno
import functools
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.data.names import DICOM_SUFFIXES, PHOTOGRAPH_SUFFIXES, PhotoName
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.scoring.names import is_own_picture, shown_path
from kerasdr.scoring.reading import IS_FOLDER, MAX_BYTES, NOT_FOUND, is_away, may_be_dicom, read_bytes

__all__ = ["MAX_BYTES", "Input", "PathKeys", "is_photograph_name", "list_inputs", "read_bytes"]

# Archives call files by numbers, such as 1.2.840.113619.2, or give them no ending.
_NO_ENDING = re.compile(r"(?:\.\d+)?")
# It lists what is on a disk of DICOM files.
_DICOM_DIRECTORY = "DICOMDIR"
_NO_PHOTOGRAPHS = "the folder holds no photographs: check the path"


@dataclass(frozen=True)
class Input:
    """One photograph to be scored.

    Attributes:
        path: where it lies.
        problem: why it cannot be scored, as far as the listing knows; empty otherwise.
        later: whether the problem may be gone by the next run.
        listed: whether the listing saw that it is there.
        pseudonym: what is shown and kept in the place of the path, if anything.
        told: what its DICOM header says, if it was asked: digest of the person, eye, and for a view the digest of the
            picture's number; never shown or kept.
    """

    path: str
    problem: str = ""
    later: bool = False
    listed: bool = False
    pseudonym: str = ""
    told: PhotoName | None = None

    @property
    def shown(self) -> str:
        """What the CSV shows: the pseudonym, or the path (:func:`kerasdr.scoring.names.shown_path`)."""
        return self.pseudonym or shown_path(self.path)

    @property
    def kept_as(self) -> str:
        """What ledgers know it by: the pseudonym, or the path."""
        return self.pseudonym or self.path


class PathKeys:
    """Tells whether two ways to write a path mean one name in one folder, however the folder is reached.

    A link to a file is a name of its own: it may tell another person or eye than the file it points to.
    """

    def __init__(self) -> None:
        # A list of many photographs names few folders, and each costs a look at every folder above it.
        self.folder = functools.lru_cache(maxsize=None)(os.path.realpath)

    def __call__(self, path: str) -> str:
        """Return the key of a path: equal keys, one name."""
        folder, name = os.path.split(path.rstrip(os.sep) or path)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(path)
        return os.path.join(self.folder(folder), name)


def is_photograph_name(name: str) -> bool:
    """Whether a name has a photograph's ending."""
    return Path(name).suffix.lower() in PHOTOGRAPH_SUFFIXES


def may_be_called_dicom(name: str) -> bool:
    """Whether a DICOM file may have a name or path: it ends like one, or in a number, or has no ending."""
    suffix = Path(name).suffix.lower()
    return suffix in DICOM_SUFFIXES or _NO_ENDING.fullmatch(suffix) is not None


class NoPhotographsError(KerasdrError):
    """Nothing of what was named holds a photograph."""


def list_inputs(arguments: Iterable[str], skip: Sequence[str | Path] = ()) -> list[Input]:
    """Return one entry for every photograph that the arguments name, in a stable order.

    A file is taken whatever it is called. A folder is searched with its sub-folders for photographs by their endings, and
    for DICOM files that have none by how they begin, in the order of names; links to folders, hidden files, Grad-CAM
    pictures of earlier jobs and pictures of a page are passed over. What is no file or folder is tried as a glob. Nothing
    disappears: what is named but not there, a folder that cannot be opened, or one that is called like a photograph, has an
    entry with its problem. A file that is named twice has one entry.

    Args:
        arguments: paths or globs, as a person types them.
        skip: folders that are not searched, such as the one for the results.

    Raises:
        NoPhotographsError: if there is nothing at all to score.
        KerasdrError: if an argument cannot be a name.
    """
    named = list(arguments)
    keys = PathKeys()
    skipped = {os.path.realpath(folder) for folder in skip}
    unique: dict[str, Input] = {}
    for argument in named:
        _check_name(argument)
        for entry in _entries(argument, skipped):
            unique.setdefault(keys(entry.path), entry)
    if all(entry.problem == _NO_PHOTOGRAPHS for entry in unique.values()):
        names = ", ".join(map(printable_path, named))
        raise NoPhotographsError(f"no photographs in {names or 'an empty list'}: check the path")
    return list(unique.values())


def _check_name(argument: str) -> None:
    if "\0" in argument:
        raise KerasdrError("a name holds a NUL byte: read a list whose entries end with NUL with --null")
    try:
        os.fsencode(argument)
    except UnicodeEncodeError as error:
        raise KerasdrError(f"{argument!a} holds characters that no file's name can have: check the name") from error


def _entries(argument: str, skipped: set[str]) -> Iterator[Input]:
    try:
        os.lstat(argument)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            yield from _matches(argument, skipped)
        else:  # it may be there or not: reading it will tell why it cannot be had
            yield Input(argument)
        return
    if not os.path.isdir(argument):
        yield Input(argument, listed=True)
    elif os.path.realpath(argument) not in skipped:
        inside = False
        for entry in _walk(argument, skipped):
            inside = True
            yield entry
        if not inside:
            yield Input(argument, IS_FOLDER if _called_like_a_photograph(argument) else _NO_PHOTOGRAPHS)


def _matches(pattern: str, skipped: set[str]) -> Iterator[Input]:
    matches = sorted(glob.glob(pattern, recursive=True), key=os.fsencode)
    passed_over = inside = False
    for match in matches:
        folder = os.path.isdir(match)
        if is_own_picture(match) or (folder and os.path.realpath(match) in skipped):
            passed_over = True
        elif not folder:
            inside = True
            yield Input(match, listed=True)
        else:
            found = False
            for entry in _walk(match, skipped):
                found = inside = True
                yield entry
            if not found and _called_like_a_photograph(match):
                inside = True
                yield Input(match, IS_FOLDER)
    if not inside and not passed_over:
        yield Input(pattern, _NO_PHOTOGRAPHS if matches else NOT_FOUND)


def _called_like_a_photograph(folder: str) -> bool:
    return is_photograph_name(os.path.basename(folder.rstrip(os.sep)))


@dataclass
class _Folder:
    """A folder that is being searched: its sub-folders may lie deeper than Python's calls could follow."""

    path: str
    real: str
    left: Iterator[os.DirEntry[str]]
    inside: bool = False


def _walk(folder: str, skipped: set[str]) -> Iterator[Input]:
    """Yield the photographs below a folder, in the order of names, and the folders that cannot be opened."""
    entries, problem = _scan(folder)
    if problem:
        yield problem
    stack = [_Folder(folder, os.path.realpath(folder), entries, problem is not None)]
    while stack:
        here = stack[-1]
        entry = next(here.left, None)
        if entry is None:
            stack.pop()
            if stack:  # what a folder holds, the one above it holds too
                if not here.inside and is_photograph_name(os.path.basename(here.path)):
                    here.inside = True
                    yield Input(here.path, IS_FOLDER)
                stack[-1].inside |= here.inside
        elif _is_folder(entry):
            # Links are not followed here, so the real path grows name by name.
            real = os.path.join(here.real, entry.name)
            if real not in skipped:
                entries, problem = _scan(entry.path)
                if problem:
                    yield problem
                stack.append(_Folder(entry.path, real, entries, problem is not None))
        elif _is_photograph(entry) and not is_own_picture(entry.path):
            here.inside = True
            yield Input(entry.path, listed=True)


def _scan(folder: str) -> tuple[Iterator[os.DirEntry[str]], Input | None]:
    """Return a folder's entries by name, without hidden ones, and why they may not be all; what was seen is kept."""
    seen: list[os.DirEntry[str]] = []
    problem = None
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    seen.append(entry)
    except OSError as error:
        # Found in a listing or looked at just before, so one that is not there any more has gone away.
        later = is_away(error) or isinstance(error, FileNotFoundError)
        remedy = "connect the share or disk again, and run again" if later else "check its permissions"
        problem = Input(folder, f"the folder cannot be opened ({error.strerror}): {remedy}", later)
    return iter(sorted(seen, key=lambda entry: os.fsencode(entry.name))), problem


def _is_photograph(entry: os.DirEntry[str]) -> bool:
    if is_photograph_name(entry.name):
        return True
    # On a share each file that is opened takes time, so only those that may be.
    return may_be_called_dicom(entry.name) and entry.name.upper() != _DICOM_DIRECTORY and may_be_dicom(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # a share that goes away; if it is called like a photograph, reading it will tell
        return False
