"""A whole experiment: data, members, the ensemble chosen on validation, the bundle, the pointer."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration import CalibrationPart
from kerasdr.config import Experiment, load, to_yaml
from kerasdr.data.fingerprint import fingerprint
from kerasdr.data.missing_grades import missing_grade_notes, require_two_grades, slashed_counts
from kerasdr.data.splits import read_split, write_split
from kerasdr.ensembles import Choice, choose
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.calibration_report import report_to_json
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.predictions import write_predictions
from kerasdr.files import write_bytes_atomically, write_text_atomically
from kerasdr.reporting import FileReporter, Reporter
from kerasdr.training.bundling import bundle_run
from kerasdr.training.calibrating import fit_on_validation, judge_calibration
from kerasdr.training.checks import check_experiment
from kerasdr.training.copies import note_near_duplicates, refuse_same_pixels
from kerasdr.training.dataset import ExperimentData, data_root, open_dataset
from kerasdr.training.drift_reference import usual_eye_sides, usual_figures, validation_reference
from kerasdr.training.event_files import EventReporter
from kerasdr.training.members import fit_members
from kerasdr.training.prepared import PreparedPhotographs, prepare_table
from kerasdr.training.run_folder import choose_run, environment, new_run, set_status
from kerasdr.training.run_lock import hold
from kerasdr.training.samples import grades_asked_for, person_or_eye_grades
from kerasdr.training.weights_source import check_initial_weights
from kerasdr.training.xla import choose_xla

RunFiles = Callable[[bool], Mapping[str, str]]
"""Takes whether the photographs are phantoms, and returns texts by the names of their files."""


@dataclass(frozen=True)
class RunResult:
    """What a finished experiment leaves.

    Attributes:
        run: its folder.
        metrics: validation figures of the chosen ensemble.
        members: validation figures of each member.
        choice: how the members are combined.
        calibration: what was fitted on validation after that.
    """

    run: Path
    metrics: dict[str, Interval]
    members: dict[str, dict[str, Interval]]
    choice: Choice
    calibration: CalibrationPart


def train(
    experiment: Experiment,
    runs: Path,
    reporter: Reporter,
    resume: Path | None = None,
    *,
    folder: Path | None = None,
    point: bool = True,
    files: RunFiles | None = None,
) -> RunResult:
    """Train an experiment's members, choose their ensemble on validation, write the bundle, point ``runs/chosen`` to it.

    Args:
        experiment: what to train; with ``resume``, the configuration that :func:`resumable` returned.
        runs: the folder of all runs.
        reporter: hears of progress.
        resume: a run that was begun before; finished members are kept, a half-trained one goes on after its last epoch.
        folder: where a new run goes, instead of ``runs/<name>/<time>``.
        point: let ``runs/chosen`` point to the run when it is done.
        files: gives texts that the run's folder holds besides, from its beginning on.

    Raises:
        KerasdrError: if a member or a stage cannot be trained (:func:`kerasdr.training.checks.check_experiment`), the data
            cannot be used, have changed since the run was begun, or were seen by the network that a member starts from, or
            another process trains the run.
    """
    data_root(experiment.data, runs.parent)  # nothing is written where there is nothing to train on
    check_experiment(experiment, resume)
    experiment = choose_xla(experiment)
    runs.mkdir(parents=True, exist_ok=True)
    data = open_dataset(experiment.data, experiment.seed, runs.parent, reporter)
    require_two_grades(grades_asked_for(data.table, experiment.data.target), data.table["split"])
    unknown = check_initial_weights(experiment, data, runs.parent)
    run = resume or new_run(runs, experiment.name, folder)
    with hold(run):
        try:
            return _train_in(
                run, experiment, data, unknown, runs, reporter, resume=resume is not None, point=point, files=files
            )
        except BaseException:  # Ctrl-C too
            reporter.stop(run)
            raise


def _train_in(
    run: Path,
    experiment: Experiment,
    data: ExperimentData,
    unknown: Sequence[str],
    runs: Path,
    reporter: Reporter,
    *,
    resume: bool,
    point: bool,
    files: RunFiles | None,
) -> RunResult:
    write_files(run, files, data.phantoms)
    reporter = FileReporter(EventReporter(reporter, run / "tensorboard"), run / "train.log")
    prepared = prepare_members(experiment, data, runs, reporter)
    seen = prepared[experiment.members[0].name]
    refuse_same_pixels(data.table, seen)
    if resume:
        require_same_data(run, data)
    else:
        write_text_atomically(run / "config.yaml", to_yaml(experiment))
        write_text_atomically(run / "environment.json", json.dumps(environment(), indent=1) + "\n")
        write_text_atomically(run / "data.json", json.dumps(fingerprint(data.table, data.digests), indent=1) + "\n")
        write_split(data.table, data.digests, run / "split.csv", seen.pixels)
        set_status(run, "running")
    reporter.begin(run)
    _note_data(data, list(prepared.values()), experiment, run, reporter)
    for line in unknown:
        reporter.note(line)
    near_duplicates = note_near_duplicates(data.table, seen, run, runs / ".cache", reporter)

    fitted = fit_members(experiment, data.table, prepared, run, reporter)
    validation = fitted.validation
    names = [member.name for member in experiment.members]
    choice = choose(
        fitted.probabilities,
        validation.grades,
        _kappa,
        names,
        experiment.ensemble.methods,
        people=validation.people,
        trained=fitted.trained,
        seed=experiment.seed,
    )
    # What was fitted on validation is judged there out of fold, so these are not what the final fits would say.
    raw = choice.predictions[choice.spec.method]
    known = (validation.grades, validation.people)
    fit = fit_on_validation(experiment.calibration, raw, *known, seed=experiment.seed)
    calibration, together = fit.calibration, fit.out_of_fold
    judged = judge_calibration(run, "validation", calibration, raw, together, *known, seed=experiment.seed)
    decision = calibration.decide(together)
    csv = run / "predictions_validation.csv"
    write_predictions(csv, data.table, validation.rows, validation.grades, together, raw, decision)

    def figures(probabilities: NDArray[np.floating]) -> dict[str, Interval]:
        return grade_metrics(validation.grades, probabilities, validation.people, seed=experiment.seed)

    members = {name: figures(part) for name, part in zip(names, fitted.probabilities, strict=True)}
    metrics = figures(together)
    content = {
        "split": "validation",
        "phantoms": data.phantoms,
        "near_duplicates_in_two_parts": near_duplicates,
        "ensemble": to_json(metrics),
        "members": {name: to_json(part) for name, part in members.items()},
        "methods": {name: to_json(figures(part)) for name, part in choice.predictions.items()},
        "choice": {
            "method": choice.spec.to_dict(),
            "validation_kappa": choice.scores,
            "reason": choice.reason,
            "specs": {name: spec.to_dict() for name, spec in choice.specs.items()},
        },
        "calibration": report_to_json(judged)
        | {
            "reason": calibration.reason,
            "judged": "out of fold; threshold and quantile were found on these people, so that coverage and the target's "
            "figure are what was asked for: the test part says what new people have",
        },
    }
    write_text_atomically(run / "metrics.json", json.dumps(content, indent=1) + "\n")
    reporter.note(f"ensemble: {choice.reason}")
    reporter.note(f"calibration: {calibration.reason}")
    readable = np.array([bool(pixels) for pixels in seen.pixels])
    reference = validation_reference(
        data.table, validation, calibration.calibrated(raw), prepared.values(), seen.figures, readable
    )
    doubts = usual_figures(data.table, seen, experiment.bundle.doubtful_share)
    sides = usual_eye_sides(data.table, seen)
    bundle_run(run, experiment, choice.spec, content, reporter, calibration, reference, doubts, sides)
    set_status(run, "finished")
    reporter.end(run)
    if point:
        choose_run(run, runs)
    return RunResult(run, metrics, members, choice, calibration)


def write_files(run: Path, files: RunFiles | None, phantoms: bool) -> None:
    """Write what a run's folder holds besides."""
    for name, text in (files(phantoms) if files else {}).items():
        write_text_atomically(run / name, text)


