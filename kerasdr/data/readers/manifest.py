"""Any CSV: the configuration says which of its columns is which."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from kerasdr.config import suggestion
from kerasdr.data.names import parse_eye, parse_name, unique_names
from kerasdr.data.readers.labels import parse_grade, read_labels
from kerasdr.data.readers.matching import dicom_notes, leftover_notes
from kerasdr.data.readers.registry import Dataset, register_reader, take_options
from kerasdr.data.records import COLUMNS, NUMBERS, make_table
from kerasdr.errors import KerasdrError


@register_reader("manifest")
def read_manifest(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read a CSV by a mapping of columns.

    Options:
        file: the CSV, relative to the root (``labels.csv``).
        images: folder that paths start from, relative to the root (the root itself). Back-slashes in paths are taken
            for slashes, and one in front is passed over where there is no such absolute path.
        columns: the table's column -> the CSV's column; ``path`` is needed, ``image_id`` is the path's stem where it is
            not mapped (the whole path where stems repeat), ``patient_id``, ``eye`` and ``view`` come from the file's
            name where none of them is mapped. ``person_grade`` is the grade of the person, for ``data.target: person``.
        grades: the CSV's word -> grade, where it does not say 0-4.
    """
    chosen = take_options("manifest", options, {"file": "labels.csv", "images": ".", "columns": {}, "grades": {}})
    source = root / chosen["file"]
    columns = chosen["columns"]
    if "path" not in columns:
        raise KerasdrError(
            "layout manifest needs data.options.columns with at least path, such as {path: file, grade: level}"
        )
    labels = read_labels(source)
    _check_columns(columns, labels, source)
    words = {str(word): str(grade) for word, grade in chosen["grades"].items()}
    from_name = not {"patient_id", "eye", "view"} & set(columns)
    records, missing, absent = [], [], []
    for line, row in zip(labels.index, labels.to_dict("records"), strict=True):
        where = f"{source} line {line}"
        record: dict[str, Any] = {ours: row[theirs] for ours, theirs in columns.items()}
        if not record["path"]:
            raise KerasdrError(f"{where}: no path in column {columns['path']!r}; correct that line")
        for name in NUMBERS:
            if name in record:
                record[name] = parse_grade(words.get(record[name], record[name]), where)
        if from_name:
            record["patient_id"], record["eye"], record["view"] = parse_name(Path(_slashes(record["path"])).stem)
        path = _find(root / chosen["images"], record["path"])
        if path is None:
            missing.append(record["path"])
            if record.get("patient_id") and "grade" in record:
                absent.append(record)
            continue
        record["path"] = str(path)
        if not from_name and "eye" in record:
            try:
                record["eye"] = parse_eye(record["eye"])
            except ValueError as error:
                raise KerasdrError(f"{where}: {error}") from error
        records.append(record)
    if "image_id" not in columns:
        inside = [Path(os.path.relpath(record["path"], root / chosen["images"])) for record in records]
        for record, name in zip(records, unique_names(inside), strict=True):
            record["image_id"] = name
    notes = dicom_notes(record["path"] for record in records) if from_name else ()
    return Dataset(make_table(records, absent), tuple(missing), (*leftover_notes(missing, 0), *notes))


def _check_columns(columns: Mapping[Any, Any], labels: pd.DataFrame, source: Path) -> None:
    theirs_all = list(labels.columns)
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise KerasdrError(
                f"data.options.columns: {ours!r} is no column{suggestion(str(ours), COLUMNS)}; "
                f"take from {', '.join(COLUMNS)}"
            )
        if theirs not in theirs_all:
            raise KerasdrError(
                f"{source} has no column {theirs!r}{suggestion(str(theirs), theirs_all)}; "
                f"it has {', '.join(theirs_all)}"
            )


def _find(images: Path, text: str) -> Path | None:
    # Labels made on Windows name files with back-slashes, some with one in front.
    name = _slashes(text)
    return next((path for path in (images / name, images / name.lstrip("/")) if path.is_file()), None)


def _slashes(text: str) -> str:
    return text.replace("\\", "/")
