"""``kerasdr evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.training.submission import Ids

EXAMPLES = """
\b
Examples:
  kerasdr evaluate
  kerasdr evaluate runs/task-a.dual-resnet18/seed-40
  kerasdr evaluate --submission submission.csv --submission-id file-name
"""


@click.command("evaluate", epilog=EXAMPLES)
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.csv",
    help="Grade the whole test part, labelled or not, into ID,TARGET; open no labels.",
)
@click.option(
    "--submission-id",
    type=click.Choice(["image_id", "file-name"]),
    help="What ID is: 1_l1, or 1_l1.jpg as the course's own code writes.  [default: image_id]",
)
def evaluate_command(run: Path | None, runs: Path, submission: Path | None, submission_id: "Ids | None") -> None:
    """Report on the test part of RUN (the chosen run if not given).

    The test part is opened once: the first call grades it with the run's bundle and keeps the result, later calls show what
    was kept.

    With --submission nothing is reported and no label is used. FILE.csv gets one row for every photograph of the test part,
    in the order of the data set's list; one that is missing, unreadable or ungradable has the most frequent grade of the
    training part.
    """
    from kerasdr.training.run_folder import chosen_run

    if submission is None and submission_id is not None:
        raise click.UsageError("--submission-id says what --submission writes: give --submission FILE.csv as well")
    run = run or chosen_run(runs)
    load_keras_quietly()
    reporter = TerminalReporter()
    if submission is not None:
        _submit(run, submission, submission_id or "image_id", reporter)
        return
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.held_out import open_test_part

    result = open_test_part(run, reporter)
    click.echo(f"{run}: test part, {result.opened}")
    click.echo(metrics_table(result.metrics))
    click.echo(f"not graded: {result.not_graded} of {result.photographs} photographs (ungradable or unreadable)")


def _submit(run: Path, target: Path, ids: "Ids", reporter: TerminalReporter) -> None:
    from kerasdr.files import printable_path
    from kerasdr.training.submission import write_submission

    written = write_submission(run, target, reporter, ids)
    if written.not_graded:
        click.echo(
            f"{written.not_graded} of {written.rows} photographs are missing, unreadable or ungradable: "
            f"their rows say {written.fallback}, the most frequent grade of the training part",
            err=True,
        )
    click.echo(f"{written.rows} rows of {run} in {printable_path(target)}")
