"""Where a job writes: the folder of its results, the cache, and temporary files."""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from kerasdr.files import printable_path, try_to_write
from kerasdr.machine import cache_folder
from kerasdr.scoring.doctor.point import Point, ok, problem, warning
from kerasdr.scoring.ledger.place import file_system_here, is_network

_LEAST, _LITTLE = 100 * 2**20, 2 * 2**30
_SLOW = 0.1
_TRIES = 5


def check_output(folder: Path) -> list[Point]:
    """Look at the folder for results: writing, speed, space, kind of file system.

    Args:
        folder: where the CSV is to go; it is made by a job, so its parent is looked at if it is not there yet.
    """
    there = folder if folder.exists() else folder.parent
    shown = printable_path(there)
    seconds = []
    try:
        for _ in range(_TRIES):
            started = time.monotonic()
            try_to_write(there)
            seconds.append(time.monotonic() - started)
        free = shutil.disk_usage(there).free
    except OSError as error:
        return [problem("output", f"cannot write to {shown} ({error.strerror}): choose another folder for --out")]
    typical = statistics.median(seconds)
    text = f"{shown} can be written; a small file is safe on disk after {1e3 * typical:.1f} ms"
    points = [ok("output", text)]
    if typical > _SLOW:
        points = [warning("output", f"{text}, which is slow: every picture waits so long; choose a local disk")]
    space = f"{free / 2**30:.1f} GB are free in {shown}"
    if free < _LEAST:
        points.append(problem("disk space", f"{space}: make room, a picture takes up to 0.5 MB"))
    elif free < _LITTLE:
        points.append(warning("disk space", f"{space}: a picture takes up to 0.5 MB, or take --pictures webp"))
    else:
        points.append(ok("disk space", space))
    return [*points, check_file_system(there)]


def check_file_system(folder: Path) -> Point:
    """Look at the kind of file system that a folder is on."""
    kind = file_system_here(folder)
    if is_network(kind):
        return warning(
            "file system",
            f"{kind}, over a network, where no ledger may lie: choose a local disk, or name one with --ledger",
        )
    return ok("file system", kind or "its kind cannot be told here")


def check_cache(folder: Path | None = None) -> Point:
    """Look whether the cache folder can be written."""
    folder = cache_folder() if folder is None else folder
    shown = printable_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_to_write(folder)
    except OSError as error:
        return warning(
            "cache",
            f"{shown} cannot be written ({error.strerror}): every job compiles networks and checks anew; let XDG_CACHE_HOME "
            "name a folder that can, by its whole path",
        )
    return ok("cache", f"{shown} can be written")


def check_temporary() -> Point:
    """Look whether temporary files can be written."""
    try:
        with tempfile.TemporaryDirectory(prefix="kerasdr-") as folder:
            try_to_write(Path(folder))
    except OSError as error:
        return problem("temporary files", f"none can be written ({error.strerror}): let TMPDIR name a folder that can")
    return ok("temporary files", f"{printable_path(tempfile.gettempdir())} can be written")
