"""``kerasdr train``."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter

if TYPE_CHECKING:
    from kerasdr.config import Experiment
    from kerasdr.data.roots import DataRoots

EXAMPLES = """
\b
Examples:
  kerasdr train demo
  kerasdr train eyepacs --data ~/eyepacs --set model.weights=mobilenet_v2.weights.h5
  kerasdr train my.yaml --set training.batch_size=16 --dry-run
  kerasdr train eyepacs --data ~/eyepacs --folds 5 --repeat 3
  kerasdr train eyepacs --data ~/eyepacs --folds 5 --repeat 3 --dry-run
  kerasdr train task-d --data ~/deepdrid --given ~/weights --only ensemble
  kerasdr train task-b --data aptos=/data/aptos --data deepdrid=/data/deepdrid
  kerasdr train --resume runs/eyepacs/20260101-093000
  kerasdr train eyepacs --data ~/eyepacs --mlflow ~/mlflow
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("experiment", required=False, metavar="NAME_OR_YAML")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key; may be given many times.")
@click.option(
    "--data",
    multiple=True,
    metavar="[LAYOUT=]PATH",
    help="The photographs' folder (data.root). A task whose rows read several layouts takes one for each: LAYOUT=PATH.",
)
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--only", multiple=True, metavar="ROW", help="A task: only this row; may be given many times.")
@click.option("--scale", type=click.Choice(["full", "mini"]), help="A task: mini is for two cores.  [default: full]")
@click.option(
    "--given",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A task: where the given weights lie, FOLDER/<trunk>.pth.  [default: given]",
)
@click.option("--folds", type=click.IntRange(3, 20), help="Cross-validate: train and test this many folds of people.")
@click.option("--repeat", type=click.IntRange(1, 100), default=1, help="With --folds: deal people anew this often.")
@click.option("--dry-run", is_flag=True, help="Print the plan with counts and an estimate of the time, and stop.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an interrupted run.")
@click.option(
    "--mlflow",
    metavar="URI_OR_FOLDER",
    help="Also log settings, epochs and results to MLflow (pip install 'kerasdr[mlflow]').",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
def train_command(
    experiment: str | None,
    settings: tuple[str, ...],
    data: tuple[str, ...],
    runs: Path,
    only: tuple[str, ...],
    scale: Literal["full", "mini"] | None,
    given: Path | None,
    folds: int | None,
    repeat: int,
    dry_run: bool,
    resume: Path | None,
    mlflow: str | None,
    quiet: bool,
) -> None:
    """Train an experiment and choose it for `kerasdr predict`.

    NAME_OR_YAML is the name of a shipped configuration (`kerasdr models` lists them) or a path ending in .yaml. Everything
    goes to a folder of its own below RUNS, event files for TensorBoard included; RUNS/chosen then points to it. task-a to
    task-e are the report's tasks: each of their rows is trained, tested and kept, and what is finished is passed over when
    the command is given again. A task's row takes those --set that it has a place for.

    With --folds nothing is chosen for `kerasdr predict`: every person is graded once by networks that have not seen them,
    which judges the experiment. Given again, it goes on where it stopped.
    """
    from kerasdr.config import load, read
    from kerasdr.tasks import is_task

    if (experiment is None) == (resume is None):
        raise click.UsageError("name a configuration, or a run with --resume")
    if resume is not None and (settings or data or given or dry_run or only or scale):
        raise click.UsageError(
            "--resume goes on with the run's own configuration: "
            "it takes no --set, --data, --only, --scale, --given or --dry-run"
        )
    if folds is None and repeat > 1:
        raise click.UsageError("--repeat says how often --folds deals people anew: give --folds as well")
    if folds is not None and resume is not None:
        raise click.UsageError("--folds goes on by itself when it is given again: it takes no --resume")
    if dry_run and mlflow is not None:
        raise click.UsageError("--dry-run trains nothing: it takes no --mlflow")
    reporter: Reporter = TerminalReporter(quiet=quiet)
    if mlflow is not None:
        from kerasdr.training.mlflow_tracking import MlflowReporter

        reporter = MlflowReporter(reporter, mlflow)
    if resume is not None:
        from kerasdr.training.run_folder import get_status, runs_of

        if get_status(resume) == "finished":
            raise KerasdrError(f"{resume} is finished: choose it with `kerasdr choose {resume}`")
        runs = runs_of(resume)
    else:
        from kerasdr.data.roots import parse_roots, place_data

        assert experiment is not None
        roots = parse_roots(data)
        if is_task(read(experiment)):
            if folds is not None:
                raise click.UsageError(f"{experiment} is a task: --folds is for one experiment")
            _train_task(experiment, settings, roots, runs, only, scale or "full", given, dry_run, reporter)
            return
        if only or scale or given:
            raise click.UsageError(f"{experiment} is one experiment: --only, --scale and --given are for tasks")
        (chosen,) = place_data([load(experiment, settings)], roots, experiment)
    load_keras_quietly()
    if dry_run:
        from kerasdr.training.plan import folds_plan, make_plan

        if folds is not None:
            click.echo(folds_plan(chosen, runs, reporter, folds=folds, repeats=repeat))
        else:
            click.echo(make_plan(chosen, runs, reporter))
        return
    if folds is not None:
        _cross_validate(chosen, runs, folds, repeat, reporter)
        return
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.experiment import resumable, train

    if resume is not None:
        chosen = resumable(resume)
    # A fold that was stopped may be gone on with like any run, but it is there to be judged by, not to score with.
    scores = chosen.data.fold is None
    result = train(chosen, runs, reporter, resume, point=scores)
    click.echo(f"\n{chosen.name}: {result.choice.spec.method} of {len(result.members)} members, on validation data")
    click.echo(metrics_table(result.metrics))
    for name, figures in result.members.items():
        click.echo(f"  member {name}: kappa {figures['quadratic_kappa']}")
    for line in result.calibration.lines():
        click.echo(f"  {line}")
    click.echo(
        f"run: {result.run}" + (", chosen for `kerasdr predict`" if scores else ", a fold of a cross-validation")
    )


def _cross_validate(experiment: "Experiment", runs: Path, folds: int, repeats: int, reporter: Reporter) -> None:
    from kerasdr.evaluation.calibration_report import report_text
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.cross_validation import cross_validate

    result = cross_validate(experiment, runs, reporter, folds=folds, repeats=repeats)
    for number, figures in enumerate(result.repeats, start=1):
        click.echo(f"\n{experiment.name}: out of fold, {folds} folds by person, repeat {number} of {repeats}")
        click.echo(metrics_table(figures))
        if (calibration := result.calibration[number - 1]) is not None:
            click.echo(report_text(calibration))
    if repeats > 1:
        click.echo(f"\n{experiment.name}: {repeats} repeats, seeds {', '.join(map(str, result.seeds))}")
        for name in ("quadratic_kappa", "auc_referable"):
            spread, mean = result.spread(name), result.average[name]
            if math.isnan(spread.mean):
                click.echo(f"{name} over {repeats} repeats: undefined, because it is in one of them")
                continue
            click.echo(
                f"{name} over {repeats} repeats: mean {spread.mean:.3f}, standard deviation {spread.deviation:.3f}, from "
                f"{spread.lowest:.3f} to {spread.highest:.3f}; {mean.level:.0%} interval of the mean over people "
                f"{mean.low:.3f} to {mean.high:.3f}"
            )
        click.echo(
            "The spread over repeats is what another deal of the same people and other seeds change; the interval is what "
            "other people would change. Neither holds the other."
        )
    click.echo(f"not graded: {result.not_graded} of {result.photographs} photographs (ungradable or unreadable)")
    click.echo(f"folds, out_of_fold.csv and repeats.csv: {result.folder}")


def _train_task(
    name: str,
    settings: tuple[str, ...],
    roots: "DataRoots",
    runs: Path,
    only: tuple[str, ...],
    scale: Literal["full", "mini"],
    given: Path | None,
    dry_run: bool,
    reporter: Reporter,
) -> None:
    from kerasdr.tasks import load_task

    task = load_task(name)
    load_keras_quietly()
    from kerasdr.training.plan import task_plan
    from kerasdr.training.task_rows import plan_task
    from kerasdr.training.task_runs import run_task

    if dry_run:
        planned = plan_task(task, runs, scale=scale, only=only, settings=settings, roots=roots, given=given)
        click.echo(task_plan(task, planned, runs, reporter))
        return
    finished = run_task(task, runs, reporter, scale=scale, only=only, settings=settings, roots=roots, given=given)
    click.echo(f"{task.task}: {len(finished)} runs finished; `kerasdr report {runs}` makes the tables")
