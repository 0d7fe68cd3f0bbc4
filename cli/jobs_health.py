"""``kerasdr jobs health``: for monitoring, whether the last job of an output went well and is not long ago."""

import time
from pathlib import Path

import click

from kerasdr.cli.options import Duration


@click.command("health")
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--max-age", type=Duration(), default="26h", show_default=True, help="How long ago the last job may have ended."
)
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger.  [default: grades.ledger beside grades.csv]"
)
@click.pass_context
def health_command(context: click.Context, output: Path, max_age: float, ledger: Path | None) -> None:
    """Say whether the last job of OUTPUT went well: exit code 0 if so, 1 if not, with one line that says why.

    A job went well that ended with exit code 0 or 3, not longer ago than --max-age. One that is at work does not count. Where
    jobs run from Monday to Friday alone, ask on the mornings after them, or give --max-age 74h.
    """
    from kerasdr.scoring.ledger.audit import read_output
    from kerasdr.scoring.operation.health import judge_csv, judge_health

    found = read_output(output, ledger)
    health = judge_health(found.book.runs, found.csv, max_age, time.time())
    if health.well:
        there = judge_csv(found.book.runs, found.csv)
        health = health if there.well else there
    click.echo(health.sentence, err=not health.well)
    context.exit(0 if health.well else 1)
