"""``kerasdr jobs health``: for monitoring, whether the last job of an output went well and is not long ago."""

import time
from pathlib import Path

import click

from kerasdr.cli.job_options import Duration


@click.command("health")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--max-age", type=Duration(), default="26h", show_default=True, help="How long ago the last job may have ended."
)
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Of the jobs.  [default: grades.ledger beside grades.csv]"
)
@click.pass_context
def health_command(context: click.Context, out: Path, max_age: float, ledger: Path | None) -> None:
    """Say whether the last job of the CSV OUT went well: exit code 0 if so, 1 if not, with one line that says why.

    A job went well that ended with exit code 0 or 3, not longer ago than --max-age. One that is at work does not count.
    """
    from kerasdr.scoring.ledger.book import read_book
    from kerasdr.scoring.ledger.place import ledger_path
    from kerasdr.scoring.ledger.store import read_ledger
    from kerasdr.scoring.operation.health import judge_health

    runs = read_book(read_ledger(ledger_path(out) if ledger is None else ledger)).runs
    health = judge_health(runs, out, max_age, time.time())
    click.echo(health.sentence, err=not health.well)
    context.exit(0 if health.well else 1)
