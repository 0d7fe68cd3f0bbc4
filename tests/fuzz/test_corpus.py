"""A small part of ``make fuzz``, with the reading processes of the real job and an engine that needs no network."""

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.job import run_job
from tests.fuzz.corpus import WAYS, Hostile, hostile_files, judge_rows


class Engine:
    def predict(self, batch: Batch) -> EngineOutput:
        return EngineOutput(np.full((len(batch), 5), 0.2), np.ones((len(batch), 4, 4), np.float32))


def test_every_hostile_file_has_one_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = ModelSpec(trunk="tiny", weights="none")
    member = BundleMember("only", spec, get_recipe("clahe-crop", 48), {"0000:a": np.zeros(2, np.float32)})
    write_bundle(tmp_path / "m", name="m", members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
    files = list(hostile_files(5, 5 * len(WAYS)))
    (tmp_path / "in").mkdir()
    for file in files:
        (tmp_path / "in" / file.name).write_bytes(file.data)
        if file.sparse:
            os.truncate(tmp_path / "in" / file.name, file.sparse)
    run_job([tmp_path / "in"], load_bundle(tmp_path / "m"), tmp_path / "out.csv", factory=lambda *_: Engine(), jobs=2)
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert judge_rows(files, rows) == []
    statuses = Counter(row["status"] for row in rows)
    assert statuses["graded"] > 10 and statuses["failed"] > 50
    assert not [row["reason"] for row in rows if "crashed" in row["reason"] or "took more" in row["reason"]]
    assert capfd.readouterr() == ("", "")  # what codecs say of a file may hold parts of it


def test_the_same_seed_breaks_the_same_files() -> None:
    assert list(hostile_files(2, 30)) == list(hostile_files(2, 30))
    assert [file.data for file in hostile_files(2, 30)] != [file.data for file in hostile_files(3, 30)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"image": "in/b.png", "status": "failed", "reason": "x: y"}, "is of in/b.png"),
        ({"image": "in/a.png", "status": "failed", "reason": "no idea"}, "without a remedy"),
        ({"image": "in/a.png", "status": "graded", "reason": ""}, "not all of it is there"),
    ],
)
def test_rows_are_judged(row: dict[str, Any], words: str) -> None:
    (wrong,) = judge_rows([Hostile("a.png", b"", whole=False)], [row])
    assert words in wrong
    assert judge_rows([Hostile("a.png", b"")], []) == ["1 files gave 0 rows"]
