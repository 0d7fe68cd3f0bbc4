"""Tasks of the report: what the shipped files name, and what wrong files are told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr.config import shipped_names
from kerasdr.errors import KerasdrError
from kerasdr.tasks import load_task, merge, row_experiment, task_names

SMALL: dict[str, Any] = {
    "task": "mine",
    "title": "a task",
    "seeds": [1, 2],
    "mini_seeds": [1],
    "defaults": {"model": {"trunk": "tiny", "weights": "none", "dropout": 0.5}, "imaging": {"size": 64}},
    "mini": {"imaging": {"size": 32}},
    "rows": [
        {"name": "a", "set": {"model": {"dropout": 0.1}}},
        {"name": "b", "set": {"model": {"weights": "row:a"}}, "mini": {"imaging": {"size": 48}}, "seeds": [7]},
    ],
    "tables": [
        {
            "number": "1",
            "title": "t",
            "columns": ["best_test"],
            "entries": [{"label": "A", "row": "a", "published": {"best_test": 0.5}}],
        }
    ],
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: dict[str, Any]) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


def test_the_tasks_are_shipped_and_every_row_resolves_at_both_scales() -> None:
    assert task_names() == ("task-a", "task-b", "task-c", "task-d", "task-e", "task-eyepacs")
    assert set(task_names()) < set(shipped_names())
    for name in task_names():
        task = load_task(name)
        for row in task.rows:
            for scale in ("full", "mini"):
                for seed in task.seeds_of(row, scale):  # type: ignore[arg-type]
                    assert row_experiment(task, row, seed, scale).name == f"{name}.{row.name}"  # type: ignore[arg-type]


def test_the_reports_settings_are_in_the_files_word_for_word() -> None:
    for name, row_name, batch, dropout in (
        ("task-a", "single-resnet18", 24, 0.5),
        ("task-b", "aptos-densenet121", 64, 0.5),
        ("task-b", "aptos-deepdrid-densenet121", 24, 0.4),
        ("task-d", "ensemble", 24, 0.5),
    ):
        task = load_task(name)
        member = row_experiment(task, task.row(row_name), 40).members[0]
        (stage,) = member.stages
        assert (member.imaging.size, member.training.batch_size, member.model.dropout) == (256, batch, dropout)
        assert (stage.epochs, stage.learning_rate, stage.weight_decay, stage.schedule) == (20, 1e-4, 1e-3, "step")
    task = load_task("task-d")
    assert task.seeds_of(task.row("ensemble")) == (40,)
    preprocessing = [row for row in task.rows if row.name.startswith("preprocessing")]
    recipes = [row_experiment(task, row, 29).members[0].imaging.recipe for row in preprocessing]
    assert recipes == ["none", "clahe-crop", "clahe-crop-graham", "clahe-crop-blur"]
    for row in preprocessing:
        (member,) = row_experiment(task, row, 29).members
        assert task.seeds_of(row) == (29,) and member.seed == 29
        assert (member.model.trunk, member.model.mode, member.augment.color_jitter) == ("resnet18", "dual", "none")


def test_every_row_of_the_reports_tables_is_there() -> None:
    labels = {
        table.number: [e.label for e in table.entries] for name in task_names() for table in load_task(name).tables
    }
    assert set(labels) == {"2", "3", "4", "5", "6", "7", "8", "9", "10", "eyepacs"}
    assert labels["2"] == labels["3"] == ["ResNet18", "ResNet34", "DenseNet121"]
    assert labels["8"] == ["Soft Voting", "Hard Voting", "Stacking", "Weighted Avg"]
    assert len(labels["7"]) == len(labels["10"]) == 4


def test_scales_and_seeds(write: Any) -> None:
    task = load_task(write(SMALL))
    a, b = task.rows
    assert (task.seeds_of(a), task.seeds_of(a, "mini"), task.seeds_of(b, "mini")) == ((1, 2), (1,), (7,))
    sizes = [
        row_experiment(task, row, 1, scale).members[0].imaging.size for row in (a, b) for scale in ("full", "mini")
    ]
    assert sizes == [64, 32, 64, 48]
    first = row_experiment(task, a, 2, settings=["training.batch_size=3"])
    assert (first.seed, first.members[0].model.dropout, first.members[0].training.batch_size) == (2, 0.1, 3)


def test_merge_goes_into_mappings_and_replaces_the_rest() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2]}
    assert merge(base, {"a": {"y": 3}, "b": [9], "c": 4}) == {"a": {"x": 1, "y": 3}, "b": [9], "c": 4}
    assert base == {"a": {"x": 1, "y": 2}, "b": [1, 2]}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"rows": [{"name": "a"}, {"name": "a"}]}, "each row needs a name of its own"),
        ({"candidates": ["z"]}, "candidates names row 'z', which is not there"),
        ({"seeds": []}, "seeds: .*at least 1 item"),
        ({"colour": 1}, "colour: Extra inputs"),
        ({"tables": [{**SMALL["tables"][0], "entries": [{"label": "Z", "row": "z"}]}]}, "table 1 names row 'z'"),
        ({"tables": [{**SMALL["tables"][0], "columns": ["worst"]}]}, r"tables\.0\.columns\.0: Input should be"),
    ],
)
def test_wrong_files_are_said_in_one_line(write: Any, change: dict[str, Any], match: str) -> None:
    with pytest.raises(KerasdrError, match=match) as caught:
        load_task(write({**SMALL, **change}))
    assert "\n" not in str(caught.value)


def test_an_unknown_row_is_suggested() -> None:
    with pytest.raises(
        KerasdrError, match=r"task-d has no row 'bagingg' \(did you mean bagging\?\); its rows are ensemble, "
    ):
        load_task("task-d").row("bagingg")
