"""A whole experiment: data, members, the ensemble chosen on validation, the bundle, the pointer."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import Experiment, MemberConfig, load, to_yaml
from kerasdr.data.fingerprint import fingerprint
from kerasdr.data.splits import read_split, write_split
from kerasdr.ensembles import Choice, choose, combine
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.figures import training_curves
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.files import write_bytes_atomically, write_text_atomically
from kerasdr.grades import N_GRADES
from kerasdr.reporting import FileReporter, Reporter
from kerasdr.training.bundling import bundle_run
from kerasdr.training.dataset import ExperimentData, open_dataset
from kerasdr.training.member import fit_member
from kerasdr.training.prepared import PreparedPhotographs, prepare_table
from kerasdr.training.run_folder import choose_run, environment, new_run, set_status
from kerasdr.training.samples import take_samples


@dataclass(frozen=True)
class RunResult:
    """What a finished experiment leaves.

    Attributes:
        run: its folder.
        metrics: validation figures of the chosen ensemble.
        members: validation figures of each member.
        choice: how the members are combined.
    """

    run: Path
    metrics: dict[str, Interval]
    members: dict[str, dict[str, Interval]]
    choice: Choice


def train(experiment: Experiment, runs: Path, reporter: Reporter, resume: Path | None = None) -> RunResult:
    """Train an experiment's members, choose their ensemble on validation, write the bundle, point ``runs/chosen`` to it.

    Args:
        experiment: what to train; with ``resume``, the configuration that :func:`resumable` returned.
        runs: the folder of all runs.
        reporter: hears of progress.
        resume: a run that was begun before; finished members are kept, a half-trained one goes on after its last epoch.

    Raises:
        KerasdrError: if the data cannot be used, or have changed since the run was begun.
    """
    runs.mkdir(parents=True, exist_ok=True)
    data = open_dataset(experiment.data, experiment.seed, runs.parent, reporter)
    run = resume or new_run(runs, experiment.name)
    reporter = FileReporter(reporter, run / "train.log")
    prepared = _prepare(experiment, data, runs, reporter)
    if resume:
        _same_data(run, data)
    else:
        write_text_atomically(run / "config.yaml", to_yaml(experiment))
        write_text_atomically(run / "environment.json", json.dumps(environment(), indent=1) + "\n")
        write_text_atomically(run / "data.json", json.dumps(fingerprint(data.table, data.digests), indent=1) + "\n")
        write_split(data.table, run / "split.csv")
        set_status(run, "running")
    _note_data(data, prepared[experiment.members[0].name], run, reporter)

    probabilities, names = [], []
    for member in experiment.members:
        photographs = prepared[member.name]
        train_part, validation = (
            take_samples(data.table, photographs.usable, split, member, experiment.data.target)
            for split in ("train", "validation")
        )
        reporter.note(f"{member.name}: {describe(member)}, {len(train_part)} training photographs")
        folder = run / "members" / member.name
        predicted = fit_member(member, photographs.images, train_part, validation, folder, reporter)
        write_bytes_atomically(folder / "curves.png", training_curves(pd.read_csv(folder / "history.csv")))
        write_predictions(folder / "predictions_validation.csv", data.table, validation.rows, validation.grades, predicted)
        probabilities.append(predicted)
        names.append(member.name)

    choice = choose(np.stack(probabilities), validation.grades, _kappa, names, experiment.ensemble.methods)
    together = combine(choice.spec, np.stack(probabilities))
    write_predictions(run / "predictions_validation.csv", data.table, validation.rows, validation.grades, together)
    members = {
        name: grade_metrics(validation.grades, part, validation.people, seed=experiment.seed)
        for name, part in zip(names, probabilities, strict=True)
    }
    metrics = grade_metrics(validation.grades, together, validation.people, seed=experiment.seed)
    content = {
        "split": "validation",
        "ensemble": to_json(metrics),
        "members": {name: to_json(figures) for name, figures in members.items()},
        "choice": {"method": choice.spec.to_dict(), "validation_kappa": choice.scores},
    }
    write_text_atomically(run / "metrics.json", json.dumps(content, indent=1) + "\n")
    bundle_run(run, experiment, choice.spec, content)
    set_status(run, "finished")
    choose_run(run, runs)
    return RunResult(run, metrics, members, choice)


def resumable(run: Path) -> Experiment:
    """Return the configuration of a run that can be gone on with.

    Raises:
        KerasdrError: if the folder is no run.
    """
    if not (run / "config.yaml").is_file():
        raise KerasdrError(f"{run} is not the folder of a run: `kerasdr runs` lists them")
    return load(str(run / "config.yaml"))


def describe(member: MemberConfig) -> str:
    """Say in a few words what a member is."""
    model = member.model
    kind = "single" if model.mode == "single" else f"dual {model.pairing}"
    if model.mode == "dual":
        kind += ", shared branches" if model.shared_branches else ", branches of their own"
    return f"{model.trunk}, {kind}, {member.imaging.recipe} at {member.imaging.size} px"


def write_predictions(
    path: Path,
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    grades: NDArray[np.int64],
    probabilities: NDArray[np.floating],
) -> None:
    """Write one row a photograph: ``image_id, patient_id, eye, grade, predicted, prob_0 .. prob_4``."""
    part = table.iloc[rows][["image_id", "patient_id", "eye"]].reset_index(drop=True)
    part["grade"] = grades
    part["predicted"] = probabilities.argmax(axis=1)
    for grade in range(N_GRADES):
        part[f"prob_{grade}"] = probabilities[:, grade]
    write_bytes_atomically(path, part.to_csv(index=False, lineterminator="\n", float_format="%.6f").encode())


def _kappa(grades: NDArray[np.int64], probabilities: NDArray[np.floating]) -> float:
    return quadratic_kappa(grades, probabilities.argmax(axis=1))


def _prepare(
    experiment: Experiment, data: ExperimentData, runs: Path, reporter: Reporter
) -> dict[str, PreparedPhotographs]:
    ready: dict[str, PreparedPhotographs] = {}
    by_imaging: dict[str, PreparedPhotographs] = {}
    for member in experiment.members:
        key = member.imaging.model_dump_json()
        if key not in by_imaging:
            progress = reporter.progress(f"preparing photographs ({member.imaging.recipe}, {member.imaging.size} px)")
            by_imaging[key] = prepare_table(data.table, data.digests, member.imaging, runs / ".cache", progress)
        ready[member.name] = by_imaging[key]
    return ready


def _same_data(run: Path, data: ExperimentData) -> None:
    begun = json.loads((run / "data.json").read_text(encoding="utf-8"))
    now = fingerprint(data.table, data.digests)
    if begun != now:
        raise KerasdrError(f"the photographs or labels have changed since {run} was begun: start a new run")
    split = read_split(run / "split.csv")
    if dict(zip(split["image_id"], split["split"], strict=True)) != dict(
        zip(data.table["image_id"], data.table["split"], strict=True)
    ):
        raise KerasdrError(f"the split of {run} is not the one that its seed gives now: start a new run")


def _note_data(data: ExperimentData, photographs: PreparedPhotographs, run: Path, reporter: Reporter) -> None:
    table = data.table
    for note in data.notes:
        reporter.note(f"data: {note}")
    for split in ("train", "validation", "test"):
        part = table[table["split"] == split]
        counts = "/".join(str(int((part["grade"] == grade).sum())) for grade in range(N_GRADES))
        reporter.note(
            f"{split}: {len(part)} photographs of {part['patient_id'].nunique()} people, grades 0-4: {counts}"
        )
    reasons = np.array(photographs.reasons)
    left_out = table.loc[reasons != "", ["image_id", "patient_id", "split", "path"]].assign(reason=reasons[reasons != ""])
    write_bytes_atomically(run / "left_out.csv", left_out.to_csv(index=False, lineterminator="\n").encode())
    if len(left_out):
        reporter.note(f"left out as unreadable or ungradable: {len(left_out)} photographs, listed in {run / 'left_out.csv'}")
