"""Which photograph is the partner of which; training and scoring both ask here."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

PAIRINGS = ("same-eye", "both-eyes")


def gradable_partners(table: "pd.DataFrame", pairing: str) -> NDArray[np.int64]:
    """Return :func:`partner_index`, with -1 where the partner is labelled ungradable: what cannot be graded tells nothing.

    Training, the scores of a split and figures of runs ask here; `kerasdr predict` knows no labels, and leaves to the
    quality gate which photographs are partners.

    Args:
        table: the record table.
        pairing: ``same-eye`` or ``both-eyes``.
    """
    partners = partner_index(table, pairing)
    seen = (table["quality"] != "ungradable").to_numpy()
    return np.where((partners >= 0) & seen[partners], partners, -1)


def partner_index(table: "pd.DataFrame | Mapping[str, Sequence[str]]", pairing: str) -> NDArray[np.int64]:
    """Return the position of each photograph's partner.

    Partners are of one person and lie in one folder; a photograph whose eye is not known has none. ``both-eyes``: the
    other eye, of the same view if there is one, else its first photograph by view and name. ``same-eye``: the next
    photograph of the same eye by view and name, round to the first again, so that every view of an eye with three is
    somebody's partner. The answer does not depend on the order of rows.

    Args:
        table: columns ``image_id, path, patient_id, eye, view``, of a table or as plain lists.
        pairing: ``same-eye`` or ``both-eyes``.

    Returns:
        ``(n,)`` positions in the table, -1 where there is no partner.

    Raises:
        ValueError: if the pairing is not known.
    """
    if pairing not in PAIRINGS:
        raise ValueError(f"pairing must be one of {PAIRINGS}, got {pairing!r}")
    folders = [str(PurePath(path).parent) for path in table["path"]]
    names, eyes, views = (list(table[column]) for column in ("image_id", "eye", "view"))
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row, (folder, person, eye) in enumerate(zip(folders, table["patient_id"], eyes, strict=True)):
        groups.setdefault((folder, person, eye), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: (views[row], names[row]))

    partners = np.full(len(names), -1, dtype=np.int64)
    for (folder, person, eye), rows in groups.items():
        if not eye:
            continue
        if pairing == "same-eye":
            if len(rows) > 1:
                partners[rows] = rows[1:] + rows[:1]
            continue
        others = groups.get((folder, person, "left" if eye == "right" else "right"), [])
        for row in rows:
            same_view = [other for other in others if views[other] == views[row]]
            if others:
                partners[row] = (same_view or others)[0]
    return partners
