"""Weights that have seen this run's test part are refused, whatever the photographs are called there."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr.config import Experiment, resolve, to_yaml
from kerasdr.data.records import make_table
from kerasdr.data.splits import write_split
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.tasks import load_task, task_names
from kerasdr.training.dataset import ExperimentData, open_dataset
from kerasdr.training.task_rows import plan_task
from kerasdr.training.task_runs import run_task
from kerasdr.training.weights_source import check_initial_weights

# Of three people, one in each part: (name, person, split, bytes).
OURS = [("a_1", "a", "train", "AAA"), ("b_1", "b", "validation", "BBB"), ("c_1", "c", "test", "CCC")]
MakeRun = Callable[..., Path]


def data_of(rows: list[tuple[str, str, str, str]]) -> ExperimentData:
    keys = ("image_id", "patient_id", "split")
    table = make_table({**dict(zip(keys, row[:3], strict=True)), "path": f"/x/{row[0]}.png"} for row in rows)
    return ExperimentData(table, [row[3] for row in rows], ())


def experiment(root: Path, *weights: str | Path, layout: str = "eyepacs") -> Experiment:
    root.mkdir(exist_ok=True)
    members = [{"name": f"m{n}", "model": {"weights": str(file)}} for n, file in enumerate(weights)]
    return resolve({"name": "x", "data": {"layout": layout, "root": str(root)}, "members": members})


@pytest.fixture
def earlier(tmp_path: Path) -> MakeRun:
    """Makes the folder of an earlier run of other data, and returns the weights of its member m0."""

    def make(
        rows: list[tuple[str, str, str, str]],
        weights: str | Path = "none",
        name: str = "earlier",
        layout: str = "aptos",
        root: Path | None = None,
    ) -> Path:
        run = tmp_path / "runs" / name / "1"
        (run / "members" / "m0").mkdir(parents=True)
        (run / "bundle" / "weights").mkdir(parents=True)
        (run / "config.yaml").write_text(to_yaml(experiment(root or tmp_path / name, weights, layout=layout)))
        made = data_of(rows)
        write_split(made.table, made.digests, run / "split.csv")
        (run / "members" / "m0" / "weights.npz").write_bytes(b"weights")
        (run / "bundle" / "weights" / "m0.npz").write_bytes(b"weights")
        return run / "members" / "m0" / "weights.npz"

    return make


def check(tmp_path: Path, *weights: str | Path) -> tuple[str, ...]:
    return check_initial_weights(experiment(tmp_path / "ours", *weights), data_of(OURS), tmp_path)


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ("c", "train", "was trained on the photograph c_1 of this run's test part"),
        ("c", "validation", "was chosen by the photograph c_1 of this run's test part"),
        ("b", "train", "was trained on the photograph b_1 of this run's validation part"),
    ],
)
def test_photographs_that_judge_here_and_taught_there(
    tmp_path: Path, earlier: MakeRun, ours: str, theirs: str, words: str
) -> None:
    weights = earlier([("z_9", "z", theirs, ours.upper() * 3), ("c_1", "c", "train", "other bytes of this name")])
    with pytest.raises(KerasdrError) as refused:
        check(tmp_path, weights)
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert str(weights) in str(refused.value) and str(weights.parents[2]) in str(refused.value)


def test_what_is_no_leak(tmp_path: Path, earlier: MakeRun) -> None:
    # A second stage on the same split; and names that recur in another data set.
    assert check(tmp_path, earlier(OURS, name="same-split")) == ()
    others = [(name, person, "train", f"others' {digest}") for name, person, _, digest in OURS]
    assert check(tmp_path, earlier(others, name="other-data")) == ()
    # In no part there, for want of a grade; and training on what was tested there.
    unused = [("c_1", "c", "", "CCC"), ("a_1", "a", "test", "AAA")]
    assert check(tmp_path, earlier(unused, name="unused")) == ()
    assert check(tmp_path, "none", "imagenet") == ()


def test_another_photograph_of_the_person_in_the_same_data(tmp_path: Path, earlier: MakeRun) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    rows = [("c_2", "c", "train", "the other eye")]
    same = earlier(rows, name="same", layout="eyepacs", root=tmp_path / "link")
    with pytest.raises(KerasdrError, match=r"was trained on a photograph of the person c of this run's test part \(1 "):
        check(tmp_path, same)
    # Elsewhere, or read in another way, c is somebody else.
    assert check(tmp_path, earlier(rows, name="elsewhere", layout="eyepacs")) == ()
    assert check(tmp_path, earlier(rows, name="layout", layout="folder", root=tmp_path / "ours")) == ()


def test_weights_are_followed_to_where_they_began(tmp_path: Path, earlier: MakeRun) -> None:
    first = earlier([("z", "z", "train", "CCC")], name="first")
    second = earlier([("y", "y", "train", "YYY")], first, name="second")
    third = earlier([("w", "w", "train", "WWW")], second, name="third")
    with pytest.raises(
        KerasdrError, match=r"third/1/.* goes back to .*first/1, which was trained on the photograph c_1"
    ):
        check(tmp_path, third)
    # What another member of that run started from is none of these weights' past.
    config = experiment(tmp_path / "second", "none", first)
    (second.parents[2] / "config.yaml").write_text(to_yaml(config))
    assert check(tmp_path, third) == ()
    # Weights that say they began as themselves are an end, not an endless loop.
    (second.parents[2] / "config.yaml").write_text(to_yaml(experiment(tmp_path / "second", second)))
    assert check(tmp_path, second) == ()


def test_any_member_and_the_bundles_copy(tmp_path: Path, earlier: MakeRun) -> None:
    weights = earlier([("z", "z", "train", "CCC")])
    for file in (weights, weights.parents[2] / "bundle" / "weights" / "m0.npz"):
        with pytest.raises(KerasdrError, match="was trained on the photograph c_1"):
            check(tmp_path, "none", file)


def test_weights_of_no_run_are_noted(tmp_path: Path, earlier: MakeRun) -> None:
    weights = earlier([("z", "z", "train", "CCC")])
    shutil.copy(weights, tmp_path / "copy.npz")
    for file in (tmp_path / "copy.npz", "given/resnet18.pth", "/weights.npz"):
        (note,) = check(tmp_path, file, file)
        assert note == (
            f"initial weights {file} lie in no run's folder: whether they have seen this run's test part "
            "cannot be checked"
        )


def test_run_without_digests_is_compared_by_people_where_that_can_be(tmp_path: Path, earlier: MakeRun) -> None:
    def forget(weights: Path) -> Path:
        (weights.parents[2] / "split.csv").write_text("image_id,patient_id,split\nc_1,c,train\n")
        return weights

    elsewhere = forget(earlier(OURS, name="elsewhere", layout="eyepacs"))
    (note,) = check(tmp_path, elsewhere)
    assert note.endswith("whether they have seen this run's test part is not certain; it cannot be checked")
    same = forget(earlier(OURS, name="same", layout="eyepacs", root=tmp_path / "ours"))
    with pytest.raises(KerasdrError, match="was trained on a photograph of the person c of this run's test part"):
        check(tmp_path, same)
    (same.parents[2] / "split.csv").write_text("image_id,patient_id,split\nc_1,c,test\n")
    (note,) = check(tmp_path, same)
    assert note.endswith("is not certain; the names of people were compared")


def test_data_of_the_earlier_run_need_not_be_there_any_more(tmp_path: Path, earlier: MakeRun) -> None:
    weights = earlier([("z", "z", "train", "CCC")], name="gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(KerasdrError, match="was trained on the photograph c_1"):
        check(tmp_path, weights)


def test_every_stage_of_the_shipped_tasks_passes(tmp_path: Path) -> None:
    runs, checked = tmp_path / "runs", []
    settings = ["data.phantom.people=12", "data.phantom.size=128"]
    for name in task_names():
        for run in plan_task(load_task(name), runs, scale="mini", settings=settings):
            data = open_dataset(run.experiment.data, run.experiment.seed, tmp_path, Reporter())
            begun = [member.model.weights for member in run.experiment.members if member.model.weights != "none"]
            if begun:
                assert all(Path(weights).is_file() for weights in begun), "rows stand behind those that they start from"
                assert check_initial_weights(run.experiment, data, tmp_path) == ()
                checked.append(run.row.name)
            for member in run.experiment.members:
                weights = run.folder / "members" / member.name / "weights.npz"
                weights.parent.mkdir(parents=True)
                weights.touch()
            (run.folder / "config.yaml").write_text(to_yaml(run.experiment))
            write_split(data.table, data.digests, run.folder / "split.csv")
    assert {"aptos-deepdrid-densenet121", "spatial-7", "self"} <= set(checked)


TASK: dict[str, Any] = {
    "task": "stages",
    "title": "three stages as in tasks B and C: APTOS, DeepDRiD, and DeepDRiD with attention",
    "seeds": [3],
    "defaults": {
        "data": {"layout": "deepdrid", "target": "person", "phantom": {"people": 12, "seed": 4, "size": 128}},
        "imaging": {"recipe": "clahe-crop", "size": 48},
        "model": {"trunk": "tiny", "weights": "row:aptos", "head_units": [8]},
        "stages": [{"name": "fit", "epochs": 1, "learning_rate": 1e-3}],
        "ensemble": {"methods": ["soft"]},
    },
    "rows": [
        {
            "name": "aptos",
            "set": {
                "data": {
                    "layout": "aptos",
                    "target": "eye",
                    "phantom": {"people": 30},
                    "split": {"train": 0.8, "validation": 0.2, "test": 0.0},
                },
                "model": {"weights": "none"},
            },
        },
        {"name": "second"},
        {"name": "third", "set": {"model": {"weights": "row:second", "attention": "channel"}}},
        # The same photographs, but people are dealt anew: the test part is not that of the row before.
        {"name": "dealt", "set": {"data": {"options": {"split": "none"}}, "model": {"weights": "row:third"}}},
    ],
}


@pytest.mark.slow
def test_stages_of_a_task_pass_and_another_split_of_the_same_data_does_not(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(yaml.safe_dump(TASK))
    task, runs = load_task(str(path)), tmp_path / "runs"
    done = run_task(task, runs, Reporter(), only=["aptos", "second", "third"])
    assert [run.finished for run in done] == [True] * 3
    assert not any("cannot be checked" in (run.folder / "train.log").read_text() for run in done)
    with pytest.raises(KerasdrError, match=r"stages\.third/seed-3/.*which was trained on the photograph .* test part"):
        run_task(task, runs, Reporter(), only=["dealt"])
    assert not (runs / "stages.dealt").exists(), "it is refused before anything is written"


def test_people_are_compared_where_photographs_in_common_are_of_the_same_people(
    tmp_path: Path, earlier: MakeRun
) -> None:
    """As of a copy of the data set in another folder: the other eye of a tested person must not have been trained on."""
    rows = [("a_1", "a", "train", "AAA"), ("c_2", "c", "train", "CCC of the other eye")]
    with pytest.raises(KerasdrError, match="was trained on a photograph of the person c of this run's test part"):
        check(tmp_path, earlier(rows))
    # Other people may go by the same names in another data set.
    assert check(tmp_path, earlier([("a_1", "z", "train", "AAA"), rows[1]], name="other")) == ()


def test_relative_weights_of_an_earlier_run_are_found_beside_its_runs(
    tmp_path: Path, earlier: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = earlier([("c_1", "c", "train", "CCC")], name="first")
    second = earlier([("x_1", "x", "train", "XXX")], first.relative_to(tmp_path), name="second")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(KerasdrError, match="was trained on the photograph c_1 of this run's test part"):
        check(tmp_path, second)


def test_run_of_another_version_is_compared_all_the_same(tmp_path: Path, earlier: MakeRun) -> None:
    file = earlier([("c_1", "c", "train", "CCC")], name="first")
    run = file.parents[2]
    (run / "config.yaml").write_text("some: other version\n")
    with pytest.raises(KerasdrError, match="was trained on the photograph c_1"):
        check(tmp_path, file)
    clean = earlier([("x_1", "x", "train", "XXX")], name="clean")
    (clean.parents[2] / "config.yaml").write_text("some: other version\n")
    assert check(tmp_path, clean) == (
        f"initial weights of {clean.parents[2]}, whose configuration does not say what they began with: that cannot "
        "be checked",
    )


def test_member_that_the_run_does_not_name_is_compared_as_far_as_can_be(tmp_path: Path, earlier: MakeRun) -> None:
    other = earlier([("x_1", "x", "train", "XXX")]).parents[1] / "m7" / "weights.npz"
    other.parent.mkdir()
    other.write_bytes(b"weights")
    (note,) = check(tmp_path, other)
    assert "does not say what they began with" in note


def test_damaged_split_says_whose_it_is(tmp_path: Path, earlier: MakeRun) -> None:
    file = earlier([("x_1", "x", "train", "XXX")])
    (file.parents[2] / "split.csv").write_text("nonsense\n")
    with pytest.raises(KerasdrError, match=rf"model\.weights={file} goes back to {file.parents[2]}: "):
        check(tmp_path, file)


def test_empty_files_are_no_photograph_in_common(tmp_path: Path, earlier: MakeRun) -> None:
    nothing = hashlib.sha256(b"").hexdigest()
    file = earlier([("n_1", "n", "train", nothing)])
    ours = data_of([*OURS[:2], ("c_1", "c", "test", nothing)])
    assert check_initial_weights(experiment(tmp_path / "ours", file), ours, tmp_path) == ()
