"""Copies of photographs in two parts of a run: the same pixels are refused, what is alike is said."""

import csv
import io
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kerasdr.data.alike import SURELY_ALIKE, Alike, find_alike
from kerasdr.data.splits import check_no_same_pixels
from kerasdr.files import sha256_of, write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.training.kept_photographs import LOOKS
from kerasdr.training.prepared import PreparedPhotographs

_COLUMNS = ("image_id", "split", "other_image_id", "other_split", "correlation", "pose")


def refuse_same_pixels(table: pd.DataFrame, prepared: PreparedPhotographs) -> None:
    """Refuse a split in which the same pixels stand in two parts; photographs that are not used do not count.

    Args:
        table: the record table with splits.
        prepared: of its photographs.

    Raises:
        KerasdrError: naming two of the photographs.
    """
    used = zip(prepared.pixels, prepared.reasons, strict=True)
    check_no_same_pixels(table, ["" if reason else pixels for pixels, reason in used])


def note_near_duplicates(
    table: pd.DataFrame, prepared: PreparedPhotographs, run: Path, cache: Path, reporter: Reporter
) -> int:
    """Say which photographs are near duplicates, list them in ``near_duplicates.csv``, and keep the looks in the run.

    Which are alike does not depend on the split, so folds of one data set find it in the cache.

    Args:
        table: the record table with splits.
        prepared: of its photographs.
        run: the run's folder.
        cache: where what was found is kept.
        reporter: hears of those in two parts.

    Returns:
        How many pairs stand in two parts.
    """
    names, parts = table["image_id"].tolist(), table["split"].tolist()
    usable = prepared.usable
    pairs = [
        one
        for one in _alike(prepared, cache)
        if usable[one.first] and usable[one.second] and parts[one.first] and parts[one.second]
    ]
    across = [one for one in pairs if parts[one.first] != parts[one.second]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    within = [one for one in pairs if parts[one.first] == parts[one.second]]
    for one in (*across, *within):
        first, second = ((names[row], parts[row]) for row in (one.first, one.second))
        writer.writerow([*first, *second, f"{one.correlation:.3f}", one.pose])
    write_text_atomically(run / "near_duplicates.csv", text.getvalue())
    _keep(prepared, run / LOOKS)
    if across:
        one = across[0]
        reporter.note(
            f"warning: near duplicates in two parts: {len(across)} pairs of photographs are copies by their looks, such as "
            f"{names[one.first]} in {parts[one.first]} and {names[one.second]} in {parts[one.second]}; look at those listed "
            f"in {run / 'near_duplicates.csv'}, and remove one of each or give both the same person"
        )
    return len(across)


def _alike(prepared: PreparedPhotographs, cache: Path) -> Sequence[Alike]:
    looks = np.ascontiguousarray(prepared.looks)
    kept = cache / f"alike-{sha256_of(looks.tobytes() + repr(SURELY_ALIKE).encode())[:24]}.json"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        found = [[one.first, one.second, one.correlation, one.pose] for one in find_alike(looks)]
        write_text_atomically(kept, json.dumps(found))
    return [Alike(*one) for one in json.loads(kept.read_text(encoding="utf-8"))]


def _keep(prepared: PreparedPhotographs, path: Path) -> None:
    """Let the run have the looks: a second name for the cache's file where that can be, as it is never changed."""
    path.unlink(missing_ok=True)
    try:
        os.link(prepared.looks_file, path)
    except OSError:
        shutil.copyfile(prepared.looks_file, path)
