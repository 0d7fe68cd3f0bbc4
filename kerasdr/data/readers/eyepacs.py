"""EyePACS, the Kaggle competition of 2015: ``trainLabels.csv`` and ``<person>_<left|right>.jpeg``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasdr.data.names import parse_name
from kerasdr.data.readers.labels import parse_grade, read_labels
from kerasdr.data.readers.registry import Dataset, find_photographs, register_reader, take_options
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError


@register_reader("eyepacs")
def read_eyepacs(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels ``image,level`` (and ``quality``, if that column is there) and the photographs beside or below them.

    Options:
        labels: the label file, relative to the root (``trainLabels.csv``).
        images: the folder to look for photographs in, relative to the root (the root itself).
    """
    chosen = take_options("eyepacs", options, {"labels": "trainLabels.csv", "images": "."})
    source = root / chosen["labels"]
    labels = read_labels(source)
    for column in ("image", "level"):
        if column not in labels.columns:
            got = ", ".join(labels.columns)
            raise KerasdrError(f"{source} must have the columns image and level; it has {got}: rename them")
    repeated = labels.index[labels["image"].duplicated()]
    if len(repeated):
        raise KerasdrError(f"{source} line {repeated[0]} labels {labels['image'][repeated[0]]} again: keep one row")
    files = _by_stem(root / chosen["images"], set(labels["image"]))
    records, missing = [], []
    for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
        image = row["image"]
        grade = parse_grade(row["level"], f"{source} line {line} ({image})")
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
    unlabelled = len(files) - len(records)
    notes = []
    if missing:
        notes.append(f"{len(missing)} labelled photographs are not there, the first is {missing[0]}")
    if unlabelled:
        notes.append(f"{unlabelled} photographs have no label and are left out")
    return Dataset(make_table(records), tuple(missing), tuple(notes))


def _by_stem(folder: Path, labelled: set[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in find_photographs(folder):
        if "masks" in path.relative_to(folder).parts[:-1]:
            continue  # lesion masks of phantoms
        first = files.setdefault(path.stem, path)
        if first != path and path.stem in labelled:
            raise KerasdrError(
                f"two photographs are called {path.stem}: {first} and {path}; keep one, or name the folder "
                "of the right ones in data.options.images"
            )
    return files
