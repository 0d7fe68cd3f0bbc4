"""Photographs that a CSV has and a listing has no more: a few may go, but many stop the job, as a share may be half there."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from kerasdr.errors import MissingError
from kerasdr.files import printable_path
from kerasdr.reporting import plural
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.reading import NOT_FOUND
from kerasdr.scoring.rows import Row

FEW = 5
"""So many photographs may always go."""

FEW_SHARE = 0.1
"""So large a part of those in the CSV may."""


def refuse_missing(
    before: Mapping[str, str], inputs: Sequence[Input], rows: Callable[[], Iterable[Row]], out: Path
) -> None:
    """Refuse to write a CSV that would lose many answers, or any because a folder cannot be had.

    A photograph is missing if its path is not listed, or named and not found, and none of the new rows has its bytes: what was
    renamed or moved is not missing.

    Args:
        before: SHA-256 of each photograph of the CSV by its path, in their order; empty where it has no answer.
        inputs: of the job.
        rows: gives the rows of the job, one for each input, which is asked for only if a path is gone.
        out: the CSV.

    Raises:
        MissingError: if more than :data:`FEW` are missing and more than :data:`FEW_SHARE` of all that have an answer, or if
            one is that lay in a folder which the listing tells to be closed, empty or not found.
    """
    listed = {entry.kept_as for entry in inputs if entry.problem != NOT_FOUND}
    if all(path in listed for path, digest in before.items() if digest):
        return
    now = list(rows())
    digests = {row.sha256 for row in now}
    places = {path: place for place, path in enumerate(before, start=1)}
    missing = [path for path, digest in before.items() if digest and path not in listed and digest not in digests]
    answered = sum(map(bool, before.values()))
    closed = [entry.path for entry in inputs if entry.problem and entry.path]
    lost = next(((path, folder) for folder in closed for path in missing if _is_below(path, folder)), None)
    if lost is None and (len(missing) <= FEW or len(missing) <= FEW_SHARE * answered):
        return
    example, folder = lost or (missing[0], "")
    shown = printable_path(out)
    have = plural(answered, "photograph that has", "photographs that have")
    are = plural(len(missing), "is", "are")
    what = f"{len(missing)} of {answered} {have} an answer in {shown} {are} not found any more"
    waiting = sum(row.status == "waiting" for row in now)
    remedy = "connect the share or disk, or name what was named before, and run again"
    if waiting and not folder:
        wait = plural(waiting, "photograph waits", "photographs wait")
        remedy = f"{waiting} {wait} to be read and may be these under other names, so give the same command again"
    remedy += f"; or let the rows go with `kerasdr predict --accept-missing`; {shown} stays as it was"
    away = f", and {printable_path(folder)} cannot be had" if folder else ""
    raise MissingError(
        f"{what} ({printable_path(example)} is one{away}): {remedy}", f"{what} (row {places[example]} is one): {remedy}"
    )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))
