"""What a task's rows come to: which folder each reads, which settings have a place in it, where its weights lie."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr.data.roots import DataRoots, parse_roots
from kerasdr.errors import KerasdrError
from kerasdr.tasks import Task, load_task
from kerasdr.training.task_rows import TaskRun, plan_task

Plan = Callable[..., list[TaskRun]]

CONTENT: dict[str, Any] = {
    "task": "two",
    "title": "two layouts, rows of several members and of one",
    "seeds": [3],
    "defaults": {"data": {"layout": "deepdrid"}, "model": {"trunk": "tiny", "weights": "none"}},
    "rows": [
        {"name": "first", "set": {"data": {"layout": "aptos"}}},
        {"name": "second", "set": {"model": {"weights": "row:first"}}},
        {
            "name": "several",
            "set": {
                "members": [
                    {"name": "a", "model": {"weights": "given/tiny.pth"}},
                    {"name": "b", "model": {"weights": "given/more/tiny.h5"}},
                ]
            },
        },
        {"name": "named", "set": {"members": [{"name": "c"}]}},
    ],
}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(CONTENT))
    return load_task(str(path))


@pytest.fixture
def plan(task: Task, tmp_path: Path) -> Plan:
    return lambda **arguments: plan_task(task, tmp_path / "runs", **arguments)


def roots(planned: list[TaskRun]) -> dict[str, str | None]:
    return {run.row.name: run.experiment.data.root for run in planned}


def weights(planned: list[TaskRun]) -> dict[str, str]:
    return {
        f"{run.row.name}.{member.name}": member.model.weights for run in planned for member in run.experiment.members
    }


def test_rows_read_the_folder_of_their_layout(plan: Plan) -> None:
    found = roots(plan(roots=parse_roots(["aptos=/a=b", "deepdrid=/d"])))
    assert found == {"first": "/a=b", "second": "/d", "several": "/d", "named": "/d"}
    assert set(roots(plan()).values()) == {None}


def test_one_folder_is_enough_for_rows_of_one_layout(plan: Plan) -> None:
    assert roots(plan(roots=DataRoots("/d"), only=["named", "second"])) == {"named": "/d", "second": "/d"}
    assert roots(plan(roots=parse_roots(["aptos=/a", "deepdrid=/d"]), only=["named"])) == {"named": "/d"}
    with pytest.raises(
        KerasdrError, match=r"^two reads photographs in layout aptos and deepdrid, and --data /d is one"
    ):
        plan(roots=DataRoots("/d"))
    with pytest.raises(
        KerasdrError, match=r"--data eyepacs=/e: two reads .* aptos and deepdrid; give --data aptos=PATH "
    ):
        plan(roots=parse_roots(["eyepacs=/e"]))


def test_a_members_setting_is_for_the_rows_that_have_the_member(plan: Plan) -> None:
    setting = "members.a.model.dropout=0.25"
    planned = {run.row.name: run for run in plan(settings=["training.batch_size=5", setting])}
    assert {name: run.settings for name, run in planned.items()} == {
        "first": ("training.batch_size=5",),
        "second": ("training.batch_size=5",),
        "several": ("training.batch_size=5", setting),
        "named": ("training.batch_size=5",),
    }
    assert {name: run.passed_over for name, run in planned.items()} == {
        "first": (setting,),
        "second": (setting,),
        "several": (),
        "named": (setting,),
    }
    assert [member.model.dropout for member in planned["several"].experiment.members] == [0.25, 0.5]
    assert {run.experiment.members[0].training.batch_size for run in planned.values()} == {5}


def test_a_setting_that_no_row_has_a_place_for_is_refused(plan: Plan) -> None:
    with pytest.raises(KerasdrError, match=r"there is no 'x' in that list; it has c, 0$"):
        plan(only=["named"], settings=["members.x.model.dropout=0.1"])
    with pytest.raises(KerasdrError, match=r"no 'x', as no members are listed.*\(row first; nor has any other row\)$"):
        plan(settings=["members.x.model.dropout=0.1"])


def test_a_default_that_all_members_override_is_not_passed_over_in_silence(plan: Plan) -> None:
    setting = "model.weights=none"
    planned = {run.row.name: run for run in plan(settings=[setting], only=["several", "named"])}
    assert planned["several"].passed_over == planned["named"].settings == (setting,)
    with pytest.raises(
        KerasdrError, match=r"every member sets that itself: name one, as members\.a\.model\.weights=VALUE"
    ):
        plan(settings=[setting], only=["several"])


def test_given_weights_lie_in_one_folder_for_all_rows(plan: Plan, tmp_path: Path) -> None:
    first = str((tmp_path / "runs/two.first/seed-3/members/tiny/weights.npz").resolve())
    others = {"first.tiny": "none", "second.tiny": first, "named.c": "none"}
    assert weights(plan()) == {**others, "several.a": "given/tiny.pth", "several.b": "given/more/tiny.h5"}
    there = tmp_path / "there"
    with pytest.raises(KerasdrError, match=r"folder of given weights .*there does not exist: name it with --given"):
        plan(given=there)
    there.mkdir()
    found = weights(plan(given=there))
    assert found == {**others, "several.a": f"{there}/tiny.pth", "several.b": f"{there}/more/tiny.h5"}


def test_given_weights_of_a_task_that_asks_for_none(tmp_path: Path) -> None:
    with pytest.raises(
        KerasdrError, match="no row of task-a starts from given weights at scale full: leave --given out"
    ):
        plan_task(load_task("task-a"), tmp_path / "runs", given=tmp_path)


def test_table_6_and_task_d_look_in_the_folder_that_is_named(tmp_path: Path) -> None:
    for name, rows in (
        ("task-b", ["given-densenet121", "given-resnet34", "given-resnet18"]),
        ("task-d", ["ensemble", "bagging", "boosting"]),
    ):
        for run in plan_task(load_task(name), tmp_path / "runs", only=rows, given=tmp_path):
            for member in run.experiment.members:
                assert member.model.weights == f"{tmp_path}/{member.model.trunk}.pth"


def test_weights_of_a_row_whose_member_a_setting_calls_otherwise(plan: Plan, tmp_path: Path) -> None:
    found = weights(plan(only=["second"], settings=["members=[{name: other}]"]))
    assert found == {"second.other": str((tmp_path / "runs/two.first/seed-3/members/other/weights.npz").resolve())}
