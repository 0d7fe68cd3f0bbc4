"""The course's repackaging of DeepDRiD at 512x512: ``train.csv``, ``val.csv`` and ``test.csv`` with a folder each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kerasdr.data.names import parse_name
from kerasdr.data.readers.labels import header_of, parse_level, read_labels, refuse_repeated
from kerasdr.data.readers.matching import leftover_notes
from kerasdr.data.readers.registry import (
    Dataset,
    find_photographs,
    register_reader,
    take_options,
    take_split,
    wrong_root,
)
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError

_PARTS: Final = {"train": "train", "validation": "val", "test": "test"}
_COLUMNS: Final = ("img_path", "image_id")
_LEVEL: Final = "patient_DR_Level"


def _is_course(root: Path) -> bool:
    return "img_path" in header_of(root / "train.csv")


@register_reader("course", recognise=_is_course)
def read_course(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read ``img_path, image_id, patient_DR_Level`` of each part; paths start from the part's folder or the root.

    The grade of a photograph is the level of its person, the worse eye's; the eye's own is not told. Person, eye and
    view are read from ``image_id``, the person from ``patient_id`` where that column is. The test part needs no levels.

    Options:
        split: ``official``, the three files as train, validation and test; or ``none``, to have people dealt anew.
    """
    chosen = take_options("course", options, {"split": "official"})
    official = take_split("course", chosen["split"])
    if not (root / "train.csv").is_file():
        raise wrong_root(
            "course", root, "train.csv, val.csv and test.csv (columns img_path, image_id, patient_DR_Level)"
        )
    records: list[dict[str, Any]] = []
    missing, notes, absent = [], [], []
    levels: dict[str, set[int]] = {}
    sources: dict[str, Path] = {}
    asked: list[tuple[str, str]] = []
    for split, part in _PARTS.items():
        source = root / f"{part}.csv"
        if not source.is_file():
            notes.append(f"the {split} part is not there ({source.name})")
            continue
        labels = read_labels(source, _COLUMNS if split == "test" else (*_COLUMNS, _LEVEL))
        refuse_repeated(labels, "image_id", source)
        if _LEVEL not in labels.columns or not labels[_LEVEL].any():
            notes.append(f"{source.name} has no levels: the grades of its {len(labels)} photographs are unknown")
        for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
            image = row["image_id"]
            where = f"{source} line {line} ({image})"
            if image in sources:
                raise KerasdrError(f"{where}: {sources[image]} has it too; keep it in one part")
            sources[image] = source
            if official and split == "test":
                asked.append((image, _slashes(row["img_path"]).rpartition("/")[2]))
            named, eye, view = parse_name(image)
            person = row.get("patient_id") or named
            grade, quality = parse_level(row.get(_LEVEL, ""), where)
            if grade is not None:
                levels.setdefault(person, set()).add(grade)
            path = _find(root, part, row["img_path"])
            if path is None:
                missing.append(image)
                absent.append({"patient_id": person, "grade": grade})
                continue
            records.append(
                {
                    "image_id": image,
                    "path": str(path),
                    "patient_id": person,
                    "eye": eye,
                    "view": view,
                    "grade": grade,
                    "quality": quality,
                    "split": split if official else "",
                }
            )
    unlabelled = len({str(path) for path in find_photographs(root)} - {record["path"] for record in records})
    several = [person for person, found in levels.items() if len(found) > 1]
    if several:
        notes.append(
            f"{len(several)} people have rows of different levels: each row's counts, and with data.target=person the "
            f"highest; the first is {several[0]}"
        )
    said = (*notes, *leftover_notes(missing, unlabelled))
    return Dataset(make_table(records, absent), tuple(missing), said, tuple(asked))


def _find(root: Path, part: str, text: str) -> Path | None:
    name = _slashes(text).lstrip("/")
    return next((path for path in (root / part / name, root / name) if path.is_file()), None)


def _slashes(text: str) -> str:
    return text.replace("\\", "/")
