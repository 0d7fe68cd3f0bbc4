"""A folder: one sub-folder a grade (``0`` .. ``4`` or the grades' names), or photographs without grades."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasdr.data.names import parse_name, unique_names
from kerasdr.data.readers.matching import dicom_notes
from kerasdr.data.readers.registry import Dataset, find_photographs, register_reader, take_options
from kerasdr.data.records import make_table
from kerasdr.grades import GRADE_NAMES, GRADES

_GRADES = {str(grade): grade for grade in GRADES} | {GRADE_NAMES[grade].lower(): grade for grade in GRADES}


@register_reader("folder")
def read_folder(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read photographs whose grade is the name of the top sub-folder; elsewhere the grade is unknown.

    A grade's folder is called ``0`` to ``4``, or by the grade's name in any case (``no DR``, ``mild NPDR`` ...; ``_``
    may stand for the space). Person and eye are read from the file's name. A photograph is named by its stem; where two
    have the same one, by its path within the folder.
    """
    take_options("folder", options, {})
    files = find_photographs(root)
    grades = [_grade_of(path.relative_to(root)) for path in files]
    records = []
    for path, name, grade in zip(files, unique_names([path.relative_to(root) for path in files]), grades, strict=True):
        person, eye, view = parse_name(path.stem)
        records.append(
            {"image_id": name, "path": str(path), "patient_id": person, "eye": eye, "view": view, "grade": grade}
        )
    notes = []
    unlabelled = grades.count(None)
    if unlabelled:
        notes.append(f"{unlabelled} photographs lie in no folder named by a grade: their grade is unknown")
    table = make_table(records)
    apart = int((table[table["eye"] != ""].groupby("patient_id")["grade"].nunique(dropna=False) > 1).sum())
    if apart:
        notes.append(
            f"{apart} people have eyes in folders of different grades, and partners are looked for within one folder: "
            "for dual-eye models use a layout that keeps a person's photographs together"
        )
    return Dataset(table, notes=(*notes, *dicom_notes(table["path"])))


def _grade_of(inside: Path) -> int | None:
    return _GRADES.get(inside.parts[0].lower().replace("_", " ")) if len(inside.parts) > 1 else None
