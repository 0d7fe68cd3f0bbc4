"""What stops a training or a task before its first fit, and what a plan only lists."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr.config import resolve
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.roots import parse_roots
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task, load_task
from kerasdr.training import plan
from kerasdr.training.experiment import train
from kerasdr.training.plan import make_plan, task_plan
from kerasdr.training.task_rows import plan_task
from kerasdr.training.task_runs import run_task
from kerasdr.training.timing import Costs

WRONG = [
    {"name": "head", "train": "head", "epochs": 1},
    {"name": "fine", "train": "after:block9", "epochs": 1},
]


@pytest.fixture(autouse=True)
def _nothing_is_fitted_or_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*arguments: Any) -> None:
        raise AssertionError("a fit was begun")

    monkeypatch.setattr("kerasdr.training.members.fit_member", fit)
    monkeypatch.setattr(
        plan, "measure", lambda one: Costs(0.1, (0.4,) * len(one.stages), (1,) * len(one.stages), False)
    )


@pytest.fixture(params=[train, make_plan], ids=["train", "dry-run"])
def begin(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    """Trains an experiment, or plans it; nothing must have been written when it is refused."""

    def begin(raw: dict[str, Any]) -> Any:
        try:
            return request.param(resolve(raw), tmp_path / "runs", Reporter())
        finally:
            assert not list(tmp_path.iterdir())

    return begin


def test_a_later_stage_of_a_later_member_is_checked_before_the_first_fit(begin: Any, small: dict[str, Any]) -> None:
    small["members"][1]["stages"] = WRONG
    with pytest.raises(
        KerasdrError, match=r"^member single, stage fine: .*'after:block9' names no block of the trunk"
    ) as caught:
        begin(small)
    assert "\n" not in str(caught.value)


def test_a_dual_members_stages_are_checked_as_well(begin: Any, small: dict[str, Any]) -> None:
    small["members"][0] |= {"stages": WRONG, "model": {"mode": "dual", "shared_branches": False}}
    with pytest.raises(KerasdrError, match=r"^member dual, stage fine: .*its blocks are block1, "):
        begin(small)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ({"weights": "absent.pth"}, r"^member single: model\.weights=absent\.pth: no such file; give a weights file"),
        ({"weights": "imagenet"}, r"^member single: there are no ImageNet weights for trunk tiny"),
        (
            {"attention": "cbam", "attention_at": "nowhere"},
            r"model\.attention_at='nowhere' names no layer of trunk tiny",
        ),
        ({"trunk_end": "nowhere"}, r"model\.trunk_end='nowhere' names no layer of trunk tiny"),
        ({"trunk": "tinny"}, r"no trunk is called 'tinny' \(did you mean tiny\?\)"),
    ],
)
def test_a_later_members_network_and_weights_are_checked(
    begin: Any, small: dict[str, Any], model: dict[str, Any], match: str
) -> None:
    small["members"][1]["model"] = model
    with pytest.raises(KerasdrError, match=match):
        begin(small)


def test_a_member_that_has_begun_needs_its_initial_weights_no_more(tmp_path: Path, small: dict[str, Any]) -> None:
    from kerasdr.training.checks import check_experiment

    small["members"][1]["model"] = {"weights": "absent.pth"}
    with pytest.raises(KerasdrError, match="no such file"):
        check_experiment(resolve(small), tmp_path)
    (tmp_path / "members" / "single").mkdir(parents=True)
    (tmp_path / "members" / "single" / "checkpoint.npz").touch()
    check_experiment(resolve(small), tmp_path)


TASK: dict[str, Any] = {
    "task": "three",
    "title": "three rows",
    "seeds": [3],
    "defaults": {
        "data": {"layout": "deepdrid", "target": "person", "phantom": {"people": 12, "seed": 4, "size": 128}},
        "imaging": {"size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [8]},
        "stages": [{"name": "fit", "epochs": 1}],
        "ensemble": {"methods": ["soft"]},
    },
    "rows": [{"name": "first"}, {"name": "second", "set": {"model": {"weights": "row:first"}}}],
}


def three(tmp_path: Path, **third: Any) -> Task:
    """The task with a third row."""
    path = tmp_path / "three.yaml"
    path.write_text(yaml.safe_dump({**TASK, "rows": [*TASK["rows"], {"name": "third", "set": third}]}))
    return load_task(str(path))


def refused(task: Task, tmp_path: Path, **arguments: Any) -> str:
    """Return why a task is refused before anything is written."""
    with pytest.raises(KerasdrError) as caught:
        run_task(task, tmp_path / "runs", Reporter(), **arguments)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()
    return str(caught.value)


def planned(task: Task, tmp_path: Path, **arguments: Any) -> list[str]:
    """Return the lines of a task's plan."""
    runs = tmp_path / "runs"
    return task_plan(task, plan_task(task, runs, **arguments), runs, Reporter()).splitlines()


