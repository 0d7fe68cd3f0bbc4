"""Which photographs a finished model may be tried on, and which never."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import load, to_yaml
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.readers import read_table
from kerasdr.data.splits import split_by_person, write_split
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.scoring.pointer import MANIFEST
from kerasdr.training.trial_photographs import run_of, unseen_phantoms, unseen_photographs


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("unseen") / "phantoms"
    write_phantoms(root, people=12, seed=3, size=64)
    return root


@pytest.fixture
def run(tmp_path: Path, drawn: Path) -> Path:
    """The folder of a finished run, as far as it is looked at."""
    run = tmp_path / "work" / "runs" / "mine" / "one"
    (run / "bundle").mkdir(parents=True)
    (run / "bundle" / MANIFEST).write_text("{}")
    settings = [f"data.root={drawn}", "data.phantom=null", "data.split={train: 0.5, validation: 0.25, test: 0.25}"]
    experiment = load("demo", settings)
    (run / "config.yaml").write_text(to_yaml(experiment))
    table = split_by_person(read_table("eyepacs", drawn).table, experiment.data.split.model_dump(), experiment.seed)
    write_split(table, photograph_digests(table), run / "split.csv")
    return run


def people(run: Path, part: str) -> set[str]:
    with open(run / "split.csv", newline="") as file:
        return {row["patient_id"] for row in csv.DictReader(file) if row["split"] == part}


def ask(run: Path, tmp_path: Path, **changes: Any) -> Any:
    return unseen_photographs(run, tmp_path, Reporter(), **{"data": None, "layout": None, "part": None, **changes})


def test_validation_part_by_default(run: Path, tmp_path: Path, drawn: Path) -> None:
    found = ask(run, tmp_path)
    assert set(found.people) == people(run, "validation") and 0 < len(found.people) < 10
    assert found.phantoms and "validation part, which chose the weights and the ensemble" in found.what
    # Photographs that are labelled ungradable have no grade to be judged by.
    table = read_table("eyepacs", drawn).table.set_index("path")
    for path, grade in zip(found.paths, found.grades, strict=True):
        row = table.loc[path]
        assert grade == (-1 if row["quality"] == "ungradable" else row["grade"])


def test_the_test_part_only_once_it_was_opened(run: Path, tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"was not opened: `kerasdr evaluate .*` opens it, once"):
        ask(run, tmp_path, part="test-opened")
    (run / "metrics_test.json").write_text("{}")
    assert set(ask(run, tmp_path, part="test-opened").people) == people(run, "test")


def test_of_a_folder_with_the_runs_own_photographs_only_the_part(run: Path, tmp_path: Path, drawn: Path) -> None:
    """Wherever they lie and whatever they are called."""
    copy = tmp_path / "copy"
    write_phantoms(copy, people=12, seed=3, size=64)
    (copy / "phantoms.json").unlink()
    found = ask(run, tmp_path, data=copy)
    assert set(found.people) == people(run, "validation") and all(path.startswith(str(copy)) for path in found.paths)


def test_of_another_folder_all(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_phantoms(other, people=4, seed=9, size=64)
    found = ask(run, tmp_path, data=other)
    assert len(set(found.people)) == 4 and "none of them is a photograph of the run" in found.what
    with pytest.raises(KerasdrError, match=r"holds no photograph of .*: name that run's own photographs"):
        ask(run, tmp_path, data=other, part="validation")


def test_phantoms_of_other_people(run: Path, tmp_path: Path) -> None:
    found = unseen_phantoms(run, tmp_path, Reporter(), people=3, seed=8)
    assert len(set(found.people)) == 3 and "seed 8; people whom the run has not seen" in found.what
    assert json.loads((tmp_path / "phantoms-eyepacs-3-8-512" / "phantoms.json").read_text())["settings"]["size"] == 512
    with pytest.raises(KerasdrError, match="the model was trained on phantoms of seed 3, which are the same people"):
        unseen_phantoms(run, tmp_path, Reporter(), people=3, seed=3)
    (run / "config.yaml").write_text(to_yaml(load("demo")))
    with pytest.raises(KerasdrError, match="trained on phantoms of seed 1"):
        unseen_phantoms(run / "bundle", tmp_path, Reporter(), people=3, seed=1)


def test_a_bundle_by_itself(run: Path, tmp_path: Path, drawn: Path) -> None:
    alone = tmp_path / "alone"
    (run / "bundle").rename(alone)
    assert run_of(alone) is None
    found = ask(alone, tmp_path, data=drawn)
    assert len(set(found.people)) == 12 and "cannot be checked" in found.what
    with pytest.raises(KerasdrError, match="is a bundle by itself: parts are of runs"):
        ask(alone, tmp_path, data=drawn, part="validation")


def test_a_run_without_digests(run: Path, tmp_path: Path) -> None:
    lines = (run / "split.csv").read_text().splitlines()
    (run / "split.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    with pytest.raises(KerasdrError, match="kept no digests of its photographs"):
        ask(run, tmp_path)


def test_everybody_is_there_with_a_grade_or_without(run: Path, tmp_path: Path) -> None:
    found = ask(run, tmp_path)
    assert len(found.paths) == len(found.grades) == len(found.people)
    assert np.isin(found.grades, [-1, 0, 1, 2, 3, 4]).all()
