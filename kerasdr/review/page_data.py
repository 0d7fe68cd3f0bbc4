"""What the page's script is given: the rows of a CSV in the order of the worklist, as plain data."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from kerasdr.data.names import parse_name
from kerasdr.grades import GRADE_NAMES, REFERABLE_FROM
from kerasdr.review.grades_csv import GradesCsv
from kerasdr.review.order import GROUPS, operating_point, people_of, urgency, worklist
from kerasdr.scoring.names import is_own_name, is_own_picture, pictures_folder, shown_path
from kerasdr.scoring.overlay import frame
from kerasdr.scoring.rows import STATUSES, Row

ROW = (
    *("image", "sha256", "status", "grade", "probabilities", "referable", "set", "reason", "heat", "photograph"),
    *("positive", "refer", "group", "person", "eye"),
)
"""What stands at which place of a row; the script has the same list."""


def page_data(grades: GradesCsv, photographs: Mapping[str, str], heat: Mapping[str, str]) -> dict[str, Any]:
    """Return all that the page shows of a CSV, as plain data.

    Names come from the CSV's column ``image`` alone.

    Args:
        grades: the CSV.
        photographs: address of a photograph's picture by its SHA-256.
        heat: address of a Grad-CAM picture by what the CSV's column ``gradcam`` says.
    """
    rows = grades.rows
    point = operating_point(rows)
    people = people_of(rows)
    numbers = {person: number for number, person in enumerate(dict.fromkeys(people))}
    at = frame()

    def row(place: int) -> list[Any]:
        one = rows[place]
        return [
            one.image,
            one.sha256,
            STATUSES.index(one.status),
            one.grade,
            [round(p, 4) for p in one.probabilities],
            None if one.prob_referable is None else round(one.prob_referable, 4),
            one.grade_set,
            one.reason,
            heat.get(one.gradcam, ""),
            photographs.get(one.sha256, ""),
            one.screen_positive,
            one.refer_to_reader,
            urgency(one, point)[0],
            numbers[people[place]],
            parse_name(PurePosixPath(one.image).stem).eye,
        ]

    return {
        "job": grades.digest,
        "csv": grades.path.name,
        "statuses": STATUSES,
        "grades": GRADE_NAMES,
        "groups": GROUPS,
        "referable_from": REFERABLE_FROM,
        "point": None if point is None else round(point, 4),
        "frame": [at.width, at.height, at.side, at.photograph, at.heat, at.top],
        "columns": ROW,
        "rows": [row(place) for place in worklist(rows)],
    }


def heat_files(grades: GradesCsv) -> dict[str, Path]:
    """Return where the Grad-CAM pictures of a CSV lie, by what its rows say; of those that a job may have written alone."""
    folder = pictures_folder(grades.path)
    files = {}
    for row in grades.rows:
        name = PurePosixPath(row.gradcam).name
        if not is_own_name(name):
            continue
        if row.gradcam == shown_path(f"{folder.name}/{name}"):  # which may look otherwise than the folder is called
            files[row.gradcam] = folder / name
        elif is_own_picture(row.gradcam) and row.gradcam.count("/") == 1:  # a folder beside the CSV, and nowhere else
            files[row.gradcam] = grades.path.parent / row.gradcam
    return files


def address(path: Path, page: Path) -> str:
    """Return a file's address relative to a page, as the page's links have it; an absolute one if there is no way to it."""
    try:
        way = os.path.relpath(path, page.parent)
    except ValueError:  # on another drive of Windows
        return path.absolute().as_uri()
    return quote(os.fsencode(Path(way).as_posix()))


def has_photograph(row: Row) -> bool:
    """Whether a job has decoded a row's photograph, so that it can be shown."""
    return row.status in ("graded", "ungradable") and bool(row.sha256)
