"""Running a task: each of its rows with each seed, one run folder for each, gone on with where it stopped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.config import Experiment, resolve
from kerasdr.errors import KerasdrError
from kerasdr.files import write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.tasks import Scale, Task, TaskRow, load_task, row_experiment
from kerasdr.training.continued import is_finished, train_in
from kerasdr.training.held_out import NoTestPart, open_test_part
from kerasdr.training.run_folder import choose_run
from kerasdr.training.task_figures import write_task_figures

_ROW = "row:"


@dataclass(frozen=True)
class TaskRun:
    """One row with one seed.

    Attributes:
        row: the row.
        seed: the seed.
        folder: of its run.
        experiment: what is trained; initial weights that another row gives are named by their path.
    """

    row: TaskRow
    seed: int
    folder: Path
    experiment: Experiment

    @property
    def finished(self) -> bool:
        """Whether it was trained already."""
        return is_finished(self.folder)


def plan_task(
    task: Task, runs: Path, *, scale: Scale = "full", only: Sequence[str] = (), settings: Sequence[str] = ()
) -> list[TaskRun]:
    """Return all runs of a task, in the order of its rows.

    Args:
        task: from :func:`kerasdr.tasks.load_task`.
        runs: the folder of all runs; a row's run is ``<task>.<row>/seed-<seed>`` there, with ``-mini`` behind at scale mini.
        scale: ``full`` or ``mini``.
        only: names of rows; all if empty.
        settings: ``key=value``, laid over every row.

    Raises:
        KerasdrError: if a row does not exist, or its configuration is wrong.
    """
    rows = [task.row(name) for name in only] or list(task.rows)
    planned = []
    for row in rows:
        for seed in task.seeds_of(row, scale):
            experiment = row_experiment(task, row, seed, scale, settings)
            folder = run_folder(runs, task.task, row.name, seed, scale)
            planned.append(TaskRun(row, seed, folder, _with_weights(experiment, task, runs, seed, scale)))
    return planned


def run_folder(runs: Path, task: str, row: str, seed: int, scale: Scale) -> Path:
    """Return the folder of a row's run with a seed."""
    return runs / f"{task}.{row}{'-mini' if scale == 'mini' else ''}" / f"seed-{seed}"


def run_task(
    task: Task,
    runs: Path,
    reporter: Reporter,
    *,
    scale: Scale = "full",
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> list[TaskRun]:
    """Train what is not trained yet, open each run's test part and draw its figures once, and choose on validation.

    Args:
        task, runs, scale, only, settings: as :func:`plan_task`.
        reporter: hears of progress.

    Returns:
        The runs, all finished.

    Raises:
        KerasdrError: if a run cannot be trained, or one stands there that was begun with another configuration.
    """
    planned = plan_task(task, runs, scale=scale, only=only, settings=settings)
    for number, run in enumerate(planned, start=1):
        title = f"{task.task} {run.row.name}, seed {run.seed} ({number} of {len(planned)})"
        if run.finished:
            reporter.note(f"{title}: finished before")
        else:
            reporter.note(title)
            _require_weights(run.experiment)
        train_in(run.folder, run.experiment, runs, reporter)
        # Written last, and again, so that an interruption between the two leaves nothing out.
        _note_task(task, run, scale, settings)
        try:
            open_test_part(run.folder, reporter)
        except NoTestPart as nothing:  # APTOS, the course's unlabelled part: validation is all there is
            reporter.note(str(nothing))
        write_task_figures(run.folder, run.row.figures, reporter)
    _choose(task, plan_task(task, runs, scale=scale, settings=settings), runs, reporter)
    return planned


def _with_weights(experiment: Experiment, task: Task, runs: Path, seed: int, scale: Scale) -> Experiment:
    """Put paths in the place of ``row:`` in the members' initial weights."""
    content = experiment.model_dump(mode="json")
    changed = False
    for member in content["members"]:
        weights = member["model"]["weights"]
        if not weights.startswith(_ROW):
            continue
        name, _, row = weights.removeprefix(_ROW).rpartition("/")
        other = load_task(name) if name and name != task.task else task
        source = other.row(row)
        if seed not in other.seeds_of(source, scale):
            # Another seed may have dealt people of this run's test part into the training that gave the weights; train()
            # compares the photographs, but only once that training is over.
            raise KerasdrError(
                f"row {row} of {other.task} is not trained with seed {seed}, from which {experiment.name} would start: "
                "give both the same seeds"
            )
        folder = run_folder(runs, other.task, source.name, seed, scale)
        first = row_experiment(other, source, seed, scale).members[0].name
        member["model"]["weights"] = str((folder / "members" / first / "weights.npz").resolve())
        changed = True
    return resolve(content, experiment.name) if changed else experiment


def _require_weights(experiment: Experiment) -> None:
    for member in experiment.members:
        path = Path(member.model.weights)
        if path.suffix == ".npz" and len(path.parents) > 3 and not path.is_file():
            task, _, row = path.parents[3].name.removesuffix("-mini").partition(".")
            scale = " --scale mini" if path.parents[3].name.endswith("-mini") else ""
            raise KerasdrError(
                f"{member.name} starts from the weights of row {row} of {task}, which is not trained yet: "
                f"run `kerasdr train {task} --only {row}{scale}` first"
            )


def _note_task(task: Task, run: TaskRun, scale: Scale, settings: Sequence[str]) -> None:
    metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    content = {
        "task": task.task,
        "row": run.row.name,
        "seed": run.seed,
        "scale": scale,
        "phantoms": metrics["phantoms"],
        "layout": run.experiment.data.layout,
        # Where the photographs lie is not what was changed about the row.
        "settings": [setting for setting in settings if not setting.startswith("data.root=")],
    }
    write_text_atomically(run.folder / "task.json", json.dumps(content, indent=1) + "\n")


def _choose(task: Task, planned: Sequence[TaskRun], runs: Path, reporter: Reporter) -> None:
    """Point ``runs/chosen`` to the candidate of the highest validation kappa; among equals, to the first."""
    wanted = task.candidates or tuple(row.name for row in task.rows)
    candidates = [run for run in planned if run.row.name in wanted and run.finished]
    if not candidates:
        return
    kappas = {}
    for run in candidates:
        metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
        kappas[run.folder] = metrics["ensemble"]["quadratic_kappa"]["value"]
    best = max(kappas, key=lambda folder: kappas[folder])
    choose_run(best, runs)
    others = ", ".join(f"{folder.parent.name}/{folder.name} {kappa:.4f}" for folder, kappa in kappas.items())
    reason = f"{best.parent.name}/{best.name} has the highest validation kappa among {others}"
    write_text_atomically(runs / "chosen-reason.txt", reason + "\n")
    reporter.note(f"chosen: {reason}")
