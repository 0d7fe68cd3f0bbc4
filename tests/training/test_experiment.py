"""Whole experiments on small phantoms: what a run leaves, that it resumes, that it copes with imbalance."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from kerasdr.config import load, resolve
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.calibration_report import report_text
from kerasdr.evaluation.page.run_files import read_run
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import get_recipe
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.job import score_photographs
from kerasdr.training.dataset import open_dataset
from kerasdr.training.event_files import read_scalars
from kerasdr.training.experiment import resumable, train
from kerasdr.training.held_out import open_run, open_test_part
from kerasdr.training.plan import make_plan
from kerasdr.training.prepared import prepare_table
from kerasdr.training.probe import run_probe
from kerasdr.training.run_folder import choose_run, chosen_run, list_runs, new_run, set_status
from kerasdr.training.worst_pictures import worst_thumbnails

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    """A finished run of the small experiment."""
    raw = {
        "name": "small",
        "data": {"root": str(phantom_root)},
        "imaging": {"size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [16], "dropout": 0.2},
        "training": {"batch_size": 12},
        "stages": [{"name": "fit", "epochs": 2, "learning_rate": 2e-3}],
        "members": [{"name": "dual", "model": {"mode": "dual"}}, {"name": "single"}],
        "ensemble": {"methods": ["soft"]},
    }
    runs = tmp_path_factory.mktemp("work") / "runs"
    return train(resolve(raw), runs, Reporter()).run


def test_run_folder_holds_what_it_promises(finished: Path) -> None:
    there = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    golden = {name for name in there if name.startswith("bundle/golden/")}
    assert len(golden) == 13 and "bundle/golden/expected.npz" in golden
    there -= golden
    promised = {
        "config.yaml",
        "environment.json",
        "data.json",
        "split.csv",
        "looks.npy",
        "near_duplicates.csv",
        "left_out.csv",
        "training.lock",
        "train.log",
        "status.json",
        "metrics.json",
        "predictions_validation.csv",
        "reliability_validation.png",
        "bundle/manifest.json",
        "bundle/SHA256SUMS",
        "bundle/weights/dual.npz",
        "bundle/weights/single.npz",
        *(f"bundle/graphs/openvino/{name}.{ending}" for name in ("dual", "single") for ending in ("xml", "bin")),
    }
    files = ("weights.npz", "history.csv", "curves.png", "predictions_validation.csv", "checkpoint.npz")
    promised |= {f"members/{name}/{file}" for name in ("dual", "single") for file in files}
    events = {name for name in there if name.startswith("tensorboard/")}
    assert promised == there - events
    places = {name.rpartition("/")[0] for name in events}
    assert places == {
        f"tensorboard/{name}/fit/{part}" for name in ("dual", "single") for part in ("train", "validation")
    }


def test_split_is_by_person(finished: Path) -> None:
    split = pd.read_csv(finished / "split.csv", dtype=str)
    assert split.groupby("patient_id")["split"].nunique().max() == 1
    assert set(split["split"]) == {"train", "validation", "test"}


def test_history_has_a_row_an_epoch(finished: Path) -> None:
    history = pd.read_csv(finished / "members" / "dual" / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert list(history.columns) == [
        "epoch",
        "stage",
        "learning_rate",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "val_quadratic_kappa",
    ]


def test_event_files_say_what_the_history_says(finished: Path) -> None:
    for member in ("dual", "single"):
        history = pd.read_csv(finished / "members" / member / "history.csv")
        for part, columns in (
            ("train", {"loss": "loss", "accuracy": "accuracy", "learning_rate": "learning_rate"}),
            ("validation", {"loss": "val_loss", "accuracy": "val_accuracy", "quadratic_kappa": "val_quadratic_kappa"}),
        ):
            read = read_scalars(finished / "tensorboard" / member, part)
            expected = [
                (row["epoch"], {tag: row[name]}) for row in history.to_dict("records") for tag, name in columns.items()
            ]
            assert [step for step, _ in read] == [step for step, _ in expected]
            for (_, value), (_, wanted) in zip(read, expected, strict=True):
                assert value == pytest.approx(wanted, rel=1e-5)


def test_pictures_of_errors_are_of_the_photographs_that_were_graded(finished: Path, tmp_path: Path) -> None:
    rows = read_run(finished).parts[-1].predictions.head(3)
    made = worst_thumbnails(read_run(finished), rows)
    assert set(made.by_image) == set(rows["image_id"]) and made.gaps == ()
    for thumbnail in made.by_image.values():
        assert thumbnail.heat and thumbnail.media == "image/webp"
        picture = cv2.imdecode(np.frombuffer(thumbnail.data, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (220, 440, 3)
        assert np.abs(picture[:, :220].astype(int) - picture[:, 220:]).mean() > 1  # heat lies over the second one
    # Of a photograph that has other bytes now there is no picture, as it is not the one that was graded.
    copy = tmp_path / "runs" / "small" / "copy"
    shutil.copytree(finished, copy)
    split = pd.read_csv(copy / "split.csv", dtype=str)
    split.loc[split["image_id"] == rows["image_id"].iloc[0], "sha256"] = "0" * 64
    split.to_csv(copy / "split.csv", index=False)
    fewer = worst_thumbnails(read_run(copy), rows)
    assert set(fewer.by_image) == set(rows["image_id"].iloc[1:])
    assert len(fewer.gaps) == 1 and fewer.gaps[0].startswith("pictures of 1 of the worst errors: ")


def test_metrics_are_those_of_the_predictions(finished: Path) -> None:
    from kerasdr.evaluation.metrics import quadratic_kappa

    predictions = pd.read_csv(finished / "predictions_validation.csv")
    metrics = json.loads((finished / "metrics.json").read_text())
    kappa = quadratic_kappa(predictions["grade"], predictions["predicted"])
    assert metrics["ensemble"]["quadratic_kappa"]["value"] == pytest.approx(kappa)
    assert metrics["ensemble"]["quadratic_kappa"]["n_images"] == len(predictions)
    columns = [f"prob_{grade}" for grade in range(5)]
    assert predictions[columns].to_numpy().argmax(axis=1).tolist() == predictions["predicted"].tolist()
    assert predictions[columns].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-5)


def test_bundle_grades_as_training_did(finished: Path, phantom_root: Path) -> None:
    """Validation photographs, scored from their files by the bundle, get the probabilities that training wrote down: those
    before calibration, since those after are out of fold there, sent through the bundle's own map."""
    predictions = pd.read_csv(finished / "predictions_validation.csv").set_index("image_id")
    bundle = load_bundle(finished)
    assert bundle.calibration is not None
    by_name = {Path(row.image).stem: row for row in score_photographs([phantom_root / "train"], bundle)}
    raw = predictions[[f"prob_raw_{grade}" for grade in range(5)]].to_numpy()
    expected = bundle.calibration.calibrated(raw / raw.sum(axis=1, keepdims=True))
    for name, p, text in zip(predictions.index, expected, bundle.calibration.decide(expected).texts, strict=True):
        row = by_name[str(name)]
        assert row.grade == p.argmax()
        assert row.probabilities == pytest.approx(p, abs=2e-5)
        assert row.grade_set == text