def test_weights_of_all_rows_are_looked_for_before_the_first_is_trained(tmp_path: Path) -> None:
    task = three(tmp_path, model={"weights": "given/tiny.pth"})
    said = (
        "row third, member tiny: starts from the given weights given/tiny.pth, which are not there: put them there, or"
    )
    assert refused(task, tmp_path).startswith(said)
    missing = [line for line in planned(task, tmp_path) if line.startswith("missing")]
    assert missing == [f"missing     {said} say where with --given"]
    # It is the file that is missing, not its folder's name.
    (tmp_path / "there").mkdir()
    assert f"given weights {tmp_path}/there/tiny.pth, which" in refused(task, tmp_path, given=tmp_path / "there")


def test_weights_that_an_earlier_row_of_the_command_makes_are_not_missed(tmp_path: Path) -> None:
    task = three(tmp_path)
    assert not any(line.startswith("missing") for line in planned(task, tmp_path))
    with pytest.raises(AssertionError, match="a fit was begun"):
        run_task(task, tmp_path / "runs", Reporter())
    lines = planned(task, tmp_path, only=["second", "first"])
    assert any(
        "row first of three, which is not trained yet: run `kerasdr train three --only first`" in x for x in lines
    )


def test_several_that_are_missing_are_counted(tmp_path: Path) -> None:
    task = three(tmp_path, members=[{"name": name, "model": {"weights": f"{name}.pth"}} for name in "ab"])
    said = refused(task, tmp_path)
    assert said.startswith("row third, member a: model.weights=a.pth: no such file")
    assert said.endswith(" (and 1 more: --dry-run lists them)")
    assert sum(line.startswith("missing") for line in planned(task, tmp_path)) == 2


def test_stages_of_all_rows_are_checked_before_the_first_is_trained(tmp_path: Path) -> None:
    task = three(tmp_path, stages=WRONG)
    said = refused(task, tmp_path)
    assert said.startswith("row third: member tiny, stage fine: stage key train='after:block9' names no block")
    with pytest.raises(KerasdrError) as caught:
        planned(task, tmp_path)
    assert str(caught.value) == said


def test_a_folder_that_is_named_and_wrong_is_no_folder_that_is_not_named(tmp_path: Path) -> None:
    task = three(tmp_path, data={"layout": "aptos", "phantom": None})
    lines = planned(task, tmp_path)
    assert "data        layout deepdrid: phantoms of 12 people" in lines
    assert (
        "data        layout aptos: no folder named: counted as 3662 photographs (name it with --data aptos=PATH)"
        in lines
    )
    said = refused(task, tmp_path)
    assert said == "row third needs photographs in layout aptos: name their folder with --data aptos=PATH"
    (tmp_path / "empty").mkdir()
    for path, why in (
        ("absent", "does not exist: name it with --data"),
        ("empty", "is not of layout aptos: looked for"),
    ):
        roots = parse_roots([f"aptos={tmp_path / path}"])
        said = refused(task, tmp_path, roots=roots)
        assert f"{tmp_path / path} {why}" in said
        with pytest.raises(KerasdrError) as caught:
            planned(task, tmp_path, roots=roots)
        assert str(caught.value) == said


def test_each_layouts_photographs_are_counted_in_its_folder(tmp_path: Path) -> None:
    task = three(tmp_path, data={"layout": "aptos", "phantom": None})
    for layout, people in (("aptos", 9), ("deepdrid", 12)):
        write_phantoms(tmp_path / layout, people=people, seed=5, size=128, layout=layout)
    roots = parse_roots([f"{layout}={tmp_path / layout}" for layout in ("aptos", "deepdrid")])
    lines = planned(task, tmp_path, roots=roots)
    assert [line for line in lines if line.startswith("data ")] == [
        f"data        layout {layout}: {tmp_path / layout}" for layout in ("deepdrid", "aptos")
    ]
    with pytest.raises(KerasdrError, match="three reads photographs in layout deepdrid and aptos, and --data"):
        planned(task, tmp_path, roots=parse_roots([str(tmp_path / "aptos")]))
