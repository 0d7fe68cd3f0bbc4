"""``kerasdr evidence robustness``: what it writes and prints, and what it refuses."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import load, to_yaml
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.readers import read_table
from kerasdr.data.splits import write_split
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.training.openings import note_opening, read_openings

Kerasdr = Any  # the fixture, which runs the command


class BrightnessEngine:
    """Calls a photograph referable while it is bright; the brighter, the surer."""

    def predict(self, batch: Batch) -> EngineOutput:
        light = batch.images[0].astype(float).mean(axis=(1, 2, 3)) / 255.0
        p = np.clip(8 * (light - 0.2), 0.0, 1.0)
        return EngineOutput(np.stack([1 - p, 0 * p, 0 * p, p, 0 * p], axis=1), None)


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    asked: list[tuple[int, str]] = []

    def make(bundle: Bundle, batch_size: int, gradcam: bool, *, engine: str, cores: int | None) -> BrightnessEngine:
        assert not gradcam
        asked.append((batch_size, engine))
        return BrightnessEngine()

    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", make)
    monkeypatch.setattr("kerasdr.cli.evidence_robustness.load_keras_quietly", lambda: None)
    return asked


def make_run(run: Path, model: str, tested: str) -> None:
    """Make a run of the photographs in ``mine`` whose test part is of some people."""
    shutil.copytree(model, run / "bundle")
    (run / "config.yaml").write_text(
        to_yaml(load("demo", [f"data.root={Path('mine').resolve()}", "data.phantom=null"]))
    )
    table = read_table("eyepacs", Path("mine")).table
    table["split"] = ["test" if person in tested else "train" for person in table["patient_id"]]
    write_split(table, photograph_digests(table), run / "split.csv")


def test_phantoms_of_a_bundle(kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]]) -> None:
    asked = ["--phantoms", "6", "--seed", "5", "--kinds", "dark,jpeg", "--severities", "0,2,4", "--out", "found"]
    ran = kerasdr("evidence", "robustness", model, *asked, "--batch-size", "4")
    assert ran.code == 0, ran.err
    assert bright == [(4, "keras")]
    assert {path.name for path in Path("found").iterdir() if path.is_file()} == {
        *("robustness.json", "robustness.csv", "robustness.svg", "robustness.png", "degradations.png")
    }
    found = json.loads(Path("found/robustness.json").read_text())
    few = "photographs are of 6 people only: over fewer than 20 these intervals are too narrow"
    assert found["notes"] == [few] and few in " ".join(ran.out.split())
    assert found["data"]["phantoms"] and found["data"]["people"] == 6 and found["seed"] == 5
    assert "phantoms of seed 5; whether the model was trained on this seed cannot be checked" in found["data"]["what"]
    dark, jpeg = found["curves"]
    assert [step["severity"] for step in dark["steps"]] == [0.0, 2.0, 4.0]
    clean, _, last = dark["steps"]
    # In the dark this engine calls fewer referable, and the gate lets them pass.
    assert clean["called_referable_when_unchanged"] > 3 and clean["silently_missed"] == 0
    assert last["called_referable_when_unchanged"] == clean["called_referable_when_unchanged"]
    assert last["silently_missed"] > 2
    assert jpeg["steps"][2]["silently_missed"] <= 1
    # It does not look at sides.
    assert found["mirror"]["figures"]["same_grade"]["value"] == 1.0
    with open("found/robustness.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["kind"] for row in rows} == {"dark", "jpeg", "mirror"}
    assert f"{last['silently_missed']} of {last['called_referable_when_unchanged']}" in ran.out
    sheet = cv2.imread("found/degradations.png")
    assert sheet.shape[0] == 34 + 2 * 178
    again = kerasdr("evidence", "robustness", model, *asked)
    assert again.out == ran.out and json.loads(Path("found/robustness.json").read_text()) == found


def test_a_folder_of_photographs(kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]]) -> None:
    write_phantoms(Path("mine"), people=3, seed=2, size=128)
    ran = kerasdr("evidence", "robustness", model, "--data", "mine", "--kinds", "rotate", "--severities", "1")
    assert ran.code == 0, ran.err
    found = json.loads(Path("evidence/robustness/robustness.json").read_text())
    assert found["data"]["people"] == 3 and found["data"]["what"].startswith(
        "mine; whether the model has seen these people"
    )
    (Path("mine") / "trainLabels.csv").write_text("image,level\n")
    assert "mine" in kerasdr("evidence", "robustness", model, "--data", "mine").error


def test_an_opened_test_part_is_noted_in_the_ledger(
    kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]], tmp_path: Path
) -> None:
    write_phantoms(Path("mine"), people=4, seed=2, size=128)
    run = tmp_path / "runs" / "a" / "one"
    make_run(run, model, tested="34")
    asked = ["evidence", "robustness", str(run), "--data", "mine", "--kinds", "rotate", "--severities", "1"]
    assert "was not opened" in kerasdr(*asked, "--part", "test-opened").error
    assert read_openings(run) == ()
    note_opening(run, command="kerasdr evaluate", bundle="0" * 64, predictions_sha256="0" * 64)
    ran = kerasdr(*asked, "--part", "test-opened")
    assert ran.code == 0, ran.err
    assert [opening.command for opening in read_openings(run)] == ["kerasdr evaluate", "kerasdr evidence robustness"]
    assert json.loads(Path("evidence/robustness/robustness.json").read_text())["data"]["people"] == 2


def test_folds_are_asked_about_their_own_people_and_judged_together(
    kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]]
) -> None:
    write_phantoms(Path("mine"), people=6, seed=2, size=128)
    folds = [Path(f"runs/mine-2-folds/repeat-1-fold-{number}") for number in (1, 2)]
    for fold, tested in zip(folds, ("123", "456"), strict=True):
        make_run(fold, model, tested)
    asked = ["evidence", "robustness", "runs/mine-2-folds", "--data", "mine", "--kinds", "dark", "--severities", "4"]
    assert "repeat-1-fold-1 was not opened" in kerasdr(*asked).error
    for fold in folds:
        note_opening(fold, command="kerasdr train --folds", bundle="0" * 64, predictions_sha256="0" * 64)
    ran = kerasdr(*asked)
    assert ran.code == 0, ran.err
    whole = json.loads(Path("evidence/robustness/robustness.json").read_text())
    assert whole["data"]["people"] == 6 and whole["data"]["what"] == "mine; the run's opened test part"
    parts = []
    for fold in folds:
        assert [one.command for one in read_openings(fold)][1:] == ["kerasdr evidence robustness"]
        alone = kerasdr("evidence", "robustness", str(fold), *asked[3:], "--part", "test-opened", "--out", "alone")
        assert alone.code == 0, alone.err
        parts.append(json.loads(Path("alone/robustness.json").read_text()))
    assert [part["data"]["people"] for part in parts] == [3, 3]
    for name in ("silently_missed", "called_referable_when_unchanged"):
        both = [part["curves"][0]["steps"][1][name] for part in parts]
        assert whole["curves"][0]["steps"][1][name] == sum(both)
    (Path("runs/mine-2-folds") / "repeat-1-fold-2.old").mkdir()  # somebody's copy
    assert kerasdr(*asked).code == 0
    for more in (["--phantoms", "3"], ["--part", "validation"]):
        said = kerasdr("evidence", "robustness", "runs/mine-2-folds", *more).usage
        assert "each fold is asked about its own test part" in said


def test_folds_that_are_not_all_there_are_told(kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]]) -> None:
    write_phantoms(Path("mine"), people=6, seed=2, size=128)
    fold = Path("runs/mine-3-folds/repeat-1-fold-1")
    make_run(fold, model, "123")
    whole = load("demo", [f"data.root={Path('mine').resolve()}", "data.phantom=null", "data.fold={number: 1, of: 3}"])
    (fold / "config.yaml").write_text(to_yaml(whole))
    said = kerasdr("evidence", "robustness", "runs/mine-3-folds").error
    assert "runs/mine-3-folds has 1 of its 3 folds: give its `kerasdr train --folds` again" in said


def test_only_people_who_have_it(kerasdr: Kerasdr, model: str, bright: list[tuple[int, str]]) -> None:
    write_phantoms(Path("mine"), people=20, seed=2, size=128)
    table = read_table("eyepacs", Path("mine")).table
    have = set(table["patient_id"][table["grade"] >= 2])
    n = int(table["patient_id"].isin(have).sum())
    assert 0 < len(have) < table["patient_id"].nunique() and (table["grade"][table["patient_id"].isin(have)] < 2).any()
    asked = ["evidence", "robustness", model, "--data", "mine", "--kinds", "rotate", "--severities", "1", "--referable"]
    assert kerasdr(*asked).code == 0
    found = json.loads(Path("evidence/robustness/robustness.json").read_text())["data"]
    assert (found["people"], found["photographs"]) == (len(have), n)
    assert found["what"].endswith("; people of whom a photograph is labelled grade 2 or worse")
    notes = json.loads(Path("evidence/robustness/robustness.json").read_text())["notes"]
    assert any(note.startswith("people were chosen by their labels: ") for note in notes)
    labels = Path("mine/trainLabels.csv")
    labels.write_text(re.sub(",[234],", ",0,", labels.read_text()))
    assert "nobody has a photograph labelled grade 2 or worse" in kerasdr(*asked).error


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--kinds", "fog"], "'fog' is not one of blur, motion"),
        (["--severities", "0,6"], "'0,6' is no list of numbers from 0 to 5"),
        (["--severities", "a"], "'a' is no list of numbers"),
        (["--severities", "0"], "give a severity above 0"),
        (["--phantoms", "5", "--data", "x"], "--phantoms are drawn: leave --data"),
        (["--layout", "aptos"], "--layout says how --data ROOT is laid out"),
        (["--part", "test"], "'test' is not one of 'validation', 'test-opened'"),
    ],
)
def test_wrong_usage(kerasdr: Kerasdr, asked: list[str], words: str) -> None:
    assert words in kerasdr("evidence", "robustness", "model", *asked).usage


def test_no_model_is_one_line(kerasdr: Kerasdr, model: str) -> None:
    assert "no model at" in kerasdr("evidence", "robustness", "nowhere").error
    assert "parts are of runs" in kerasdr("evidence", "robustness", model, "--part", "test-opened").error


def test_the_group_lists_its_commands(kerasdr: Kerasdr) -> None:
    from kerasdr.cli.evidence_robustness import _KINDS
    from kerasdr.imaging.degrade import DEGRADATIONS

    assert "robustness" in kerasdr("evidence", "--help").out and "evidence" in kerasdr("--help").out
    assert _KINDS.split(",") == list(DEGRADATIONS)
    assert kerasdr("evidence", "nothing").code == 2
