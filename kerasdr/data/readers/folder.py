"""A folder: one sub-folder a grade (``0`` .. ``4`` or the grades' names), or photographs without grades."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasdr.data.names import parse_name
from kerasdr.data.readers.registry import Dataset, find_photographs, register_reader, take_options
from kerasdr.data.records import make_table
from kerasdr.grades import GRADE_NAMES


@register_reader("folder")
def read_folder(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read photographs whose grade is the name of the top sub-folder; elsewhere the grade is unknown.

    Person and eye are read from the file's name. A photograph is named by its stem, or by its path within the folder where
    two have the same stem.
    """
    take_options("folder", options, {})
    grades = {str(grade): grade for grade in range(len(GRADE_NAMES))}
    grades |= {name.lower(): grade for grade, name in enumerate(GRADE_NAMES)}
    files = find_photographs(root)
    stems = Counter(path.stem for path in files)
    records, unlabelled = [], 0
    for path in files:
        inside = path.relative_to(root)
        grade = grades.get(inside.parts[0].lower()) if len(inside.parts) > 1 else None
        unlabelled += grade is None
        person, eye, view = parse_name(path.stem)
        records.append(
            {
                "image_id": path.stem if stems[path.stem] == 1 else inside.with_suffix("").as_posix(),
                "path": str(path),
                "patient_id": person,
                "eye": eye,
                "view": view,
                "grade": grade,
            }
        )
    notes = (f"{unlabelled} photographs lie in no folder named by a grade: their grade is unknown",) if unlabelled else ()
    return Dataset(make_table(records), notes=notes)
