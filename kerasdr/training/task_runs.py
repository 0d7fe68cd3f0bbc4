"""Running a task: each of its rows with each seed, one run folder for each, gone on with where it stopped."""

import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path

import yaml

from kerasdr.data.roots import DataRoots
from kerasdr.files import write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.tasks import Scale, Task
from kerasdr.training.continued import is_finished, train_in
from kerasdr.training.held_out import NoTestPart, open_test_part
from kerasdr.training.run_folder import choose_run
from kerasdr.training.task_checks import require_ready
from kerasdr.training.task_figures import write_task_figures
from kerasdr.training.task_rows import TaskRun, plan_task, run_folder


def run_task(
    task: Task,
    runs: Path,
    reporter: Reporter,
    *,
    scale: Scale = "full",
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
    roots: DataRoots | None = None,
    given: Path | None = None,
) -> list[TaskRun]:
    """Train what is not trained yet, open each run's test part and draw its figures once, and choose on validation.

    What can be known of all runs is checked before the first is trained. Each run's folder gets ``task.json``, which says
    what it is a run of, when it begins.

    Args:
        task, runs, scale, only, settings, roots, given: as :func:`kerasdr.training.task_rows.plan_task`.
        reporter: hears of progress.

    Returns:
        The runs, all finished.

    Raises:
        KerasdrError: if a run cannot be trained, or one stands there that was begun with another configuration.
    """
    planned = plan_task(task, runs, scale=scale, only=only, settings=settings, roots=roots, given=given)
    require_ready(planned, runs)
    for number, run in enumerate(planned, start=1):
        title = f"{task.task} {run.row.name}, seed {run.seed} ({number} of {len(planned)})"
        reporter.note(f"{title}: finished before" if run.finished else title)
        for setting in run.passed_over:
            reporter.note(f"{title}: has no place for --set {setting}")
        train_in(run.folder, run.experiment, runs, reporter, files=functools.partial(_describe, task, run, scale))
        try:
            open_test_part(run.folder, reporter, command=f"kerasdr train {task.task}")
        except NoTestPart as nothing:  # APTOS, the course's unlabelled part: validation is all there is
            reporter.note(str(nothing))
        write_task_figures(run.folder, run.row.figures, reporter)
    _choose(task, runs, scale, reporter)
    return planned


def _describe(task: Task, run: TaskRun, scale: Scale, phantoms: bool) -> dict[str, str]:
    """Return what a run's folder holds besides, by name: what it is a run of."""
    content = {
        "task": task.task,
        "row": run.row.name,
        "seed": run.seed,
        "scale": scale,
        "phantoms": phantoms,
        "layout": run.experiment.data.layout,
        "settings": _without_roots(run.settings),
    }
    return {"task.json": json.dumps(content, indent=1) + "\n"}


def _without_roots(settings: Sequence[str]) -> list[str]:
    """Leave out where the photographs lie, which is not what was changed about a row."""
    kept = []
    for setting in settings:
        key, _, value = setting.partition("=")
        if key.strip() == "data.root":
            continue
        if key.strip() == "data" and isinstance(section := yaml.safe_load(value), dict) and "root" in section:
            rest = {name: item for name, item in section.items() if name != "root"}
            setting = f"data={yaml.safe_dump(rest, default_flow_style=True, sort_keys=False, width=10**6).strip()}"
        kept.append(setting)
    return kept


def _choose(task: Task, runs: Path, scale: Scale, reporter: Reporter) -> None:
    """Point ``runs/chosen`` to the candidate of the highest validation kappa; among equals, to the first.

    Runs of rows that were not asked for this time take part as they lie in their folders, whatever they were given.
    """
    wanted = task.candidates or tuple(row.name for row in task.rows)
    folders = [
        run_folder(runs, task.task, row.name, seed, scale)
        for row in task.rows
        if row.name in wanted
        for seed in task.seeds_of(row, scale)
    ]
    kappas = {}
    for folder in filter(is_finished, folders):
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        kappa = metrics["ensemble"]["quadratic_kappa"]["value"]
        kappas[folder] = -math.inf if kappa is None else kappa  # undefined is below all
    if not kappas:
        return
    best = max(kappas, key=lambda folder: kappas[folder])
    choose_run(best, runs)
    said = {folder: f"{kappa:.4f}" if math.isfinite(kappa) else "undefined" for folder, kappa in kappas.items()}
    others = ", ".join(f"{folder.parent.name}/{folder.name} {text}" for folder, text in said.items())
    reason = f"{best.parent.name}/{best.name} has the highest validation kappa among {others}"
    write_text_atomically(runs / "chosen-reason.txt", reason + "\n")
    reporter.note(f"chosen: {reason}")
