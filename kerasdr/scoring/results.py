"""The place for a job's results: found fit before the work, tidied after it."""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sync_folder, try_to_write
from kerasdr.scoring.inputs import Input, PathKeys, is_photograph_name
from kerasdr.scoring.names import is_own_name


def check_output(out: Path) -> None:
    """Refuse to write a CSV over what is no CSV.

    Raises:
        KerasdrError: if ``out`` is a folder, a link or a device, or named like a photograph.
    """
    shown = printable_path(out)
    if out.is_dir():
        example = printable_path(out / "grades.csv")
        raise KerasdrError(f"cannot write {shown}: it is a folder; give the CSV's name, such as {example}")
    with contextlib.suppress(OSError):  # nothing there, or nothing that can be seen: writing will tell
        if not stat.S_ISREG(os.lstat(out).st_mode):
            raise KerasdrError(f"cannot write {shown}: it is a link or a device; name an ordinary file with --out")
    if is_photograph_name(out.name):
        example = printable_path(out.with_suffix(".csv"))
        raise KerasdrError(f"cannot write {shown}: it is named like a photograph; name a CSV, such as {example}")


def check_not_listed(out: Path, inputs: Sequence[Input]) -> None:
    """Refuse to write a CSV over one of the inputs.

    Raises:
        KerasdrError: if ``out`` is one of them.
    """
    keys = PathKeys()
    own = keys(str(out))
    if any(keys(entry.path) == own for entry in inputs):
        shown = printable_path(out)
        raise KerasdrError(f"{shown} is named both as a photograph and as --out: name another file with --out")


@contextlib.contextmanager
def room_for(out: Path, pictures: Path | None) -> Iterator[None]:
    """Make the folders of a CSV and its pictures and try them, so that it is known before the work that they take files.

    The last folder of the CSV's path is made, but not a whole way: that would hide a slip of the pen. Folders that were
    made go again if the work ends with an exception and left nothing in them.

    Args:
        out: the CSV.
        pictures: the folder of the pictures, or None if there will be none.

    Raises:
        KerasdrError: if a folder cannot be made or written to.
    """
    made: list[Path] = []
    try:
        _make(out.parent, made)
        if made:
            _sync(out.parent.parent)
        if pictures is not None:
            _make(pictures, made)  # its own entry becomes durable with the CSV's, in the same folder
        yield
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _make(folder: Path, made: list[Path]) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir()
            made.append(folder)
        try_to_write(folder)
    except OSError as error:
        raise _no_room(folder, error) from error


def _sync(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        raise _no_room(folder, error) from error


def _no_room(folder: Path, error: OSError) -> KerasdrError:
    reason = error.strerror or error
    return KerasdrError(f"cannot write to {printable_path(folder)}: {reason}; choose another place with --out")


def remove_stale(pictures: Path, kept: Collection[str]) -> None:
    """Remove an earlier job's pictures, and the folder if that leaves nothing in it; files of other names stay.

    Args:
        pictures: the folder of the pictures; it need not be there.
        kept: names of the pictures that belong to the new CSV.

    Raises:
        KerasdrError: if a picture cannot be removed.
    """
    try:
        if pictures.is_dir():
            for name in os.listdir(pictures):
                if is_own_name(name) and name not in kept:
                    (pictures / name).unlink(missing_ok=True)
            if not os.listdir(pictures):
                pictures.rmdir()
    except OSError as error:
        raise KerasdrError(
            f"the CSV is complete, but pictures of an earlier job cannot be removed from {printable_path(pictures)} "
            f"({error.strerror}): remove them by hand"
        ) from error
