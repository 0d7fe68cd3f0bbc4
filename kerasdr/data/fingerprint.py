"""What identifies a data set: the bytes of its photographs, their grades and their split."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, sha256_of_file
from kerasdr.grades import GRADES


def photograph_digests(table: pd.DataFrame, workers: int = 4) -> list[str]:
    """Return the SHA-256 of each photograph's bytes, in the table's order.

    Raises:
        KerasdrError: if a file cannot be read.
    """

    def one(path: str) -> str:
        try:
            return sha256_of_file(Path(path))
        except OSError as error:
            raise KerasdrError(f"cannot read {path}: {error.strerror}; see `kerasdr data check`") from error

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, table["path"]))


def fingerprint(table: pd.DataFrame, digests: Sequence[str]) -> dict[str, Any]:
    """Return counts and two SHA-256 over all photographs, whatever their order and folder.

    ``sha256`` is of names, bytes, grades and split, ``photographs_sha256`` of all but the split: runs that differ in the
    first alone are of one data set, dealt out differently.

    Args:
        table: the record table with splits.
        digests: SHA-256 of each photograph's bytes, in the table's order.
    """
    rows = [
        (f"{row.image_id}\t{digest}\t{row.grade}", f"\t{row.split}", _person_grade(row))
        for row, digest in zip(table.itertuples(), digests, strict=True)
    ]
    splits = {}
    for split, part in table.groupby("split", sort=True):
        splits[split or "none"] = {
            "photographs": len(part),
            "people": int(part["patient_id"].nunique()),
            "grades": {str(grade): int((part["grade"] == grade).sum()) for grade in GRADES},
        }
    return {
        "sha256": _sha256_of_lines(what + split + person for what, split, person in rows),
        "photographs_sha256": _sha256_of_lines(what + person for what, _, person in rows),
        "photographs": len(table),
        "people": int(table["patient_id"].nunique()),
        "splits": splits,
    }


def has_test_part(content: Mapping[str, Any]) -> bool:
    """Whether there is a test part by what :func:`fingerprint` gave; of what says nothing of parts there may be one."""
    parts = content.get("splits")
    if not isinstance(parts, Mapping):
        return True
    test = parts.get("test")
    return isinstance(test, Mapping) and bool(test.get("photographs"))


def _sha256_of_lines(lines: Iterable[str]) -> str:
    return sha256_of("\n".join(sorted(lines)).encode())


def _person_grade(row: Any) -> str:
    # Only where there is one: what was identified before there was this column is identified as it was.
    return "" if pd.isna(row.person_grade) else f"\t{row.person_grade}"
