"""A small task from phantoms to chosen run: what is trained, passed over, refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from kerasdr.config import load
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.roots import DataRoots, parse_roots
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.report_folder import write_report
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task, load_task
from kerasdr.training.run_folder import chosen_run, get_status
from kerasdr.training.task_rows import plan_task
from kerasdr.training.task_runs import run_task

pytestmark = pytest.mark.slow

CONTENT: dict[str, Any] = {
    "task": "small",
    "title": "two rows, the second from the weights of the first",
    "seeds": [3],
    "defaults": {
        "data": {"layout": "deepdrid", "target": "person", "phantom": {"people": 12, "seed": 4, "size": 128}},
        "imaging": {"recipe": "clahe-crop", "size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [8], "dropout": 0.1},
        "training": {"batch_size": 12},
        "stages": [{"name": "fit", "epochs": 1, "learning_rate": 1e-3}],
    },
    "mini": {},
    "rows": [
        {"name": "first"},
        {
            "name": "second",
            "set": {
                "model": {"weights": "row:first"},
                "stages": [{"name": "head", "train": "head", "epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0}],
                "members": [{"name": "x"}, {"name": "y", "model": {"mode": "dual", "pairing": "same-eye"}}],
                "ensemble": {"methods": ["soft", "hard"]},
            },
        },
    ],
}

HEADS = (("first", "tiny"), ("second", "x"), ("second", "y"))
"""Members by row: one that trains a head, one that goes on with it, and one that cannot."""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("task") / "small.yaml"
    path.write_text(yaml.safe_dump(CONTENT))
    return load_task(str(path))


@pytest.fixture(scope="module")
def runs(task: Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("work") / "runs"
    run_task(task, runs, Reporter())
    return runs


def test_each_row_has_its_folder_with_the_test_part_opened(runs: Path) -> None:
    for row in ("first", "second"):
        folder = runs / f"small.{row}" / "seed-3"
        assert get_status(folder) == "finished"
        noted = json.loads((folder / "task.json").read_text())
        assert noted == {
            "task": "small",
            "row": row,
            "seed": 3,
            "scale": "full",
            "phantoms": True,
            "layout": "deepdrid",
            "settings": [],
        }
        tested = json.loads((folder / "metrics_test.json").read_text())
        assert tested["ensemble"]["quadratic_kappa"]["n_people"] > 0


def test_every_method_is_tested_and_the_chosen_one_is_the_bundles(runs: Path) -> None:
    folder = runs / "small.second" / "seed-3"
    tested = json.loads((folder / "metrics_test.json").read_text())
    assert set(tested["methods"]) == {"soft", "hard"}
    chosen = json.loads((folder / "metrics.json").read_text())["choice"]["method"]["method"]
    by_job = pd.read_csv(folder / "predictions_test.csv")
    by_method = pd.read_csv(folder / f"predictions_test_{chosen}.csv")
    assert by_job["image_id"].tolist() == by_method["image_id"].tolist()
    raw, said = ([f"{name}_{grade}" for grade in range(5)] for name in ("prob_raw", "prob"))
    np.testing.assert_allclose(by_job[raw], by_method[said], atol=2e-5)


def test_second_row_starts_from_the_weights_of_the_first(runs: Path) -> None:
    # The trunk was frozen, so what the second row ended with is what it started from.
    with (
        np.load(runs / "small.first/seed-3/members/tiny/weights.npz") as first,
        np.load(runs / "small.second/seed-3/members/x/weights.npz") as second,
    ):
        of_first = {key.split(":")[1]: first[key] for key in first.files}
        of_second = {key.split(":")[1]: second[key] for key in second.files}
    assert np.array_equal(of_first["block3_conv/kernel"], of_second["block3_conv/kernel"])
    assert np.array_equal(of_first["block3_bn/moving_mean"], of_second["block3_bn/moving_mean"])


def test_second_row_goes_on_with_the_head_of_the_first_where_it_fits(runs: Path) -> None:
    def logits(member: str) -> np.ndarray:
        with np.load(runs / member / "weights.npz") as arrays:
            (key,) = (key for key in arrays.files if key.endswith(":logits/kernel"))
            return arrays[key]

    file = (runs / "small.first/seed-3/members/tiny/weights.npz").resolve()
    first, kept, anew = (logits(f"small.{row}/seed-3/members/{name}") for row, name in HEADS)
    # At a learning rate of 1e-9 a head ends as it began.
    assert np.abs(kept - first).max() < 1e-6 and np.abs(anew - first).max() > 0.1
    log = (runs / "small.second/seed-3/train.log").read_text()
    assert f"x  head: kept from {file}\n" in log
    assert f"y  head: made anew, since in {file} hidden_1/kernel has shape (128, 8) and here (256, 8)\n" in log
    assert "head:" not in (runs / "small.first/seed-3/train.log").read_text()


def test_chosen_is_the_run_of_the_highest_validation_kappa_with_its_reason(runs: Path) -> None:
    kappas = {
        name: json.loads((runs / f"small.{name}/seed-3/metrics.json").read_text())["ensemble"]["quadratic_kappa"][
            "value"
        ]
        for name in ("first", "second")
    }
    best = max(kappas, key=lambda name: kappas[name])
    assert chosen_run(runs) == (runs / f"small.{best}" / "seed-3").resolve()
    assert (
        (runs / "chosen-reason.txt")
        .read_text()
        .startswith(f"small.{best}/seed-3 has the highest validation kappa among")
    )


def test_finished_rows_are_passed_over(task: Task, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("kerasdr.training.continued.train", never)
    assert all(run.finished for run in run_task(task, runs, Reporter()))


def test_another_configuration_in_the_same_place_is_refused(task: Task, runs: Path) -> None:
    with pytest.raises(KerasdrError, match="was trained with another configuration: remove it, or name another place"):
        run_task(task, runs, Reporter(), only=["first"], settings=["training.batch_size=5"])


def test_row_whose_weights_are_not_there_says_what_comes_first(task: Task, tmp_path: Path) -> None:
    with pytest.raises(
        KerasdrError, match="row first of small, which is not trained yet: run `kerasdr train small --only first`"
    ):
        run_task(task, tmp_path / "runs", Reporter(), only=["second"])


def test_folder_that_was_made_and_never_begun_is_no_obstacle(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = plan_task(task, tmp_path / "runs", only=["first"])
    (run.folder / "members").mkdir(parents=True)
    trained = []

    def train(
        experiment: Any, runs: Path, reporter: Any, resume: Any, *, folder: Path, point: bool, files: Any
    ) -> None:
        assert not folder.exists() and resume is None and not point
        trained.append(folder)
        raise KerasdrError("enough")

    monkeypatch.setattr("kerasdr.training.continued.train", train)
    with pytest.raises(KerasdrError, match="enough"):
        run_task(task, tmp_path / "runs", Reporter(), only=["first"])
    assert trained == [run.folder]


def test_scale_mini_has_a_folder_of_its_own(task: Task, tmp_path: Path) -> None:
    (run,) = plan_task(task, tmp_path / "runs", scale="mini", only=["first"])
    assert run.folder == tmp_path / "runs" / "small.first-mini" / "seed-3"


def test_row_starts_from_weights_of_its_own_seed_only(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    rows = [CONTENT["rows"][0] | {"seeds": [8]}, CONTENT["rows"][1]]
    path.write_text(yaml.safe_dump({**CONTENT, "rows": rows}))
    with pytest.raises(KerasdrError, match=r"row first of small is not trained with seed 3.*give both the same seeds"):
        plan_task(load_task(str(path)), tmp_path / "runs", only=["second"])


def test_one_row_again_does_not_take_the_pointer_from_a_better_one(task: Task, runs: Path) -> None:
    before = chosen_run(runs)
    for row in ("first", "second"):
        run_task(task, runs, Reporter(), only=[row])
        assert chosen_run(runs) == before


def test_row_without_a_test_part_is_finished_all_the_same(task: Task, tmp_path: Path) -> None:
    settings = [
        "data.layout=aptos",
        "data.target=eye",
        "data.phantom.people=40",
        "data.split={train: 0.7, validation: 0.3, test: 0}",
    ]
    (run,) = run_task(task, tmp_path / "runs", Reporter(), only=["first"], settings=settings)
    assert run.finished
    assert not (run.folder / "metrics_test.json").exists()


def test_a_setting_for_one_rows_member_does_not_stop_the_choice_among_all(task: Task, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run_task(task, runs, Reporter(), only=["first"])
    setting = "members.y.model.dropout=0.2"
    (run,) = run_task(task, runs, Reporter(), only=["second"], settings=[setting, "data.target=person"])
    assert [member.model.dropout for member in run.experiment.members] == [0.1, 0.2]
    assert json.loads((run.folder / "task.json").read_text())["settings"] == [setting, "data.target=person"]
    assert " among small.first/seed-3 " in (runs / "chosen-reason.txt").read_text()
    # What one row has no place for is not said to have been changed about it.
    first, _ = run_task(task, runs, Reporter(), settings=[setting, "data.target=person"])
    assert json.loads((first.folder / "task.json").read_text())["settings"] == ["data.target=person"]


@pytest.mark.parametrize("place", ["experiment.prepare_members", "members.fit_member"])
def test_an_interrupted_run_is_in_the_report_and_is_gone_on_with(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def stop(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    def report() -> tuple[list[str], str]:
        written = write_report({"small": task}, [runs], tmp_path / "report", Reporter())
        return [run.row for run in written.unfinished], written.path.read_text()

    runs = tmp_path / "runs"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"kerasdr.training.{place}", stop)
        run_task(task, runs, Reporter(), only=["first"], settings=["training.batch_size=12"])
    unfinished, text = report()
    assert unfinished == ["first"]
    section = text.split("## Not finished")[1].split("## ")[0]
    assert "small first, seed 3" in section and "batch\\_size=12" in section and "small.first/seed-3`" in section
    # The same experiment, in fewer words: the record says what was asked for last.
    (run,) = run_task(task, runs, Reporter(), only=["first"])
    record = json.loads((run.folder / "task.json").read_text())
    assert (record["row"], record["seed"], record["phantoms"], record["settings"]) == ("first", 3, True, [])
    unfinished, text = report()
    assert unfinished == [] and "## Not finished" not in text


def test_where_photographs_lie_is_not_noted_as_a_setting(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*arguments: Any, files: Any, **options: Any) -> None:
        noted.append(json.loads(files(False)["task.json"]))
        raise KerasdrError("enough")

    noted: list[dict[str, Any]] = []
    write_phantoms(tmp_path / "a=b", people=12, seed=4, size=128, layout="deepdrid")
    (tmp_path / "a=b" / "phantoms.json").unlink()
    monkeypatch.setattr("kerasdr.training.continued.train", begin)
    root = str(tmp_path / "a=b")
    section = f"data={{layout: deepdrid, root: '{root}', target: person}}"
    for settings, roots, kept in (
        (["training.batch_size=5"], DataRoots(root), ["training.batch_size=5"]),
        ([f"data.root='{root}'", "training.batch_size=5"], None, ["training.batch_size=5"]),
        ([f" data.root ='{root}'"], None, []),
        ([section], None, ["data={layout: deepdrid, target: person}"]),
    ):
        with pytest.raises(KerasdrError, match="enough"):
            run_task(task, tmp_path / "runs", Reporter(), only=["first"], settings=settings, roots=roots)
        assert (noted[-1]["settings"], noted[-1]["phantoms"]) == (kept, False)


def test_rows_of_two_layouts_are_trained_on_two_folders(tmp_path: Path) -> None:
    aptos = {
        "name": "aptos",
        "set": {
            "data": {"layout": "aptos", "target": "eye", "split": {"train": 0.7, "validation": 0.3, "test": 0.0}},
        },
    }
    defaults = {**CONTENT["defaults"], "data": {"layout": "deepdrid", "target": "person"}}
    rows = [aptos, {"name": "deepdrid", "set": {"model": {"weights": "row:aptos"}}}]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**CONTENT, "defaults": defaults, "rows": rows, "candidates": ["deepdrid"]}))
    named = []
    for layout, people in (("aptos", 40), ("deepdrid", 12)):
        write_phantoms(tmp_path / layout, people=people, seed=people, size=128, layout=layout)
        named.append(f"{layout}={tmp_path / layout}")
    runs = tmp_path / "runs"
    done = run_task(load_task(str(path)), runs, Reporter(), roots=parse_roots(named))
    assert [(run.row.name, run.finished) for run in done] == [("aptos", True), ("deepdrid", True)]
    for run in done:
        assert load(str(run.folder / "config.yaml")).data.root == str(tmp_path / run.row.name)
        record = json.loads((run.folder / "task.json").read_text())
        assert (record["layout"], record["settings"], record["phantoms"]) == (run.row.name, [], True)
        assert ((run.folder / "metrics_test.json").exists()) is (run.row.name == "deepdrid")
    assert chosen_run(runs) == done[1].folder.resolve()
    # What is chosen among all rows does not ask for the folders of those that were not asked for.
    only = DataRoots(str(tmp_path / "deepdrid"))
    (again,) = run_task(load_task(str(path)), runs, Reporter(), only=["deepdrid"], roots=only)
    assert again.finished and chosen_run(runs) == again.folder.resolve()
