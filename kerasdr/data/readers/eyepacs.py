"""EyePACS, the Kaggle competition of 2015: ``trainLabels.csv`` and ``<person>_<left|right>.jpeg``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasdr.data.names import parse_name
from kerasdr.data.readers.registry import (
    Dataset,
    find_photographs,
    parse_grade,
    read_labels,
    register_reader,
    take_options,
)
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError


@register_reader("eyepacs")
def read_eyepacs(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels ``image,level`` (and ``quality``, if that column is there) and the photographs beside or below them.

    Option ``labels``: the label file's name, ``trainLabels.csv`` unless said otherwise.
    """
    name = take_options("eyepacs", options, {"labels": "trainLabels.csv"})["labels"]
    labels = read_labels(root / name)
    for column in ("image", "level"):
        if column not in labels.columns:
            raise KerasdrError(f"{root / name} must have the columns image and level; it has {', '.join(labels.columns)}")
    repeated = labels["image"][labels["image"].duplicated()]
    if len(repeated):
        raise KerasdrError(f"{root / name} labels {repeated.iloc[0]} twice: keep one row")
    files: dict[str, Path] = {}
    for path in find_photographs(root):
        if "masks" in path.relative_to(root).parts[:-1]:
            continue  # lesion masks of phantoms
        if path.stem in files:
            raise KerasdrError(f"two photographs are called {path.stem}: {files[path.stem]} and {path}; keep one")
        files[path.stem] = path
    records, missing = [], []
    for number, row in enumerate(labels.to_dict("records"), start=2):
        image = row["image"]
        grade = parse_grade(row["level"], f"{root / name} line {number} ({image})")
        if image not in files:
            missing.append(image)
            continue
        person, eye, view = parse_name(image)
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
    unlabelled = len(set(files) - set(labels["image"]))
    notes = []
    if missing:
        notes.append(f"{len(missing)} labelled photographs are not there, the first is {missing[0]}")
    if unlabelled:
        notes.append(f"{unlabelled} photographs have no label and are left out")
    return Dataset(make_table(records), tuple(missing), tuple(notes))
