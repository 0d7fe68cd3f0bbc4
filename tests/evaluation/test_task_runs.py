import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.task_runs import Group, find_task_runs, read_task_run

MakeRun = Callable[..., Path]

RECORD = json.dumps(
    {"task": "t", "row": "r", "seed": 40, "scale": "full", "phantoms": False, "layout": "deepdrid", "settings": []}
)


def test_a_run_is_read_back(make_run: MakeRun) -> None:
    path = make_run("ensemble", 40, methods=("hard", "soft"), members=("b", "a"), panels=("gradcam.png",))
    run = read_task_run(path)
    assert (run.task, run.row, run.seed, run.finished) == ("task-x", "ensemble", 40, True)
    assert run.group == Group(False, "full", "deepdrid")
    assert run.fingerprint.startswith("0123456789ab")
    assert (run.chosen_method, run.methods, run.members) == ("hard", ("hard", "soft"), ("a", "b"))
    assert run.reason == "hard has the highest score, seed 40"
    assert [panel.name for panel in run.panels()] == ["gradcam.png"]
    assert list(run.history("a")["epoch"]) == list(range(1, 13))
    for method in (None, "hard", "soft"):
        table = pd.read_csv(path / f"predictions_test_{method or 'hard'}.csv")
        said, figure = run.predictions("test", method), run.kappa("test", method)
        assert said is not None and figure is not None
        assert quadratic_kappa(said.grades, said.predicted) == figure.value
        np.testing.assert_array_equal(said.predicted, table["predicted"])
    assert run.kappa("validation") == run.kappa("validation", "hard") != run.kappa("validation", "soft")
    assert run.predictions("validation", "soft") is None  # only the chosen one's are kept
    assert run.has_method("soft") and not run.has_method("stacking")


def test_names_that_look_like_missing_values_stay_names(make_run: MakeRun) -> None:
    run = read_task_run(make_run("first", 40, people=("NA", "007", "null")))
    said = run.predictions("test")
    assert said is not None and set(said.people) == {"NA", "007", "null"}


def test_a_run_without_a_test_part(make_run: MakeRun) -> None:
    run = read_task_run(make_run("aptos", 40, test=False))
    assert run.kappa("test") is None and run.predictions("test") is None and run.kappa("validation") is not None


def test_undefined_ends_are_nan(make_run: MakeRun) -> None:
    path = make_run("first", 40)
    content = json.loads((path / "metrics.json").read_text())
    content["ensemble"]["quadratic_kappa"] |= {"low": None, "high": None}
    (path / "metrics.json").write_text(json.dumps(content))
    figure = read_task_run(path).kappa("validation")
    assert figure is not None and np.isnan(figure.low) and np.isfinite(figure.value)


def test_runs_are_found_in_folders_of_runs_of_a_row_and_as_such(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("second", 41)
    make_run("first", 41, status="running")
    path = make_run("first", 40)
    (tmp_path / "runs" / "demo" / "20260101-090000").mkdir(parents=True)  # an experiment that is of no task
    found = find_task_runs([tmp_path / "runs", tmp_path / "runs" / "task-x.first", path])
    assert [(run.row, run.seed, run.finished) for run in found] == [
        ("first", 40, True),
        ("first", 41, False),
        ("second", 41, True),
    ]
    assert [run.seed for run in find_task_runs([path])] == [40]
    assert [run.seed for run in find_task_runs([path.parent])] == [40, 41]


def test_of_the_same_run_twice_the_first_or_the_tested_one_counts(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40)
    make_run("second", 40, test=False)
    shutil.copytree(tmp_path / "runs", tmp_path / "copy")
    make_run("second", 40, runs="later")
    make_run("first", 40, runs="other", sha256="e" * 64)  # another deal of the same people: a run of its own
    make_run("first", 41, runs="other", status="running")
    make_run("first", 41, runs="more", status="running")
    folders = [tmp_path / name for name in ("copy", "runs", "later", "other", "more")]
    runs = find_task_runs(folders)
    assert [run.counted for run in runs if run.seed == 41] == [False, False]
    found = {run.path.relative_to(tmp_path).parts[:2]: run for run in runs if run.seed == 40}
    first, second = "task-x.first", "task-x.second"
    same = {key: run.same_as.relative_to(tmp_path).parts[0] for key, run in found.items() if run.same_as is not None}
    assert same == {("runs", first): "copy", ("copy", second): "later", ("runs", second): "later"}
    assert {key for key, run in found.items() if run.counted} == {("copy", first), ("later", second), ("other", first)}


def test_of_settings_the_last_word_counts_and_their_order_does_not(make_run: MakeRun) -> None:
    one = read_task_run(make_run("first", 40, settings=["a=1", "b=2", "a=3"]))
    two = read_task_run(make_run("first", 41, settings=["b=2", "a=3"]))
    assert one.group == two.group and one.group.settings == ("a=3", "b=2")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"no folder of runs .*absent: train a task first, or name the folder"):
        find_task_runs([tmp_path / "absent"])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("task.json", "{", "cannot read .*task.json: .*; train that run anew"),
        ("task.json", "[]", "task.json: not a JSON object"),
        ("task.json", '{"task": "task-x"}', "task.json does not say what it is a run of"),
        ("task.json", RECORD.replace("[]", "3"), "does not say"),
        ("task.json", RECORD.replace("40", '"forty"'), "does not say"),
        ("metrics.json", "", "cannot read .*metrics.json"),
        ("data.json", "", "cannot read .*data.json"),
        ("metrics_test.json", "", "cannot read .*metrics_test.json"),
    ],
)
def test_broken_files_are_named(make_run: MakeRun, name: str, text: str, words: str) -> None:
    path = make_run("first", 40)
    (path / name).write_text(text)
    with pytest.raises(KerasdrError, match=words) as caught:
        read_task_run(path)
    assert "\n" not in str(caught.value)


def test_broken_predictions_histories_and_figures_are_named(make_run: MakeRun) -> None:
    path = make_run("first", 40)
    run = read_task_run(path)
    (path / "predictions_test_soft.csv").write_text("image_id,grade\na,1\n")
    with pytest.raises(KerasdrError, match=r"cannot read .*predictions_test_soft\.csv"):
        run.predictions("test", "soft")
    (path / "members" / "net" / "history.csv").write_text("")
    with pytest.raises(KerasdrError, match=r"cannot read .*history\.csv"):
        run.history("net")
    (path / "metrics.json").write_text('{"ensemble": {"quadratic_kappa": {"value": 0.5}}}')
    with pytest.raises(KerasdrError, match="are not those of a run"):
        read_task_run(path).kappa("validation")
