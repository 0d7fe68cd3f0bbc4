"""A class that is missing from training: a clear line wherever counts stand, no odd weights, an error where nothing is left."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasdr.config import Experiment, resolve
from kerasdr.data.readers import read_table
from kerasdr.data.records import make_table
from kerasdr.ensembles import bootstrap_people
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.training.cross_validation import cross_validate
from kerasdr.training.experiment import train
from kerasdr.training.members import fit_members
from kerasdr.training.plan import make_plan
from kerasdr.training.prepared import PreparedPhotographs
from kerasdr.training.probe import run_probe
from kerasdr.training.samples import grade_weights
from kerasdr.training.stage import validation_figures

Make = Callable[..., Experiment]
Regrade = Callable[[int, str], int]


class Enough(Exception):
    """What is to be seen has been seen."""


class Notes(Reporter):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    @property
    def warnings(self) -> list[str]:
        return [line.removeprefix("warning: ") for line in self.lines if line.startswith("warning: ")]


@pytest.fixture
def make(phantom_root: Path, small: dict[str, Any], tmp_path: Path) -> Make:
    """An experiment on phantoms whose grades are changed by a function of the person's number and the part."""

    def write(regrade: Regrade, split: bool = True, **changes: Any) -> Experiment:
        table = read_table("eyepacs", phantom_root).table
        number = {person: place for place, person in enumerate(sorted(set(table["patient_id"])))}
        parts = ("train", "train", "train", "validation", "test")
        with open(tmp_path / "labels.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "person", "eye", "dr", "part"))
            for row in table.itertuples():
                part = parts[number[row.patient_id] % 5]
                grade = regrade(number[row.patient_id], part)
                writer.writerow((row.path, row.patient_id, row.eye, grade, part))
        columns = {"path": "file", "patient_id": "person", "eye": "eye", "grade": "dr"}
        data = {"layout": "manifest", "root": str(tmp_path), "options": {"columns": columns}}
        if split:
            columns["split"] = "part"
        return resolve({**small, "data": data, **changes})

    return write


def without_4_in_training(number: int, part: str) -> int:
    return 4 if part != "train" and number % 2 else number % 4


def notes_of(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """What training says before it fits anything."""

    def stop(*arguments: Any) -> None:
        raise Enough

    monkeypatch.setattr("kerasdr.training.experiment.fit_members", stop)
    notes = Notes()
    with pytest.raises(Enough):
        train(experiment, tmp_path / "runs", notes)
    return notes


def test_training_says_which_grade_it_lacks(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = notes_of(make(without_4_in_training), tmp_path, monkeypatch)
    (warning,) = notes.warnings
    assert warning.startswith("no training photograph has grade 4, and ")
    assert " of validation and " in warning and "; add people who have it, or deal people anew" in warning
    (log,) = (tmp_path / "runs").glob("*/*/train.log")
    assert f"warning: {warning}" in log.read_text().splitlines()
    assert notes_of(make(lambda number, part: number // 5 % 5), tmp_path, monkeypatch).warnings == []


def unseen(reasons: tuple[str, ...], folder: Path) -> PreparedPhotographs:
    """Photographs of one black pixel, which are like nothing."""
    n = len(reasons)
    np.save(folder / "looks.npy", looks := np.zeros((n, 64, 64), np.int8))
    return PreparedPhotographs(np.zeros((n, 1, 1, 3), np.uint8), reasons, looks, ("",) * n, folder / "looks.npy")


def test_photographs_that_cannot_be_used_do_not_count(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All training photographs of grade 4 are labelled, and none of them can be read."""

    def prepare(table: pd.DataFrame, *arguments: Any) -> PreparedPhotographs:
        broken = (table["grade"] == 4) & (table["split"] == "train")
        return unseen(tuple(np.where(broken, "broken", "")), tmp_path)

    monkeypatch.setattr("kerasdr.training.experiment.prepare_table", prepare)
    every = make(lambda number, part: number // 5 % 5)
    assert [line.split(",")[0] for line in notes_of(every, tmp_path, monkeypatch).warnings] == [
        "no training photograph has grade 4"
    ]
    two = make(lambda number, part: 4 if number % 2 else 1)
    with pytest.raises(KerasdrError, match="training photographs are of grade 1, so there is nothing to tell apart"):
        notes_of(two, tmp_path, monkeypatch)


def test_for_the_grade_of_a_person_it_is_the_persons_that_counts(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phantom_root: Path
) -> None:
    experiment = make(lambda number, part: number // 5 % 5)
    labels = pd.read_csv(tmp_path / "labels.csv", dtype=str)
    # Whoever trains and has an eye of grade 0 has another of grade 2.
    left_of_0 = (labels["part"] == "train") & (labels["dr"] == "0") & (labels["eye"] == "left")
    lone = ~labels["person"].isin(labels.loc[labels["eye"] == "right", "person"])
    labels.loc[left_of_0, "dr"] = "2"
    labels = labels[~(lone | ~labels["person"].isin(labels.loc[labels["eye"] == "left", "person"]))]
    labels.to_csv(tmp_path / "labels.csv", index=False)
    assert notes_of(experiment, tmp_path, monkeypatch).warnings == []
    person = experiment.model_copy(update={"data": experiment.data.model_copy(update={"target": "person"})})
    notes = notes_of(person, tmp_path, monkeypatch)
    assert [line.split(",")[0] for line in notes.warnings] == ["no training photograph has grade 0"]
    (counts,) = [line for line in notes.lines if line.startswith("train: ")]
    assert "grades 0-4: 0/" in counts


def test_a_dry_run_says_it_beside_the_counts(make: Make, tmp_path: Path) -> None:
    text = make_plan(make(without_4_in_training), tmp_path / "runs", Reporter())
    assert text.count("warning: no training photograph has grade 4, and ") == 1
    with pytest.raises(KerasdrError, match="so there is nothing to tell apart"):
        make_plan(make(lambda number, part: 2 if part == "train" else number % 5), tmp_path / "runs", Reporter())


def test_training_on_one_grade_is_refused_before_anything_is_written(make: Make, tmp_path: Path) -> None:
    one = make(lambda number, part: 2 if part == "train" else number % 5)
    with pytest.raises(KerasdrError, match="photographs are of grade 2, so there is nothing to tell apart"):
        train(one, tmp_path / "runs", Reporter())
    assert list((tmp_path / "runs").iterdir()) == []
    with pytest.raises(KerasdrError, match="photographs are of grade 2, so there is nothing to tell apart"):
        run_probe(one, tmp_path / "runs", Reporter(), folds=None)


def test_folds_say_which_of_them_lacks_a_grade(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people of grade 4: the fold in which one is tested and the other validates has none to train on."""

    def stop(*arguments: Any) -> None:
        raise Enough

    monkeypatch.setattr("kerasdr.training.cross_validation.train_in", stop)
    notes = Notes()
    with pytest.raises(Enough):
        few = make(lambda number, part: 4 if number < 2 else number % 4, split=False)
        cross_validate(few, tmp_path / "runs", notes, folds=3)
    (warning,) = notes.warnings
    assert warning.startswith("repeat 1, fold ") and ": no training photograph has grade 4, and " in warning
    one = make(lambda number, part: 2, split=False)
    with pytest.raises(KerasdrError, match="so there is nothing to tell apart"):
        cross_validate(one, tmp_path / "runs", Reporter(), folds=3)


@pytest.mark.parametrize("lost", [True, False])
def test_a_grade_that_drops_out_of_a_bootstrap_is_said(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """One person of twelve has grade 4: some seeds leave that person out."""

    def stop(*arguments: Any) -> None:
        raise Enough

    monkeypatch.setattr("kerasdr.training.members.fit_member", stop)
    rows = [(f"{n:02d}", 4 if n == 0 else n % 4, "train" if n < 12 else "validation") for n in range(16)]
    table = make_table({"image_id": name, "path": name, "grade": grade, "split": part} for name, grade, part in rows)
    people = [name for name, _, part in rows if part == "train"]
    grades = np.array([grade for _, grade, _ in rows[:12]])

    def drawn(seed: int) -> set[int]:
        return set(grades[bootstrap_people(people, seed) > 0].tolist())

    whole = set(range(5))
    seed = next(seed for seed in range(999) if drawn(seed) == (whole - {4} if lost else whole))
    member = {"name": "m1", "seed": seed}
    experiment = resolve({**small, "members": [member, {"name": "m2"}], "ensemble": {"training": "bagging"}})
    prepared = {name: unseen(("",) * 16, tmp_path) for name in ("m1", "m2")}
    notes = Notes()
    with pytest.raises(Enough):
        fit_members(experiment, table, prepared, tmp_path, notes)
    said = [line for line in notes.warnings if "m1: nobody of grade 4 is in its bootstrap of the people" in line]
    assert len(said) == len(notes.warnings) == lost


@pytest.mark.parametrize("kind", ["none", "sqrt", "balanced"])
def test_weights_of_the_other_grades_are_as_if_there_were_no_such_grade(kind: str) -> None:
    grades = np.array([0] * 30 + [1] * 6 + [3] * 4)
    weights = grade_weights(grades, kind)
    assert np.isfinite(weights).all() and weights[[2, 4]].tolist() == [0, 0]
    assert weights[grades].mean() == pytest.approx(1.0)
    moved = grade_weights(np.where(grades == 3, 2, grades), kind)  # which grade is missing makes no difference
    assert moved[[0, 1, 2]] == pytest.approx(weights[[0, 1, 3]])
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    assert weights[1] / weights[0] == pytest.approx(5**power) and weights[3] / weights[0] == pytest.approx(7.5**power)


def test_validation_photographs_of_a_missing_grade_count_in_its_loss() -> None:
    probabilities = np.full((4, 5), 0.2, np.float32)
    weights = grade_weights(np.array([0, 0, 1]), "balanced")
    figures = validation_figures(np.array([0, 1, 4, 4]), probabilities, weights)
    assert figures["val_loss"] == pytest.approx(np.log(5)) and figures["val_accuracy"] == 0.25
    sure = probabilities.copy()
    sure[2:] = [0.9, 0.1, 0, 0, 0]
    assert validation_figures(np.array([0, 1, 4, 4]), sure, weights)["val_loss"] > figures["val_loss"]
