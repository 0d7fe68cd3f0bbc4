"""The plan of a training: what it names, and how its times come about."""

from pathlib import Path
from typing import Any

import pytest

from kerasdr.config import resolve
from kerasdr.reporting import Reporter
from kerasdr.tasks import load_task
from kerasdr.training import plan, timing
from kerasdr.training.plan import Counts, make_plan, task_plan, time_stages
from kerasdr.training.task_rows import plan_task
from kerasdr.training.timing import PHOTOGRAPHS, STEP_IN_FORWARDS, Costs, alike, measure

COSTS = Costs(forward=0.25, steps=(1.0,), weights=(2_000_000,), guessed=False)


class Notes(Reporter):
    """Keeps what is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def member(small: dict[str, Any], **changed: Any) -> Any:
    return resolve({**small, "members": [{"name": "one"}], **changed}).members[0]


def test_time_is_of_steps_and_of_forward_passes(small: dict[str, Any]) -> None:
    ((title, seconds),) = time_stages(COSTS, member(small), Counts(10, 4, 16))
    assert title == "fit: 2 epochs, trains all (2.00 M weights)"
    assert seconds == 2 * (10 * 1.0 + 4 * 0.25)


def test_cached_features_take_one_pass(small: dict[str, Any]) -> None:
    stages = [{"name": "head", "train": "head", "cached_features": True, "epochs": 50}]
    ((title, seconds),) = time_stages(COSTS, member(small, stages=stages), Counts(10, 4, 16))
    assert title.endswith("on cached features") and seconds == 14 * 0.25
    for shared, share in ((True, 0.5), (False, 1.0)):
        dual = {**small["model"], "mode": "dual", "shared_branches": shared}
        ((_, seconds),) = time_stages(COSTS, member(small, stages=stages, model=dual), Counts(10, 4, 16))
        assert seconds == 14 * 0.25 * share


def test_every_stage_is_timed(small: dict[str, Any]) -> None:
    stages = [
        {"name": "head", "train": "head", "cached_features": True, "epochs": 1},
        {"name": "fit", "train": "all", "epochs": 1},
    ]
    costs = measure(member(small, stages=stages))
    assert costs.forward > 0 and costs.steps[0] == 0 and costs.steps[1] > 0 and not costs.guessed
    assert 0 < costs.weights[0] < costs.weights[1]


def test_a_step_too_slow_to_try_is_taken_as_forward_passes(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "BUDGET", 0.0)
    costs = measure(member(small))
    assert costs.guessed and costs.steps == (pytest.approx(STEP_IN_FORWARDS * costs.forward),)


def test_alike_is_what_costs_alike(small: dict[str, Any]) -> None:
    one = member(small)
    assert alike(one) == alike(member(small, seed=9))
    assert alike(one) == alike(member(small, model={**small["model"], "dropout": 0.5}))
    assert alike(one) != alike(member(small, imaging={**small["imaging"], "size": 64}))
    assert alike(one) != alike(member(small, model={**small["model"], "head_units": [8]}))


def test_one_experiments_plan_times_its_members_of_a_kind_once(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[str] = []

    def count(member: Any) -> Costs:
        timed.append(member.name)
        return COSTS

    monkeypatch.setattr(plan, "measure", count)
    small["members"] = [{"name": "one"}, {"name": "again", "seed": 5}, {"name": "pair", "model": {"mode": "dual"}}]
    notes = Notes()
    text = make_plan(resolve(small), tmp_path / "runs", notes)
    assert timed == ["one", "pair"] and notes.lines == ["timing one ...", "timing pair ..."]
    assert f"by a step on {PHOTOGRAPHS} photographs of each kind of network" in text
    assert "too slow to try" not in text


@pytest.mark.parametrize("name", ["task-a", "task-b", "task-c", "task-d", "task-e"])
def test_a_tasks_plan_names_each_table_entry_figure_and_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "measure", lambda one: Costs(0.1, (0.4,) * len(one.stages), (1,) * len(one.stages), True))
    task = load_task(name)
    runs = tmp_path / "runs"
    settings = ["data.phantom={people: 20}", "data.root=null"]
    planned = plan_task(task, runs, settings=settings)
    text = task_plan(task, planned, runs, Reporter())
    for table in task.tables:
        line = next(line for line in text.splitlines() if line.startswith(f"table {table.number} "))
        for entry in table.entries:
            assert f"{entry.label} (row {entry.row})" in line
    for run in planned:
        lines = [line for line in text.splitlines() if line.startswith("run ") and f" {run.row.name}, seed" in line]
        assert any(f"seed {run.seed}:" in line and "about" in line for line in lines)
    assert "figure 4 " in text
    assert " hours of fitting here" in text and "were too slow to try here" in text
    assert not runs.exists()
