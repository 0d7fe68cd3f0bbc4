"""Small data sets made by hand."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.data.names import parse_name
from kerasdr.data.records import make_table


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file below ``tmp_path`` and returns its path.

    ``put(name)`` writes a picture of 8x6 pixels that no other name has; ``put(name, content)`` writes text or bytes.
    """

    def write(name: str, content: str | bytes | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            seed = list(hashlib.sha256(name.encode()).digest())
            pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            content = cv2.imencode(path.suffix, pixels)[1].tobytes()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Makes a record table from texts such as ``"1_left 0"`` (name and grade) or ``"1_left"``, with splits."""

    def make(*photographs: str, split: Sequence[str] = ()) -> pd.DataFrame:
        records: list[dict[str, Any]] = []
        for row, text in enumerate(photographs):
            name, _, grade = text.partition(" ")
            person, eye, view = parse_name(name)
            records.append(
                {
                    "image_id": name,
                    "path": f"photos/{name}.png",
                    "patient_id": person,
                    "eye": eye,
                    "view": view,
                    "grade": int(grade) if grade else None,
                    "split": split[row] if split else "",
                }
            )
        return make_table(records)

    return make


@pytest.fixture
def table_of() -> Callable[..., pd.DataFrame]:
    """Makes a record table from short rows ``(image_id, person, eye, view, grade)``, all in one folder."""

    def make(rows: list[tuple[Any, ...]], folder: str = "photos") -> pd.DataFrame:
        names = ("image_id", "patient_id", "eye", "view", "grade")
        return make_table({"path": f"{folder}/{row[0]}.jpg", **dict(zip(names, row, strict=False))} for row in rows)

    return make
