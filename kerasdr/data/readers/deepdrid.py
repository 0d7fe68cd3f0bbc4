"""DeepDRiD as it is published: three folders, two or more views of each eye (Liu et al., Patterns 2022)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from kerasdr.data.names import parse_name
from kerasdr.data.readers.labels import parse_level, read_labels, refuse_repeated
from kerasdr.data.readers.matching import leftover_notes, photographs_by_name
from kerasdr.data.readers.registry import Dataset, register_reader, take_options, take_split, wrong_root
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError
from kerasdr.grades import GRADES

_TOP: Final = "regular_fundus_images"
# Folder of each part, and what its labels may be called; the challenge's templates, Challenge1_upload.csv, are none.
_PARTS: Final = {
    "train": ("regular-fundus-training", ("regular-fundus-training.csv",)),
    "validation": ("regular-fundus-validation", ("regular-fundus-validation.csv",)),
    "test": ("Online-Challenge1&2-Evaluation", ("Challenge1_labels.xlsx", "Challenge1_labels.csv")),
}
_EYE_COLUMNS: Final = {"left": "left_eye_DR_Level", "right": "right_eye_DR_Level"}
_PERSON_LEVEL: Final = "patient_DR_Level"
_QUALITY: Final = "Overall quality"


@dataclass
class _Understood:
    records: list[dict[str, Any]] = field(default_factory=list)
    absent: list[dict[str, Any]] = field(default_factory=list)
    worst: dict[str, int] = field(default_factory=dict)
    told: dict[str, set[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    other_eye: list[str] = field(default_factory=list)
    ungradable: list[str] = field(default_factory=list)
    poor: list[str] = field(default_factory=list)
    unlabelled: int = 0
    notes: list[str] = field(default_factory=list)


def _is_deepdrid(root: Path) -> bool:
    return any((_base(root) / folder).is_dir() for folder, _ in _PARTS.values())


@register_reader("deepdrid", recognise=_is_deepdrid)
def read_deepdrid(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read DeepDRiD from the folder that holds ``regular_fundus_images``, or from that folder itself.

    A photograph is found by its ``image_id`` below its part's folder, since ``image_path`` names folders that are not
    there. A grade is the eye's own, from the one of ``left_eye_DR_Level`` and ``right_eye_DR_Level`` that is filled.
    That column also says which eye it is, even against the name (56_r3 is a left eye: it shares its Overall quality,
    which belongs to an eye, with 56_l1). Level 5 is a photograph that could not be graded. The evaluation part has
    ``image_id, DR_Levels`` in ``Challenge1_labels.xlsx``; without that file, its photographs have no grade. The level of
    a person is the worst of the eyes' levels, those of photographs that are not there included; where ``patient_DR_Level``
    says otherwise, a note says so.

    Options:
        split: ``official``, the three folders as train, validation and test; or ``none``, to have people dealt anew.
    """
    chosen = take_options("deepdrid", options, {"split": "official"})
    official = take_split("deepdrid", chosen["split"])
    if not _is_deepdrid(root):
        folders = ", ".join(folder for folder, _ in _PARTS.values())
        raise wrong_root("deepdrid", root, f"the folder {_TOP}, or in it {folders}")
    understood = _Understood()
    sources: dict[str, Path] = {}
    for split, (name, label_files) in _PARTS.items():
        folder = _base(root) / name
        if not folder.is_dir():
            understood.notes.append(f"the {split} part is not there ({name})")
            continue
        source = _find_labels(folder, label_files)
        if source is None and split != "test":
            raise wrong_root("deepdrid", folder, f"the labels {label_files[0]}")
        _read_part(understood, folder, source, split if official else "", sources)
    return Dataset(make_table(understood.records, understood.absent), tuple(understood.missing), _notes(understood))


def _base(root: Path) -> Path:
    return root / _TOP if (root / _TOP).is_dir() else root


