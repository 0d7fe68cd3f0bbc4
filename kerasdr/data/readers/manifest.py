"""Any CSV: the configuration says which of its columns is which."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasdr.config import suggestion
from kerasdr.data.names import parse_eye, parse_name
from kerasdr.data.readers.registry import Dataset, parse_grade, read_labels, register_reader, take_options
from kerasdr.data.records import COLUMNS, make_table
from kerasdr.errors import KerasdrError


@register_reader("manifest")
def read_manifest(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read a CSV by a mapping of columns.

    Options:
        file: the CSV, relative to the root (``labels.csv``).
        images: folder that paths start from, relative to the root (the root itself).
        columns: the table's column -> the CSV's column; ``path`` is needed, ``image_id`` is the path's stem where it is not
            mapped, ``patient_id``, ``eye`` and ``view`` come from the file's name where none of them is mapped.
        grades: the CSV's word -> grade, where it does not say 0-4.
    """
    chosen = take_options("manifest", options, {"file": "labels.csv", "images": ".", "columns": None, "grades": {}})
    columns = chosen["columns"] or {}
    if not isinstance(columns, Mapping) or "path" not in columns:
        raise KerasdrError("layout manifest needs data.options.columns with at least path, such as {path: file, grade: level}")
    labels = read_labels(root / chosen["file"])
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise KerasdrError(f"data.options.columns: {ours!r} is no column{suggestion(ours, COLUMNS)}; take from {', '.join(COLUMNS)}")
        if theirs not in labels.columns:
            raise KerasdrError(
                f"{root / chosen['file']} has no column {theirs!r}{suggestion(str(theirs), labels.columns)}; "
                f"it has {', '.join(labels.columns)}"
            )
    words = {str(word): str(grade) for word, grade in dict(chosen["grades"]).items()}
    from_name = not {"patient_id", "eye", "view"} & set(columns)
    records, missing = [], []
    for number, row in enumerate(labels.to_dict("records"), start=2):
        where = f"{root / chosen['file']} line {number}"
        record: dict[str, Any] = {ours: row[theirs] for ours, theirs in columns.items()}
        # Labels made on Windows name files with back-slashes.
        path = root / chosen["images"] / record["path"].replace("\\", "/")
        if not path.is_file():
            missing.append(record["path"])
            continue
        record["path"] = str(path)
        record.setdefault("image_id", path.stem)
        if "grade" in record:
            record["grade"] = parse_grade(words.get(record["grade"], record["grade"]), where)
        if from_name:
            record["patient_id"], record["eye"], record["view"] = parse_name(path.stem)
        elif "eye" in record:
            try:
                record["eye"] = parse_eye(record["eye"])
            except ValueError as error:
                raise KerasdrError(f"{where}: {error}") from error
        records.append(record)
    notes = (f"{len(missing)} photographs are not there, the first is {missing[0]}",) if missing else ()
    return Dataset(make_table(records), tuple(missing), notes)
