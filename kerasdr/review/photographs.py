"""The photographs of a CSV, found again by their bytes and made small enough for a page."""

import contextlib
import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError, StorageError
from kerasdr.files import printable_path, remove, sha256_of, write_bytes_atomically
from kerasdr.imaging.decode import decode
from kerasdr.machine import available_cores
from kerasdr.reporting import Progress
from kerasdr.scoring.inputs import Input, NoPhotographsError, list_inputs
from kerasdr.scoring.job import one_thread_each
from kerasdr.scoring.names import page_folder, page_picture_name
from kerasdr.scoring.reading import read_bytes

SIDE = 1024
"""The longer side of a photograph on the page, in pixels, if it has as many."""

_AT_ONCE = 64
_NO_LIMIT = 1e9  # megapixels; what a computation of bytes can still be done with
# Three times the bytes of WebP in a twentieth of its time: of thousands of photographs that is half of all.
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 88)


@dataclass(frozen=True)
class Shown:
    """What became of the photographs.

    Attributes:
        pictures: names of files in the page's folder by SHA-256 of the photograph; of some that were wanted there is none.
        data: what is in them, likewise, if they are to go into the page itself and no files were written.
        refused: SHA-256 of photographs that were found and cannot be shown.
    """

    pictures: dict[str, str]
    data: dict[str, bytes]
    refused: set[str]


def show_photographs(
    roots: Sequence[str],
    wanted: Collection[str],
    folder: Path | None,
    skip: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Shown:
    """Find photographs by their bytes below some roots, and make pictures of them for a page.

    So neither names nor places matter: one that was renamed is found, one that was replaced is not, and a CSV with pseudonyms
    needs no key. Only bytes that a job has decoded before are decoded here. What cannot be read or decoded has no picture and
    the others have theirs.

    Args:
        roots: files, folders or globs, as `kerasdr predict` takes them.
        wanted: SHA-256 of the photographs.
        folder: where files go that are not there yet, named by digest and never by the photograph's name; None to return
            what would be in them.
        skip: folders that are not searched.
        progress: told how many files were looked at.

    Raises:
        KerasdrError: if a root cannot be a name, or is or lies in the folder of the pictures.
        StorageError: if a file cannot be written.
    """
    shown = Shown({}, {}, set())
    if folder is not None:
        check_roots(roots, folder)
        _make(folder)
    try:
        inputs = list_inputs(roots, skip=[*skip, *([folder] if folder else [])]) if roots else []
    except NoPhotographsError:  # a page without photographs is one all the same
        inputs = []
    left = set(wanted) - {""}

    def look(entry: Input) -> tuple[str, bytes | None]:
        """Return a photograph's digest, and a picture of it: empty if none is needed, None if there can be none."""
        digest = ""
        try:
            content = read_bytes(entry.path)
            digest = sha256_of(content)
            if digest not in left or (folder is not None and (folder / page_picture_name(digest)).is_file()):
                return digest, b""
            return digest, _encoded(_small(content))
        except Exception:  # whatever is wrong with one file costs that file
            return digest, None

    with one_thread_each(), ThreadPoolExecutor(available_cores()) as pool:
        done = 0
        for some in _batched((entry for entry in inputs if not entry.problem), _AT_ONCE):
            if not left:
                break
            for digest, picture in pool.map(look, some):
                done += 1
                if digest not in left:
                    continue
                left.discard(digest)
                if picture is None:
                    shown.refused.add(digest)
                    continue
                shown.pictures[digest] = page_picture_name(digest)
                if folder is None:
                    shown.data[digest] = picture
                elif picture:
                    write_bytes_atomically(folder / page_picture_name(digest), picture, sync_name=False)
            if progress:
                progress(done, len(inputs))
    return shown


def _batched(entries: Iterable[Input], size: int) -> Iterator[list[Input]]:
    rest = iter(entries)
    while some := list(itertools.islice(rest, size)):
        yield some


def _small(content: bytes) -> NDArray[np.uint8]:
    """Return a photograph whole, as it was taken, its longer side at most :data:`SIDE` pixels."""
    # A job has decoded these very bytes, whatever its limit was.
    rgb = decode(content, min_side=SIDE, max_megapixels=_NO_LIMIT)
    factor = SIDE / max(rgb.shape[:2])
    if factor >= 1.0:
        return rgb
    height, width = (max(1, round(side * factor)) for side in rgb.shape[:2])
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _encoded(rgb: NDArray[np.uint8]) -> bytes:
    """Return a picture as JPEG: pixels and nothing else."""
    return cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), _JPEG)[1].tobytes()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {printable_path(folder)}: {error.strerror}; choose another place with --out"
        ) from error


def check_roots(roots: Sequence[str], folder: Path) -> None:
    """Refuse to search the folder that pictures are written to.

    Raises:
        KerasdrError: if a root is that folder, or lies in it.
    """
    own = os.path.realpath(folder)
    for root in roots:
        real = os.path.realpath(root)
        if real == own or real.startswith(own + os.sep):
            raise KerasdrError(
                f"{printable_path(root)} is where pictures for {printable_path(folder.name.removesuffix('_files'))} go: name "
                "another file for the page, or the folder of the photographs themselves"
            )


def named_pictures(page: Path) -> set[str]:
    """Return names of the pictures in a page's folder that the page which is there, or the tasks, show."""
    folder = re.escape(quote(os.fsencode(page_folder(page).name)))
    try:
        text = page.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return set(re.findall(rf"[\"=]{folder}/([0-9a-f]{{16}}\.jpg)\"", text))


def tidy_pictures(page: Path, before: Collection[str], shown: Shown) -> None:
    """Remove pictures that a page before showed and the one that is there now does not, and the folder if nothing is in it.

    What no page named is nobody's to remove. If no photograph was found at all, nothing is: they may be found again.

    Args:
        page: that was written.
        before: from :func:`named_pictures`, before it was.
        shown: what it shows.
    """
    folder = page_folder(page)
    with contextlib.suppress(OSError):
        if shown.pictures:
            for name in set(before) - set(shown.pictures.values()):
                remove(folder / name)
        if not os.listdir(folder):
            folder.rmdir()