def test_calibration_is_that_of_the_validation_predictions(finished: Path) -> None:
    said = pd.read_csv(finished / "predictions_validation.csv", dtype={"grade_set": str, "patient_id": str})
    kept = json.loads((finished / "metrics.json").read_text())["calibration"]
    calibration = load_bundle(finished).calibration
    assert calibration is not None and kept["method"] == calibration.mapping.method
    assert (calibration.people, calibration.photographs) == (said["patient_id"].nunique(), len(said))
    for place, name in (("before", "prob_raw"), ("after", "prob")):
        own = said[[f"{name}_{grade}" for grade in range(5)]].to_numpy()[np.arange(len(said)), said["grade"]]
        loss = -np.log(np.clip(own, 1e-6, 1)).mean()
        assert kept[place]["log_loss"]["value"] == pytest.approx(loss, rel=1e-3)
        assert getattr(calibration.log_loss, place) == pytest.approx(loss, rel=1e-3)
    # Six people or so are too few for either: said, and not made up.
    assert calibration.people < 9 and calibration.sets.quantile is None and set(said["grade_set"]) == {"0 to 4"}
    assert calibration.operating_point.threshold is None and said["screen_positive"].isna().all()
    assert "sensitivity of 0.9 needs 10" in kept["undefined"]["sensitivity"]
    assert (finished / "reliability_validation.png").read_bytes().startswith(b"\x89PNG")


