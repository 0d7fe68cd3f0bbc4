"""APTOS 2019, the Kaggle competition: ``train.csv`` and ``train_images/<id_code>.png``; no eye, no person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kerasdr.data.readers.duplicates import first_of_same_bytes
from kerasdr.data.readers.labels import header_of, parse_grade, read_labels, refuse_repeated
from kerasdr.data.readers.matching import OR_NAME_FOLDER, leftover_notes, photographs_by_name
from kerasdr.data.readers.registry import Dataset, register_reader, take_options, wrong_root
from kerasdr.data.records import make_table

_COLUMNS: Final = ("id_code", "diagnosis")


def _is_aptos(root: Path) -> bool:
    return "id_code" in header_of(root / "train.csv")


@register_reader("aptos", recognise=_is_aptos)
def read_aptos(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read ``id_code, diagnosis``; each photograph is its own person.

    Some photographs of APTOS are there twice under different names. Those of the same bytes are taken for one person,
    so that a split cannot put one into training and the other into the test.

    Options:
        labels: the label file, relative to the root (``train.csv``).
        images: the folder to look for photographs in, relative to the root (``train_images``).
    """
    chosen = take_options("aptos", options, {"labels": "train.csv", "images": "train_images"})
    source, images = root / chosen["labels"], root / chosen["images"]
    if not source.is_file() or not images.is_dir():
        looked_for = f"the labels {chosen['labels']} (columns id_code, diagnosis) and the folder {chosen['images']}"
        raise wrong_root("aptos", root, looked_for)
    labels = read_labels(source, _COLUMNS)
    refuse_repeated(labels, "id_code", source)
    files = photographs_by_name(images, labels["id_code"], OR_NAME_FOLDER)
    first = first_of_same_bytes([files[name] for name in labels["id_code"] if name in files])
    records, missing, twice = [], [], []
    for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
        image = row["id_code"]
        grade = parse_grade(row["diagnosis"], f"{source} line {line} ({image})")
        if image not in files:
            missing.append(image)
            continue
        person = first[files[image]].stem
        if person != image:
            twice.append(image)
        records.append({"image_id": image, "path": str(files[image]), "patient_id": person, "grade": grade})
    notes = leftover_notes(missing, len(files) - len(records))
    if twice:
        said = "photographs have the bytes of another: each group counts as one person; the first is"
        notes = (f"{len(twice)} {said} {twice[0]}", *notes)
    return Dataset(make_table(records), tuple(missing), notes)
