"""The test part's kept answer and its ledger, without a network."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasdr.ensembles.spec import equal_spec
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of_file
from kerasdr.reporting import Reporter
from kerasdr.training import held_out
from kerasdr.training.held_out import open_test_part
from kerasdr.training.openings import read_openings
from kerasdr.training.samples import Samples


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A run of one member that grades three people of the test part, its answer given here."""
    table = pd.DataFrame(
        {"image_id": list("abc"), "patient_id": list("abc"), "eye": "", "grade": [0, 2, 4], "split": "test"}
    )
    people = table["patient_id"].to_numpy(dtype=str)
    samples = Samples(np.arange(3), np.full(3, -1), table["grade"].to_numpy(), people)
    members = np.eye(5)[[[0, 2, 3]]]
    bundle = SimpleNamespace(ensemble=equal_spec("soft", 1), combined=lambda p: p[0], calibration=None, digest="d" * 64)
    experiment = SimpleNamespace(seed=0, data=SimpleNamespace(target="grade"))
    opened = SimpleNamespace(experiment=experiment, bundle=bundle, data=SimpleNamespace(table=table))
    monkeypatch.setattr(held_out, "open_run", lambda run, reporter: opened)
    monkeypatch.setattr(held_out, "ask_members", lambda opened, table, reporter: (samples, members))
    monkeypatch.setattr(held_out, "grades_asked_for", lambda table, target: table["grade"])
    (tmp_path / "metrics.json").write_text('{"choice": {}}')
    return tmp_path


def test_the_ledger_is_written_before_the_answer_is(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(held_out, "write_bytes_atomically", stop)
        with pytest.raises(KeyboardInterrupt):
            open_test_part(asked, Reporter())
    assert len(read_openings(asked)) == 1 and not (asked / "predictions_test.csv").exists()
    with pytest.raises(KerasdrError, match="the answer is gone: restore"):
        open_test_part(asked, Reporter())

    again = open_test_part(asked, Reporter(), reopen="it was stopped")
    assert again.opened.startswith("opened again now; it was opened at 2")
    assert read_openings(asked)[-1].predictions_sha256 == sha256_of_file(asked / "predictions_test.csv")
    assert again.metrics["accuracy"].value == pytest.approx(2 / 3)


def test_an_opening_of_before_the_ledger_is_not_forgotten(asked: Path) -> None:
    open_test_part(asked, Reporter())
    (asked / "openings.jsonl").unlink()
    again = open_test_part(asked, Reporter(), reopen="new graphs")
    assert again.opened == "opened again now; it was opened at a time that an earlier version kept no ledger of before"


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"opened": "now", "bundle": "d", "ensemble": 3}'])
def test_a_damaged_answer_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics_test.json").write_text(text)
    with pytest.raises(
        KerasdrError, match=r"metrics_test.json cannot be read or is damaged: restore it .* --reopen REASON"
    ):
        open_test_part(tmp_path, Reporter())
