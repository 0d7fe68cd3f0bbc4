"""``kerasdr train``."""

from pathlib import Path

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly
from kerasdr.errors import KerasdrError

EXAMPLES = """
\b
Examples:
  kerasdr train demo
  kerasdr train eyepacs --data ~/eyepacs --set model.weights=mobilenet_v2.weights.h5
  kerasdr train my.yaml --set training.batch_size=16 --dry-run
  kerasdr train --resume runs/eyepacs/20260101-093000
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("experiment", required=False, metavar="NAME_OR_YAML")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key; may be given many times.")
@click.option("--data", type=click.Path(path_type=Path), help="The photographs' folder (data.root).")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--dry-run", is_flag=True, help="Print the plan with counts and an estimate of the time, and stop.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with an interrupted run.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
def train_command(
    experiment: str | None,
    settings: tuple[str, ...],
    data: Path | None,
    runs: Path,
    dry_run: bool,
    resume: Path | None,
    quiet: bool,
) -> None:
    """Train an experiment and choose it for `kerasdr predict`.

    NAME_OR_YAML is the name of a shipped configuration (`kerasdr models` lists them) or a path ending in .yaml. Everything
    goes to a folder of its own below RUNS; RUNS/chosen then points to it.
    """
    from kerasdr.config import load

    if (experiment is None) == (resume is None):
        raise click.UsageError("name a configuration, or a run with --resume")
    if resume is not None and (settings or data is not None or dry_run):
        raise click.UsageError("--resume goes on with the run's own configuration: it takes no --set, --data or --dry-run")
    reporter = TerminalReporter(quiet=quiet)
    if resume is not None:
        from kerasdr.training.run_folder import get_status, runs_of

        if get_status(resume) == "finished":
            raise KerasdrError(f"{resume} is finished: choose it with `kerasdr choose {resume}`")
        runs = runs_of(resume)
    else:
        assert experiment is not None
        if data is not None:
            settings = (*settings, f"data.root={_quoted(data)}")
        chosen = load(experiment, settings)
    load_keras_quietly()
    if dry_run:
        from kerasdr.training.plan import make_plan

        click.echo(make_plan(chosen, runs, reporter))
        return
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.experiment import resumable, train

    if resume is not None:
        chosen = resumable(resume)
    result = train(chosen, runs, reporter, resume)
    click.echo(f"\n{chosen.name}: {result.choice.spec.method} of {len(result.members)} members, on validation data")
    click.echo(metrics_table(result.metrics))
    for name, figures in result.members.items():
        click.echo(f"  member {name}: kappa {figures['quadratic_kappa']}")
    click.echo(f"run: {result.run}, chosen for `kerasdr predict`")


def _quoted(path: Path) -> str:
    # The value of --set is read as YAML: quotes keep a path with a colon or a hash whole.
    return "'" + str(path).replace("'", "''") + "'"
