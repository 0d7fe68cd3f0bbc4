"""``kerasdr train`` on tasks: folders of several layouts, given weights, plans."""

from pathlib import Path
from typing import Any

import pytest

from kerasdr.data.phantom import write_phantoms
from kerasdr.tasks import load_task
from kerasdr.training.timing import Costs

Kerasdr = Any  # the fixture, which runs the command

TASK = """
task: two
title: Two layouts
seeds: [3]
defaults:
  data: {layout: deepdrid, target: person}
  imaging: {size: 48}
  model: {trunk: tiny, weights: none}
rows:
  - {name: first, set: {data: {layout: aptos, target: eye}}}
  - {name: second, set: {model: {weights: "row:first"}}}
  - {name: third, set: {members: [{name: net, model: {weights: given/tiny.h5}}]}}
"""


@pytest.fixture
def two(kerasdr: Kerasdr, monkeypatch: pytest.MonkeyPatch) -> Kerasdr:
    """The command, in a folder with the task, data sets of its two layouts and its given weights; nothing is timed."""
    monkeypatch.setattr(
        "kerasdr.training.plan.measure", lambda one: Costs(0.1, (0.4,) * len(one.stages), (1,) * len(one.stages), False)
    )
    Path("two.yaml").write_text(TASK)
    Path("one.yaml").write_text("name: one\ndata: {layout: aptos}\nmodel: {trunk: tiny, weights: none}\n")
    for layout in ("aptos", "deepdrid"):
        write_phantoms(Path(f"{layout}=set"), people=12, seed=5, size=128, layout=layout)
    Path("weights").mkdir()
    Path("weights/tiny.h5").touch()
    return kerasdr


def test_a_folder_for_each_layout(two: Kerasdr) -> None:
    data = ("--data", "aptos=aptos=set", "--data", "deepdrid=deepdrid=set")
    ran = two("train", "two.yaml", "--dry-run", "--quiet", *data, "--given", "weights")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line for line in lines if line.startswith(("data", "missing"))] == [
        "data        layout aptos: aptos=set",
        "data        layout deepdrid: deepdrid=set",
    ]
    assert any(
        line.startswith("run         third, seed 3: net: tiny, ") and "weights/tiny.h5;" in line for line in lines
    )
    assert not Path("runs").exists()


def test_folders_that_do_not_fit_are_told(two: Kerasdr) -> None:
    for more in ((), ("--dry-run",)):
        said = two("train", "two.yaml", "--data", "./aptos=set", *more).error
        assert said.endswith("give --data aptos=PATH --data deepdrid=PATH, or rows of one layout with --only")
        data = ("--data", "aptos=absent", "--data", "deepdrid=deepdrid=set")
        said = two("train", "two.yaml", *data, "--given", "weights", *more).error
        assert said == "the data folder absent does not exist: name it with --data"
        assert "--data course=x: two reads" in two("train", "two.yaml", "--data", "course=x", *more).error
        assert "weights absent does not exist" in two("train", "two.yaml", "--given", "absent", *more).error
    assert two("train", "two.yaml", "--only", "first", "--data", "./aptos=set", "--dry-run", "--quiet").code == 0


def test_a_wrong_folder_is_no_plan_without_photographs(two: Kerasdr) -> None:
    assert two("train", "two.yaml", "--dry-run", "--quiet").code == 0
    for data in ("absent", "aptos=absent"):
        ran = two("train", "two.yaml", "--only", "first", "--dry-run", "--data", data)
        assert ran.error == "the data folder absent does not exist: name it with --data"


@pytest.mark.parametrize("command", [("train", "one.yaml", "--dry-run"), ("probe", "one.yaml")])
def test_one_experiment_takes_the_folder_of_its_layout(
    two: Kerasdr, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def note(experiment: Any, *arguments: Any, **options: Any) -> Any:
        read.append(experiment.data.root)
        raise KeyboardInterrupt

    monkeypatch.setattr("kerasdr.training.plan.make_plan", note)
    monkeypatch.setattr("kerasdr.training.probe.run_probe", note)
    for value in ("aptos=aptos=set", "./aptos=set"):
        two(*command, "--data", value)
    assert read == ["aptos=set", "./aptos=set"]
    said = two(*command, "--data", "deepdrid=deepdrid=set").error
    assert said == ("--data deepdrid=deepdrid=set: one.yaml reads photographs in layout aptos; give --data aptos=PATH")
    assert "--data names both a and b" in two(*command, "--data", "a", "--data", "b").error
    assert len(read) == 2


def test_given_weights_are_for_tasks(two: Kerasdr) -> None:
    assert "--only, --scale and --given are for tasks" in two("train", "one.yaml", "--given", "weights").usage
    assert "--resume goes on with" in two("train", "--resume", "runs/a/b", "--given", "weights").usage


def test_a_plan_of_table_4_to_6_with_nothing_at_hand(two: Kerasdr) -> None:
    ran = two("train", "task-b", "--dry-run", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    for table in load_task("task-b").tables:
        for entry in table.entries:
            assert f"{entry.label} (row {entry.row})" in ran.out
    assert "layout aptos: no folder named: counted as 3662 photographs (name it with --data aptos=PATH)" in ran.out
    for trunk in ("densenet121", "resnet34", "resnet18"):
        assert (
            f"missing     row given-{trunk}, member {trunk}: starts from the given weights given/{trunk}.pth" in ran.out
        )
