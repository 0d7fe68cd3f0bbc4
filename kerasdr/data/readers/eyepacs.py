"""EyePACS, the Kaggle competition of 2015: ``trainLabels.csv`` and ``<person>_<left|right>.jpeg``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kerasdr.data.names import parse_name
from kerasdr.data.readers.labels import parse_grade, read_labels, refuse_repeated
from kerasdr.data.readers.matching import OR_NAME_FOLDER, leftover_notes, photographs_by_name
from kerasdr.data.readers.registry import Dataset, register_reader, take_options, wrong_root
from kerasdr.data.records import make_table

_LABELS: Final = "trainLabels.csv"


def _is_eyepacs(root: Path) -> bool:
    return (root / _LABELS).is_file()


@register_reader("eyepacs", recognise=_is_eyepacs)
def read_eyepacs(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels ``image,level`` (and ``quality``, if that column is there) and the photographs beside or below them.

    Options:
        labels: the label file, relative to the root (``trainLabels.csv``).
        images: the folder to look for photographs in, relative to the root (the root itself).
    """
    chosen = take_options("eyepacs", options, {"labels": _LABELS, "images": "."})
    source = root / chosen["labels"]
    if not source.exists():
        raise wrong_root("eyepacs", root, f"the labels {chosen['labels']} (columns image, level)")
    labels = read_labels(source, columns=("image", "level"))
    refuse_repeated(labels, "image", source)
    files = photographs_by_name(root / chosen["images"], labels["image"], OR_NAME_FOLDER)
    records, missing, absent = [], [], []
    for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
        image = row["image"]
        grade = parse_grade(row["level"], f"{source} line {line} ({image})")
        person, eye, view = parse_name(image)
        if image not in files:
            missing.append(image)
            absent.append({"patient_id": person, "grade": grade})
            continue
        records.append(
            {
                "image_id": image,
                "path": str(files[image]),
                "patient_id": person,
                "eye": eye,
                "view": view,
                "grade": grade,
                "quality": row.get("quality", ""),
            }
        )
    return Dataset(make_table(records, absent), tuple(missing), leftover_notes(missing, len(files) - len(records)))
