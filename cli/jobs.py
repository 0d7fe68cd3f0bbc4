"""``kerasdr jobs``: what a ledger says of the jobs that wrote a CSV."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.jobs_health import health_command
from kerasdr.cli.options import OutputFile
from kerasdr.errors import KerasdrError

if TYPE_CHECKING:
    from kerasdr.scoring.ledger.audit import Output, Verified

_OUTPUT = click.argument("output", type=click.Path(path_type=Path))
_LEDGER = click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger.  [default: grades.ledger beside grades.csv]"
)

EXAMPLES = """
\b
Examples:
  kerasdr jobs list grades.csv
  kerasdr jobs show grades.csv 3
  kerasdr jobs verify grades.csv --head 57:0123456789abcdef0123456789abcdef
  kerasdr jobs health grades.csv --max-age 26h
  kerasdr jobs export grades.csv --format json --out trail.jsonl
"""

VERIFY = """
\b
Exit code:
  0  ledger, CSV and pictures are as they were written
  1  something is not: one line says what and where
  4  with --rebuild: the disk or share failed; give the same command again
  5  with --rebuild: a job writes to this output
"""


@click.group("jobs", epilog=EXAMPLES)
def jobs_group() -> None:
    """Show what jobs have done, and check that nothing was changed since.

    OUTPUT is a CSV that `kerasdr predict` wrote, or its ledger.
    """


@jobs_group.command("list")
@_OUTPUT
@_LEDGER
def list_command(output: Path, ledger: Path | None) -> None:
    """List the jobs of OUTPUT, one a line."""
    from kerasdr.scoring.ledger.audit import how, is_at_work

    found = _read(output, ledger)
    for run in found.book.runs:
        begun, ended = run.begun, how(run, at_work=is_at_work(found, run))
        click.echo(f"{run.number}  {begun['time']}  {begun['user']}  {begun['model']}  {run.answers} new; {ended}")


@jobs_group.command("show")
@_OUTPUT
@click.argument("number", type=click.IntRange(min=1), required=False)
@_LEDGER
def show_command(output: Path, number: int | None, ledger: Path | None) -> None:
    """Show one job of OUTPUT: by its NUMBER in the list, or the last."""
    from kerasdr.reporting import plural
    from kerasdr.scoring.ledger.audit import describe

    found = _read(output, ledger)
    runs = found.book.runs
    if not runs or (number or 1) > len(runs):
        there = f"there {plural(len(runs), 'is', 'are')} {len(runs)} {plural(len(runs), 'job')}"
        raise KerasdrError(f"{there}: name one of them by its number in `kerasdr jobs list`")
    run = runs[-1] if number is None else runs[number - 1]
    for name, value in (("job", f"{run.number} of {len(runs)}"), *describe(found, run)):
        click.echo(f"{name:<10}{value}")


@jobs_group.command("verify", epilog=VERIFY)
@_OUTPUT
@_LEDGER
@click.option("--head", help="What a job's last line said of the ledger: whether entries were cut off since.")
@click.option("--rebuild", is_flag=True, help="Write the CSV anew, from the ledger, if it is missing or was changed.")
def verify_command(output: Path, ledger: Path | None, head: str | None, rebuild: bool) -> None:
    """Check the ledger of OUTPUT entry by entry, the CSV byte by byte, and its pictures."""
    from kerasdr.files import printable_path, write_bytes_atomically
    from kerasdr.reporting import plural
    from kerasdr.scoring.held_output import held_output
    from kerasdr.scoring.ledger.audit import verify
    from kerasdr.scoring.ledger.chain import Head, parse_head

    known = None if head is None else parse_head(head)
    found = _read(output, ledger)
    with contextlib.ExitStack() as stack:
        if rebuild:
            stack.enter_context(held_output(found.csv, found.ledger, pictures=False))
            found = _read(output, ledger)  # a job may just have ended, and from now on none does
        verified = verify(found, known)
        again = rebuild and not verified.csv_is
        if again:
            write_bytes_atomically(found.csv, verified.data)
    if problems := list(_problems(found, verified, again)):
        raise KerasdrError(f"{'; '.join(problems)}: run the same `kerasdr predict` again, which mends it")
    end = Head(len(found.entries), found.entries[-1].hash)
    what = "was written anew" if again else "is as it was written"
    pictures = f"{verified.pictures} {plural(verified.pictures, 'picture')}"
    click.echo(f"{printable_path(found.csv)} {what}, with {pictures}; ledger {end}")


def _problems(found: "Output", verified: "Verified", again: bool) -> list[str]:
    from kerasdr.files import printable_path
    from kerasdr.reporting import plural

    problems = []
    if not verified.csv_is and not again:
        what = "is not what the last job wrote" if found.csv.exists() else "is missing"
        where = f" ({verified.difference})" if verified.difference else ""
        problems.append(f"{printable_path(found.csv)} {what}{where}")
    if verified.damaged:
        some = f"{len(verified.damaged)} of {verified.pictures} {plural(verified.pictures, 'picture')}"
        some += f" {plural(len(verified.damaged), 'is', 'are')} missing or changed"
        problems.append(f"{some}, the first {verified.damaged[0]}")
    return problems


@jobs_group.command("export")
@_OUTPUT
@_LEDGER
@click.option("--format", "kind", type=click.Choice(["csv", "json"]), default="csv", show_default=True)
@click.option("--out", type=OutputFile(b'{"', b"run,time,"), help="A file to write.  [default: standard output]")
def export_command(output: Path, ledger: Path | None, kind: str, out: Path | None) -> None:
    """Write the trail of OUTPUT: each row of each job, who began it and when, and by which row it was superseded.

    As a CSV, or as lines of JSON, in which names are exact to the byte. That a model was compared or accepted, or that
    readers' decisions were merged, is a row as well, with that in the place of a status.
    """
    from kerasdr.files import write_bytes_atomically
    from kerasdr.scoring.ledger.audit import trail_csv, trail_json

    book = _read(output, ledger).book
    lines = trail_csv(book) if kind == "csv" else trail_json(book)
    data = "".join(lines).encode("utf-8")
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        write_bytes_atomically(out, data)


jobs_group.add_command(health_command)


def _read(output: Path, ledger: Path | None) -> "Output":
    from kerasdr.scoring.ledger.audit import read_output

    return read_output(output, ledger)
