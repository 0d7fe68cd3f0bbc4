"""Runs whose validation kappa is undefined are listed as such, and chosen last."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kerasdr.cli.runs import runs_command
from kerasdr.reporting import Reporter
from kerasdr.tasks import load_task
from kerasdr.training import task_runs
from kerasdr.training.task_runs import run_folder


def _finished(run: Path, kappa: float | None) -> None:
    run.mkdir(parents=True)
    figure = {"value": kappa, "low": None, "high": None}
    (run / "status.json").write_text('{"status": "finished"}')
    (run / "metrics.json").write_text(json.dumps({"ensemble": {"quadratic_kappa": figure}}))


def test_an_undefined_kappa_is_listed(tmp_path: Path) -> None:
    _finished(tmp_path / "one" / "a", None)
    _finished(tmp_path / "one" / "b", 0.5)
    ran = CliRunner().invoke(runs_command, ["--runs", str(tmp_path)])
    assert ran.exit_code == 0
    first, second = ran.output.splitlines()
    assert "validation kappa undefined" in first and "validation kappa 0.500" in second


def test_an_undefined_kappa_is_below_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task("task-a")
    rows = [row for row in task.rows if row.name in (task.candidates or tuple(row.name for row in task.rows))]
    runs = [
        run_folder(tmp_path, task.task, row.name, seed, "mini") for row in rows for seed in task.seeds_of(row, "mini")
    ]
    assert len(runs) > 1
    for number, run in enumerate(runs):
        _finished(run, None if number == 0 else -0.25)
    chosen: list[Path] = []
    monkeypatch.setattr(task_runs, "choose_run", lambda run, _: chosen.append(run))
    monkeypatch.setattr(task_runs, "is_finished", lambda run: run.is_dir())
    task_runs._choose(task, tmp_path, "mini", Reporter())
    assert chosen == [runs[1]]
    said = (tmp_path / "chosen-reason.txt").read_text()
    assert f"{runs[0].parent.name}/{runs[0].name} undefined" in said and "inf" not in said