def resumable(run: Path) -> Experiment:
    """Return the configuration of a run that can be gone on with.

    Raises:
        KerasdrError: if the folder is no run.
    """
    if not all((run / name).is_file() for name in ("config.yaml", "data.json", "split.csv")):
        raise KerasdrError(f"{run} is not the folder of a run: `kerasdr runs` lists them")
    return load(str(run / "config.yaml"))


def _kappa(grades: NDArray[np.int64], probabilities: NDArray[np.floating]) -> float:
    return quadratic_kappa(grades, probabilities.argmax(axis=1))


def prepare_members(
    experiment: Experiment, data: ExperimentData, runs: Path, reporter: Reporter
) -> dict[str, PreparedPhotographs]:
    """Return the prepared photographs of each member, by its name; members of one recipe share theirs."""
    ready: dict[str, PreparedPhotographs] = {}
    by_imaging: dict[str, PreparedPhotographs] = {}
    for member in experiment.members:
        key = member.imaging.model_dump_json()
        if key not in by_imaging:
            progress = reporter.progress(f"preparing photographs ({member.imaging.recipe}, {member.imaging.size} px)")
            by_imaging[key] = prepare_table(data.table, data.digests, member.imaging, runs / ".cache", progress)
        ready[member.name] = by_imaging[key]
    return ready