def _find_labels(folder: Path, names: tuple[str, ...]) -> Path | None:
    there = {path.name.lower(): path for path in folder.iterdir()}
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def _read_part(
    understood: _Understood, folder: Path, source: Path | None, split: str, sources: dict[str, Path]
) -> None:
    if source is None:
        files = photographs_by_name(folder, ())
        understood.notes.append(f"{folder.name} has no labels: the grades of its {len(files)} photographs are unknown")
        for image, path in sorted(files.items()):
            person, eye, view = parse_name(image)
            understood.records.append(
                {"image_id": image, "path": str(path), "patient_id": person, "eye": eye, "view": view, "split": split}
            )
        return
    labels = read_labels(source, columns=("image_id",))
    refuse_repeated(labels, "image_id", source)
    level_columns = _level_columns(labels, source)
    files = photographs_by_name(folder, labels["image_id"])
    for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
        image = row["image_id"]
        where = f"{source} line {line} ({image})"
        if image in sources:
            raise KerasdrError(f"{where}: {sources[image]} labels it too; keep it in one part")
        sources[image] = source
        named, named_eye, view = parse_name(image)
        person = row.get("patient_id") or named
        eye, level = _eye_and_level(row, level_columns, named_eye, where)
        grade, quality = parse_level(level, where)
        if grade is not None:
            understood.worst[person] = max(grade, understood.worst.get(person, grade))
        understood.told.setdefault(person, set()).add(row.get(_PERSON_LEVEL, "").removesuffix(".0"))
        if image not in files:
            understood.missing.append(image)
            understood.absent.append({"patient_id": person, "grade": grade})
            continue
        if named_eye and eye != named_eye:
            understood.other_eye.append(image)
        if quality == "ungradable":
            understood.ungradable.append(image)
        elif grade is not None and row.get(_QUALITY, "").removesuffix(".0") == "0":
            understood.poor.append(image)
        understood.records.append(
            {
                "image_id": image,
                "path": str(files[image]),
                "patient_id": person,
                "eye": eye,
                "view": view,
                "grade": grade,
                "quality": quality,
                "split": split,
            }
        )
    understood.unlabelled += len(set(files) - set(labels["image_id"]))


def _level_columns(labels: pd.DataFrame, source: Path) -> dict[str, str]:
    """Return the column of each eye's level; one column may serve both."""
    if set(_EYE_COLUMNS.values()) <= set(labels.columns):
        return _EYE_COLUMNS
    one = next((name for name in labels.columns if name.lower() in ("dr_levels", "dr_level")), None)
    if one is None:
        raise KerasdrError(
            f"{source} must have the columns {' and '.join(_EYE_COLUMNS.values())}, or DR_Levels; "
            f"it has {', '.join(labels.columns)}: rename them"
        )
    return {"left": one, "right": one}


def _eye_and_level(row: dict[str, str], columns: dict[str, str], named_eye: str, where: str) -> tuple[str, str]:
    if columns["left"] == columns["right"]:
        return named_eye, row[columns["left"]]
    filled = [eye for eye, column in columns.items() if row[column]]
    if len(filled) == 2 and not named_eye:
        raise KerasdrError(f"{where}: both eyes have a level and the name tells no eye; empty one of them")
    eye = filled[0] if len(filled) == 1 else named_eye
    return eye, row[columns[eye]] if eye else ""


def _notes(understood: _Understood) -> tuple[str, ...]:
    notes = list(understood.notes)
    for images, said in (
        (
            understood.ungradable,
            "are of level 5, ungradable: they have no grade, and neither training nor a score uses them, not even as partners",
        ),
        (understood.other_eye, "are named for one eye and graded as the other: the graded one counts"),
        (
            understood.poor,
            "are of Overall quality 0, not good enough for diagnosis, and graded all the same: they count",
        ),
    ):
        if images:
            notes.append(f"{len(images)} photographs {said}; the first is {images[0]}")
    # Level 5 is not compared: how a person with one ungradable eye is to be graded, the data set does not say.
    grades = {str(grade) for grade in GRADES}
    other = [person for person, worst in understood.worst.items() if (understood.told[person] & grades) - {str(worst)}]
    if other:
        notes.append(
            f"{len(other)} people have a {_PERSON_LEVEL} that is not the worst of their eyes' levels: the eyes' levels "
            f"count; the first is {other[0]}"
        )
    return (*notes, *leftover_notes(understood.missing, understood.unlabelled))
