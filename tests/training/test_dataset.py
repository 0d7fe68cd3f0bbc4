"""The data of an experiment: whether they are phantoms, however one comes to them."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from kerasdr.data.phantom import write_phantoms
from kerasdr.data_config import DataConfig
from kerasdr.evaluation.task_runs import read_task_run
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import load_bundle
from kerasdr.tasks import load_task
from kerasdr.training.dataset import ExperimentData, open_dataset
from kerasdr.training.task_runs import run_task

SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}
Open = Callable[..., ExperimentData]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms of eight people in layout deepdrid."""
    out = tmp_path_factory.mktemp("drawn") / "phantoms"
    write_phantoms(out, people=8, seed=3, size=96, layout="deepdrid")
    return out


@pytest.fixture
def open_root(tmp_path: Path) -> Open:
    def read(root: Path, layout: str = "deepdrid", **options: Any) -> ExperimentData:
        config = DataConfig(layout=layout, root=str(root), split=SHARES, options=options)
        return open_dataset(config, 1, tmp_path, Reporter())

    return read


def photographs(folder: Path) -> list[Path]:
    return sorted(folder.glob("regular_fundus_images/*/Images/*/*.jpg"))


def real(folder: Path, count: int) -> list[Path]:
    """Write photographs of nothing, each of another person."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}x_left.jpg"), pixels)
    return sorted(folder.iterdir())


MANIFEST = {"columns": {"path": "file", "grade": "level"}}


def manifest(root: Path, paths: list[Path]) -> Path:
    """Write labels that name photographs elsewhere."""
    root.mkdir()
    lines = [f"{path},{number % 5}" for number, path in enumerate(paths)]
    (root / "labels.csv").write_text("\n".join(["file,level", *lines, ""]))
    return root


@pytest.mark.parametrize("inside", ["", "regular_fundus_images"])
def test_phantoms_are_known_from_any_root(drawn: Path, open_root: Open, inside: str) -> None:
    data = open_root(drawn / inside)
    assert data.phantoms
    assert data.notes[-1] == "the photographs are synthetic (phantoms): figures say nothing about people"


def test_phantoms_are_known_from_a_root_of_dots(drawn: Path, open_root: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(drawn / "regular_fundus_images")
    assert open_root(Path(".")).phantoms


def test_phantoms_are_known_without_their_card(drawn: Path, tmp_path: Path, open_root: Open) -> None:
    shutil.copytree(drawn, tmp_path / "copy", ignore=shutil.ignore_patterns("phantoms.json"))
    assert open_root(tmp_path / "copy").phantoms


def test_phantoms_in_a_manifest_are_known_wherever_they_lie(drawn: Path, tmp_path: Path, open_root: Open) -> None:
    for name in ("copied", "rewritten"):
        (tmp_path / name).mkdir()
    copied, rewritten = [], []
    for path in photographs(drawn):
        copied.append(Path(shutil.copy(path, tmp_path / "copied")))
        # Encoded anew without the comment: the card above is all that tells.
        rewritten.append(tmp_path / "rewritten" / "inside" / f"{path.stem}.png")
        rewritten[-1].parent.mkdir(exist_ok=True)
        cv2.imwrite(str(rewritten[-1]), cv2.imread(str(path)))
    assert open_root(manifest(tmp_path / "a", copied), "manifest", **MANIFEST).phantoms
    labels = manifest(tmp_path / "b", rewritten)
    assert not open_root(labels, "manifest", **MANIFEST).phantoms
    shutil.copy(drawn / "phantoms.json", tmp_path / "rewritten")
    assert open_root(labels, "manifest", **MANIFEST).phantoms


def test_a_comment_behind_other_segments_is_found(drawn: Path, tmp_path: Path, open_root: Open) -> None:
    paths = []
    for path in photographs(drawn)[:12]:
        data = path.read_bytes()
        exif = b"\xff\xe1" + struct.pack(">H", 65535) + bytes(65533)
        paths.append(tmp_path / path.name)
        paths[-1].write_bytes(data[:2] + exif + data[2:])
    assert open_root(manifest(tmp_path / "labels", paths), "manifest", **MANIFEST).phantoms


def test_phantoms_among_photographs_are_enough_and_are_said(drawn: Path, tmp_path: Path, open_root: Open) -> None:
    ours = real(tmp_path / "real", 12)
    data = open_root(manifest(tmp_path / "some", [*ours, photographs(drawn)[0]]), "manifest", **MANIFEST)
    assert data.phantoms
    assert data.notes[-1].startswith("1 of 13 photographs are synthetic (phantoms): figures count as those of phantoms")
    data = open_root(manifest(tmp_path / "none", ours), "manifest", **MANIFEST)
    assert not data.phantoms and not any("synthetic" in note for note in data.notes)


@pytest.mark.slow
def test_a_run_on_the_inner_folder_is_of_phantoms_in_all_that_it_leaves(drawn: Path, tmp_path: Path) -> None:
    """Metrics, the bundle's caution, the task's record, from which the report's titles come."""
    content = {
        "task": "small",
        "title": "one row",
        "seeds": [3],
        "defaults": {
            "data": {"layout": "deepdrid", "root": str(drawn / "regular_fundus_images")},
            "imaging": {"size": 32},
            "model": {"trunk": "tiny", "weights": "none", "head": "linear"},
            "stages": [{"name": "fit", "epochs": 1}],
        },
        "rows": [{"name": "first"}],
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
    (run,) = run_task(load_task(str(tmp_path / "small.yaml")), tmp_path / "runs", Reporter())
    assert json.loads((run.folder / "metrics.json").read_text())["phantoms"] is True
    assert load_bundle(run.folder).caution.startswith("trained on synthetic photographs")
    assert read_task_run(run.folder).group.phantoms
