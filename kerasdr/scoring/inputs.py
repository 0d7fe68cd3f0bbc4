"""What was asked to be scored: files, folders, globs -> one entry each, and the bytes of each, read safely."""

import glob
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.data.readers.registry import PHOTOGRAPH_SUFFIXES
from kerasdr.errors import KerasdrError
from kerasdr.imaging.headers import UnreadablePhotograph

MAX_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Input:
    """One photograph to be scored.

    Attributes:
        path: where it lies.
        problem: why it cannot be scored, as far as the listing knows; empty otherwise.
    """

    path: str
    problem: str = ""

    @property
    def shown(self) -> str:
        """The path as the CSV shows it: with ``/``, unprintable bytes as ``\\xNN``, and never a spreadsheet's formula."""
        text = os.fsencode(self.path.replace(os.sep, "/")).decode("utf-8", "backslashreplace")
        # A cell that begins like this is run as a formula; ``./`` in front is still the same path.
        return f"./{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", " ") else text


def list_inputs(arguments: Iterable[str], skip: Sequence[Path] = ()) -> list[Input]:
    """Return one entry for every photograph that the arguments name, in a stable order.

    A file is taken whatever it is called. A folder is searched with its sub-folders for photographs by their endings, in
    the order of names; links to folders and hidden files are passed over. What is no file or folder is tried as a glob.
    Nothing disappears: what is named but not there, a folder that cannot be opened, or one that is called like a
    photograph, has an entry with its problem. A file that is named twice has one entry.

    Args:
        arguments: paths or globs, as a person types them.
        skip: folders that are not searched, such as the one for the results.

    Raises:
        KerasdrError: if there is nothing at all to score.
    """
    skipped = {os.path.realpath(folder) for folder in skip}
    found: list[Input] = []
    named = list(arguments)
    for argument in named:
        if os.path.isdir(argument):
            inside = list(_walk(argument, skipped))
            found += inside or [Input(argument, "the folder holds no photographs: check the path")]
        elif os.path.lexists(argument):
            found.append(Input(argument))
        elif matches := sorted(glob.glob(argument, recursive=True), key=os.fsencode):
            for match in matches:
                found += _walk(match, skipped) if os.path.isdir(match) else [Input(match)]
        else:
            found.append(Input(argument, "file not found: check the name"))
    if all(entry.problem.startswith("the folder holds no") for entry in found):
        raise KerasdrError(f"no photographs in {', '.join(named) or 'an empty list'}: check the path")
    unique: dict[str, Input] = {}
    for entry in found:
        unique.setdefault(os.path.realpath(entry.path), entry)
    return list(unique.values())


def _walk(folder: str, skipped: set[str]) -> Iterable[Input]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        yield Input(folder, f"the folder cannot be opened ({error.strerror}): check its permissions")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        photograph = Path(entry.name).suffix.lower() in PHOTOGRAPH_SUFFIXES
        if entry.is_dir(follow_symlinks=False):
            if os.path.realpath(entry.path) in skipped:
                continue
            inside = list(_walk(entry.path, skipped))
            yield from inside
            if photograph and not inside:
                yield Input(entry.path, "this is a folder, not a photograph")
        elif photograph:
            yield Input(entry.path)


def read_bytes(path: str) -> bytes:
    """Read a photograph's bytes without waiting on pipes and without taking half of a file that is being written.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    try:
        # Not blocking, so that a pipe or a device without a writer does not hold up the job.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UnreadablePhotograph(_explain(error)) from error
    try:
        before = os.fstat(descriptor)
        if stat.S_ISDIR(before.st_mode):
            raise UnreadablePhotograph("this is a folder, not a photograph")
        if not stat.S_ISREG(before.st_mode):
            raise UnreadablePhotograph("this is no ordinary file")
        if before.st_size > MAX_BYTES:
            raise UnreadablePhotograph(f"the file is larger than {MAX_BYTES // 2**20} MB: save the picture smaller")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(MAX_BYTES + 1)
        after = os.fstat(descriptor)
    except OSError as error:
        raise UnreadablePhotograph(_explain(error)) from error
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise UnreadablePhotograph("the file is still being written: run again when it is whole")
    return data


def _explain(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "file not found: check the name"
    if isinstance(error, PermissionError):
        return "no permission to read the file: ask for access"
    return f"the file cannot be read ({error.strerror}): check the disk or share"