def test_training_and_scoring_feed_the_same_bytes(finished: Path, phantom_root: Path) -> None:
    experiment = resumable(finished)
    data = open_dataset(experiment.data, experiment.seed, finished.parents[2], Reporter())
    prepared = prepare_table(data.table, data.digests, experiment.members[0].imaging, finished.parents[1] / ".cache")
    fed: dict[bytes, bool] = {}

    class Listening:
        def predict(self, batch: Batch) -> EngineOutput:
            fed.update({image.tobytes(): True for image in batch.images[0]})
            return EngineOutput(np.full((len(batch), 5), 0.2), None)

    score_photographs([phantom_root / "train"], load_bundle(finished), engine=Listening())
    trained_on = {image.tobytes() for image in prepared.images[prepared.usable]}
    assert trained_on == set(fed)
    # And with the picture for people asked for as well, which the job does.
    path = data.table["path"].iloc[int(np.flatnonzero(prepared.usable)[0])]
    recipe = get_recipe("clahe-crop", 48)
    shown = prepare(Path(path).read_bytes(), recipe, display_size=512)
    assert shown.image.tobytes() in trained_on


def test_chosen_and_listed(finished: Path) -> None:
    runs = finished.parents[1]
    assert chosen_run(runs) == finished.resolve()
    (listed,) = [run for run in list_runs(runs) if run.path == finished]
    assert listed.chosen and listed.status == "finished" and listed.kappa is not None
    other = new_run(runs, "other")
    set_status(other, "running")
    with pytest.raises(KerasdrError, match="not finished: go on with"):
        choose_run(other, runs)
    # Nobody trains it.
    assert [run.status for run in list_runs(runs)].count("stopped") == 1