def require_same_data(run: Path, data: ExperimentData) -> None:
    """Refuse to go on with a run, or to judge it, on other data than it was begun with.

    Raises:
        KerasdrError: if photographs, grades or split have changed.
    """
    begun = json.loads((run / "data.json").read_text(encoding="utf-8"))
    now = fingerprint(data.table, data.digests)
    if {**now, "sha256": "", **begun} != now:  # early runs did not keep the photographs' own SHA-256
        raise KerasdrError(f"the photographs or labels have changed since {run} was begun: start a new run")
    split = read_split(run / "split.csv")
    if dict(zip(split["image_id"], split["split"], strict=True)) != dict(
        zip(data.table["image_id"], data.table["split"], strict=True)
    ):
        raise KerasdrError(f"the split of {run} is not the one that its seed gives now: start a new run")


def _note_data(
    data: ExperimentData,
    prepared: Sequence[PreparedPhotographs],
    experiment: Experiment,
    run: Path,
    reporter: Reporter,
) -> None:
    table = data.table
    grades = person_or_eye_grades(table, experiment.data.target)
    for note in data.notes:
        reporter.note(f"data: {note}")
    for split in ("train", "validation", "test"):
        part = table[table["split"] == split]
        reporter.note(
            f"{split}: {len(part)} photographs of {part['patient_id'].nunique()} people, "
            f"grades 0-4: {slashed_counts(grades[part.index])}"
        )
    reasons = np.full(len(table), "", dtype=object)
    for reason, where in (
        ("no grade", grades.isna().to_numpy()),
        ("labelled ungradable", (table["quality"] == "ungradable").to_numpy()),
    ):
        reasons[where] = reason
    for photographs in prepared:  # what one member cannot see, none is given
        seen = np.array(photographs.reasons, dtype=object)
        reasons = np.where(seen != "", seen, reasons)
    columns = ["image_id", "patient_id", "split", "path"]
    # The true grade, where there is one: a report counts by intention to screen what could not be graded.
    left_out = table.loc[reasons != "", columns].assign(grade=grades.astype("Int64"), reason=reasons[reasons != ""])
    write_bytes_atomically(run / "left_out.csv", left_out.to_csv(index=False, lineterminator="\n").encode())
    if len(left_out):
        reporter.note(f"left out: {len(left_out)} photographs, listed with reasons in {run / 'left_out.csv'}")
    used = grades.where(reasons == "")
    require_two_grades(used, table["split"])
    for line in missing_grade_notes(used, table["split"]):
        reporter.note(f"warning: {line}")
