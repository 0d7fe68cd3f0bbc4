"""The ledger of a run's test part."""

import json
from pathlib import Path
from typing import Any

import pytest

from kerasdr import __version__
from kerasdr.config import resolve
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of_file
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import load_bundle
from kerasdr.training import held_out
from kerasdr.training.experiment import train
from kerasdr.training.held_out import open_test_part
from kerasdr.training.openings import note_opening, read_openings
from kerasdr.training.run_lock import hold


def test_lines_are_added_and_read_in_order(tmp_path: Path) -> None:
    assert read_openings(tmp_path) == ()
    first = note_opening(tmp_path, command="kerasdr evaluate", bundle="b", predictions_sha256="p")
    before = (tmp_path / "openings.jsonl").read_bytes()
    second = note_opening(tmp_path, command="mine", bundle="c", predictions_sha256="q", reason='a "fault"')
    assert read_openings(tmp_path) == (first, second)
    assert (tmp_path / "openings.jsonl").read_bytes().startswith(before)
    assert (first.part, first.kerasdr, first.reason) == ("test", __version__, "")
    assert first.time.endswith("Z") and len(first.time) == len("2026-01-31T09:30:00Z")


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"part": "test", "when": "now"}'])
def test_a_damaged_ledger_is_no_empty_one(tmp_path: Path, line: str) -> None:
    note_opening(tmp_path, command="x", bundle="b", predictions_sha256="p")
    with open(tmp_path / "openings.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(KerasdrError, match=r"line 2 of .*openings.jsonl is damaged"):
        read_openings(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    raw: dict[str, Any] = {
        "name": "small",
        "data": {"root": str(phantom_root), "split": {"train": 0.6, "validation": 0.2, "test": 0.2}},
        "imaging": {"size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head": "linear", "dropout": 0.0},
        "stages": [{"name": "head", "train": "head", "cached_features": True, "epochs": 1}],
        "members": [{"name": "only"}],
        "bundle": {"engines": []},
    }
    return train(resolve(raw), tmp_path_factory.mktemp("work") / "runs", Reporter()).run


def test_two_processes_do_not_both_open_it_for_the_first_time(finished: Path) -> None:
    with hold(finished), pytest.raises(KerasdrError, match="another process trains or judges"):
        open_test_part(finished, Reporter())
    assert read_openings(finished) == () and not (finished / "metrics_test.json").exists()


def read_openings_of(ledger: bytes) -> list[str]:
    return [json.loads(line)["time"] for line in ledger.splitlines()]


@pytest.mark.slow
def test_an_opening_is_in_the_ledger_whatever_becomes_of_the_answer(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished
    with pytest.raises(KerasdrError, match="was not opened yet: leave out --reopen"):
        open_test_part(run, Reporter(), reopen="to see")
    assert read_openings(run) == ()

    # The machine stops between the ledger and the answer.
    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(held_out, "write_text_atomically", stop)
        open_test_part(run, Reporter(), command="kerasdr evaluate")
    (first,) = read_openings(run)
    assert first.command == "kerasdr evaluate" and first.reason == ""
    assert first.bundle == load_bundle(run / "bundle").digest
    assert first.predictions_sha256 == sha256_of_file(run / "predictions_test.csv")
    with pytest.raises(KerasdrError, match=f"was opened at {first.time} and the answer is gone: .* --reopen REASON"):
        open_test_part(run, Reporter())
    with pytest.raises(KerasdrError, match="--reopen needs a reason"):
        open_test_part(run, Reporter(), reopen=" ")
    assert len(read_openings(run)) == 1

    answer = open_test_part(run, Reporter(), command="kerasdr evaluate", reopen="the machine\nstopped")
    assert answer.opened == f"opened again now; it was opened at {first.time} before"
    assert [one.reason for one in read_openings(run)] == ["", "the machine stopped"]
    # What is shown again is no opening.
    ledger = (run / "openings.jsonl").read_bytes()
    kept = open_test_part(run, Reporter())
    assert kept.metrics == answer.metrics and "2 times in all" in kept.opened
    assert (run / "openings.jsonl").read_bytes() == ledger
    answered = (run / "metrics_test.json").read_text()

    # An early version kept the answer and no ledger: it was opened all the same.
    (run / "openings.jsonl").unlink()
    assert open_test_part(run, Reporter()).opened == f"opened at {read_openings_of(ledger)[1]}"
    early = open_test_part(run, Reporter(), reopen="a fault")
    assert "an earlier version kept no ledger" in early.opened and read_openings(run)[0].reason == "a fault"
    (run / "openings.jsonl").write_bytes(ledger)
    (run / "metrics_test.json").write_text(answered)

    # Removing the answer does not close the test part, and other predictions do not go unseen.
    text = (run / "metrics_test.json").read_text()
    assert json.loads(text)["opened"] == read_openings(run)[1].time
    (run / "metrics_test.json").unlink()
    with pytest.raises(KerasdrError, match="the answer is gone"):
        open_test_part(run, Reporter())
    (run / "metrics_test.json").write_text(text)
    with open(run / "predictions_test.csv", "a") as file:
        file.write("\n")
    assert "predictions_test.csv is not what it was then" in open_test_part(run, Reporter()).opened