def test_test_part_is_opened_once(finished: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_test_part(finished, Reporter())
    split = pd.read_csv(finished / "split.csv", dtype=str)
    graded = pd.read_csv(finished / "predictions_test.csv")
    assert set(graded["image_id"]) <= set(split["image_id"][split["split"] == "test"])
    assert first.photographs - first.not_graded == len(graded) == first.metrics["accuracy"].n_images

    # The scoring job, which finds partners by names, gives the same.
    rows = {Path(row.image).stem: row for row in score_photographs([phantom_root / "train"], load_bundle(finished))}
    for row in graded.to_dict("records"):
        expected = [row[f"prob_{grade}"] for grade in range(5)]
        assert rows[row["image_id"]].probabilities == pytest.approx(expected, abs=2e-5)

    def again(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the test part was graded a second time")

    monkeypatch.setattr("kerasdr.training.held_out.predict", again)
    kept = open_test_part(finished, Reporter())
    assert kept.metrics["quadratic_kappa"] == first.metrics["quadratic_kappa"]
    assert kept.opened.startswith("opened at 2")
    assert first.calibration is not None and first.calibration.before["log_loss"].n_images == len(graded)
    assert kept.calibration is not None and report_text(kept.calibration) == report_text(first.calibration)
    assert (finished / "reliability_test.png").is_file()


def test_changed_data_stops_a_resume(finished: Path, small: dict[str, Any]) -> None:
    changed = json.loads((finished / "data.json").read_text())
    changed["sha256"] = "0" * 64
    run = new_run(finished.parents[1], "changed")
    for name in ("config.yaml", "split.csv"):
        (run / name).write_bytes((finished / name).read_bytes())
    (run / "data.json").write_text(json.dumps(changed))
    with pytest.raises(KerasdrError, match="have changed since"):
        train(resumable(run), finished.parents[1], Reporter(), resume=run)


def test_killed_training_resumes_to_the_same_history(tmp_path: Path, small: dict[str, Any]) -> None:
    """SIGKILL in the middle of the second stage; the resumed run ends with the files of an undisturbed one."""
    small["members"] = [{"name": "dual", "model": {"mode": "dual"}}]
    small["stages"] = [
        {"name": "head", "train": "head", "cached_features": True, "epochs": 2, "learning_rate": 1e-3},
        {"name": "all", "epochs": 3, "learning_rate": 1e-3},
    ]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small))
    undisturbed = train(load(str(path)), tmp_path / "a" / "runs", Reporter()).run
    command = [sys.executable, "-m", "kerasdr", "train", str(path), "--runs", str(tmp_path / "b" / "runs")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "all 1/3" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    (killed,) = (tmp_path / "b" / "runs" / "small").iterdir()
    assert json.loads((killed / "status.json").read_text()) == {"status": "running"}
    resumed = subprocess.run(
        [sys.executable, "-m", "kerasdr", "train", "--resume", str(killed)], capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    for name in ("members/dual/history.csv", "predictions_validation.csv", "metrics.json"):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes(), name
    for part in ("train", "validation"):  # no point of the event files is doubled or lost
        assert read_scalars(killed / "tensorboard/dual", part) == read_scalars(undisturbed / "tensorboard/dual", part)
    with np.load(killed / "members/dual/weights.npz") as a, np.load(undisturbed / "members/dual/weights.npz") as b:
        assert all((a[key] == b[key]).all() for key in b.files)


def test_imbalance_does_not_collapse_to_the_commonest_grade(tmp_path: Path) -> None:
    """Nine in ten of grade 0: plain cross-entropy answers 0 to everything, the default class weights do not."""
    from kerasdr.data.records import make_table
    from kerasdr.training.member import fit_member
    from kerasdr.training.samples import take_samples

    random = np.random.default_rng(0)
    n = 300
    grades = np.where(np.arange(n) % 10 == 0, 2, 0)
    # Faint and noisy: a rare grade is worth finding only if its weight says so.
    images = random.normal(100, 25, (n, 32, 32, 3))
    images[grades == 2, 10:20, 10:20, 0] += 14
    images = np.clip(images, 0, 255).astype(np.uint8)
    table = make_table(
        {"image_id": str(i), "path": f"/x/{i}", "grade": int(g), "split": "train" if i < 200 else "validation"}
        for i, g in enumerate(grades)
    )
    predicted = {}
    for kind in ("none", None):
        training: dict[str, Any] = {"batch_size": 25} | ({"class_weights": kind} if kind else {})
        raw = {
            "name": "x",
            "imaging": {"size": 32},
            "model": {"trunk": "tiny", "weights": "none", "head": "linear", "dropout": 0.0},
            "training": training,
            "stages": [{"name": "fit", "epochs": 4, "learning_rate": 1e-3}],
        }
        (member,) = resolve(raw).members
        parts = [take_samples(table, np.ones(n, bool), split, member, "eye") for split in ("train", "validation")]
        (p,) = fit_member(member, images, *parts, tmp_path / str(kind), Reporter())
        predicted[kind] = (p.argmax(axis=1), parts[1].grades)
    guess, truth = predicted["none"]
    assert (guess[truth == 2] == 2).mean() < 0.2
    guess, truth = predicted[None]
    assert (guess[truth == 2] == 2).mean() > 0.5


def test_early_stop(tmp_path: Path, small: dict[str, Any]) -> None:
    small["members"] = [{"name": "single"}]
    # A rate at which nothing changes, so that no epoch after the first is better.
    small["stages"] = [{"name": "fit", "epochs": 20, "learning_rate": 1e-12, "weight_decay": 0.0, "early_stop": 2}]
    small["model"]["trunk"] = "tiny"
    small["training"]["class_weights"] = "none"
    run = train(resolve(small), tmp_path / "runs", Reporter()).run
    assert len(pd.read_csv(run / "members" / "single" / "history.csv")) < 20


def test_kept_weights_are_of_the_best_epoch_or_of_the_last(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small["members"] = [{"name": "single"}]
    small["stages"] = [{"name": "fit", "epochs": 4, "learning_rate": 5e-3}]
    small["training"]["class_weights"] = "none"  # the loss of the history is weighted
    # What so few steps come to is another thing on another processor, so the second epoch is told to be the best.
    told = itertools.cycle([0.1, 0.4, 0.3, 0.2])
    monkeypatch.setattr("kerasdr.training.stage.quadratic_kappa", lambda grades, predicted: next(told))
    kept, histories = {}, {}
    for checkpoint in ("kappa", "last"):
        small["training"]["checkpoint"] = checkpoint
        run = train(resolve({**small, "name": checkpoint}), tmp_path / "runs", Reporter()).run
        said = pd.read_csv(run / "predictions_validation.csv")
        own = said[[f"prob_raw_{grade}" for grade in range(5)]].to_numpy()[np.arange(len(said)), said["grade"]]
        kept[checkpoint] = -np.log(own).mean()
        histories[checkpoint] = pd.read_csv(run / "members" / "single" / "history.csv")["val_loss"].tolist()
    losses = histories["kappa"]
    assert losses == histories["last"]
    assert min(abs(losses[1] - losses[epoch]) for epoch in (0, 2, 3)) > 0.01  # or this would show nothing
    # The table of predictions is rounded.
    assert (kept["kappa"], kept["last"]) == (pytest.approx(losses[1], rel=2e-3), pytest.approx(losses[3], rel=2e-3))


def test_dry_run_writes_nothing(tmp_path: Path, small: dict[str, Any]) -> None:
    plan = make_plan(resolve(small), tmp_path / "runs", Reporter())
    assert "train: " in plan and "grades 0-4" in plan
    assert "dual: tiny, dual both-eyes, shared branches, clahe-crop at 48 px, weights none" in plan
    assert "fit: 2 epochs, trains all" in plan and "time        about" in plan
    assert list(tmp_path.iterdir()) == []


def test_probe_on_folds_and_held_out(tmp_path: Path, small: dict[str, Any]) -> None:
    folds = run_probe(resolve(small), tmp_path / "runs", Reporter(), folds=3)
    held_out = run_probe(resolve(small), tmp_path / "runs", Reporter(), folds=None)
    assert folds["accuracy"].n_people > held_out["accuracy"].n_people > 0
    assert -1 <= folds["quadratic_kappa"].low <= folds["quadratic_kappa"].high <= 1


def test_no_data_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match="name their folder with --data ROOT"):
        train(resolve({"name": "x", "model": {"weights": "none"}}), tmp_path / "runs", Reporter())


def test_boosted_members_dwell_on_errors_and_bagged_ones_see_bootstraps(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.ensembles import bootstrap_people, samme_round, samme_weights
    from kerasdr.training import members as module
    from kerasdr.training.samples import Samples

    small["members"] = [{"name": f"m{index}"} for index in range(3)]
    small["stages"][0]["epochs"] = 1
    seen: list[tuple[Samples, Samples | None]] = []
    random = np.random.default_rng(0)
    answers: list[np.ndarray] = []

    def fit(
        member: Any, images: Any, train: Samples, validation: Samples, folder: Path, reporter: Any, *asked: Samples
    ) -> Any:
        seen.append((train, asked[0] if asked else None))
        folder.mkdir(parents=True)
        weights = {"0000:a": np.zeros(1, np.float32)}
        np.savez(folder / "weights.npz", **weights)
        row = {"epoch": 1, "stage": "fit", "loss": 1.0, "accuracy": 0.1}
        row |= {"val_loss": 1.0, "val_accuracy": 0.1, "val_quadratic_kappa": 0.0}
        pd.DataFrame([row]).to_csv(folder / "history.csv", index=False)
        given = [random.dirichlet(np.ones(5), len(part)) for part in (validation, *asked)]
        answers.append(given[-1])
        return given

    monkeypatch.setattr(module, "fit_member", fit)
    boosted = train(resolve({**small, "ensemble": {"training": "boosting"}}), tmp_path / "runs", Reporter())
    assert boosted.choice.spec.method == "boosting"
    plain = seen[0][1]
    assert plain is not None and plain.emphasis is None
    weights = samme_weights(plain.people)
    for (fitted_on, _), answer in zip(seen, answers, strict=True):
        assert fitted_on.emphasis == pytest.approx(weights / weights.mean(), rel=1e-5)
        _, weights = samme_round(weights, plain.grades, answer.argmax(axis=1), plain.people)

    seen.clear()
    answers.clear()
    bagged = train(resolve({**small, "ensemble": {"training": "bagging"}}), tmp_path / "runs", Reporter())
    assert bagged.choice.spec.method == "bagging"
    drawn = []
    for number, (fitted_on, asked) in enumerate(seen):
        assert asked is None
        counts = bootstrap_people(plain.people, 40 + number)
        assert sorted(fitted_on.rows) == sorted(np.repeat(plain.rows, counts))
        drawn.append(tuple(sorted(fitted_on.rows)))
    assert len(set(drawn)) == 3


def test_ensemble_that_cannot_be_had_is_refused_before_training(tmp_path: Path, small: dict[str, Any]) -> None:
    small["ensemble"] = {"methods": ["bagging"]}
    with pytest.raises(KerasdrError, match="bagging combines members that were trained for it"):
        train(resolve(small), tmp_path / "runs", Reporter())
    assert list(tmp_path.iterdir()) == []


def test_resume_within_a_cached_stage_keeps_the_trunk_that_was_given(tmp_path: Path, small: dict[str, Any]) -> None:
    """Stopped after two of four epochs on cached features of weights from a file: the rest is as if never stopped."""
    from kerasdr.models.registry import build_trunk
    from kerasdr.training import stage as module

    given = tmp_path / "given.weights.h5"
    build_trunk("tiny", 48).save_weights(given)
    small["members"] = [{"name": "single", "model": {"weights": str(given)}}]
    small["stages"] = [
        {"name": "head", "train": "head", "cached_features": True, "epochs": 4, "learning_rate": 1e-3},
    ]
    undisturbed = train(resolve(small), tmp_path / "a" / "runs", Reporter()).run
    saved = module.save_checkpoint

    def stop(path: Path, state: Any, variables: Any, optimizer: Any) -> None:
        saved(path, state, variables, optimizer)
        if state.epoch == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "save_checkpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            train(resolve(small), tmp_path / "b" / "runs", Reporter())
    (stopped,) = (tmp_path / "b" / "runs" / "small").iterdir()
    train(resumable(stopped), tmp_path / "b" / "runs", Reporter(), resume=stopped)
    for name in ("members/single/history.csv", "predictions_validation.csv"):
        assert (stopped / name).read_bytes() == (undisturbed / name).read_bytes(), name
    with (
        np.load(stopped / "members/single/weights.npz") as a,
        np.load(undisturbed / "members/single/weights.npz") as b,
    ):
        assert all((a[key] == b[key]).all() for key in b.files)


def test_a_run_that_did_not_keep_the_photographs_own_digest_is_opened_all_the_same(
    finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "small" / "early"
    shutil.copytree(finished, run)
    begun = json.loads((run / "data.json").read_text())
    del begun["photographs_sha256"]
    (run / "data.json").write_text(json.dumps(begun))
    open_run(run, Reporter())
    (run / "data.json").write_text("{}")
    with pytest.raises(KerasdrError, match="have changed since"):
        open_run(run, Reporter())


def test_test_part_of_other_data_is_not_opened(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small" / "copy"
    shutil.copytree(finished, run)
    for name in ("metrics_test.json", "openings.jsonl"):
        (run / name).unlink(missing_ok=True)
    begun = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps({**begun, "photographs": 1}))
    with pytest.raises(KerasdrError, match="have changed since"):
        open_test_part(run, Reporter())
