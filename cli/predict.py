"""``kerasdr predict``: photographs in, CSV and Grad-CAM pictures out."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasdr.cli.archive_options import archive_options, room_for_archive, then_archive
from kerasdr.cli.job_options import grading_options, job_arguments, out_option, telling_options
from kerasdr.cli.options import Duration, OutputFile
from kerasdr.cli.review_page import page_of_job
from kerasdr.cli.stopping import stopping
from kerasdr.review import PAGE_BEGINS

if TYPE_CHECKING:
    from kerasdr.cli.job_telling import Telling
    from kerasdr.scoring.operation.parts import Part, Select

EXAMPLES = """
\b
Examples:
  kerasdr predict ./images --out grades.csv
  kerasdr predict a.jpg 'scans/*_left.png' --out grades.csv --no-gradcam
  kerasdr predict incoming --out grades.csv --limit-time 6h --max-failed 100
  kerasdr predict incoming --out part2.csv --part 2/5
  kerasdr predict ./images --out grades.csv --html review.html
  kerasdr predict ./images --out grades.csv --dicom-out to-archive --fhir-out grades.json
  find /data -name '*.jpg' -print0 | kerasdr predict - --null --out grades.csv
  kerasdr predict ./images --out grades.csv --pseudonymise --key ~/keys/site.key

\b
Given again, the same command goes on where a job stopped, and grades what is new or was changed.

\b
Exit code:
  0    every photograph was graded, or is ungradable and says so
  3    some photographs could not be read: see status and reason in the CSV
  4    not finished: some wait, a limit was reached, the disk failed, or many photographs of the CSV are not there
       any more; give the same command again
  5    another job writes to this output
  6    the model is damaged, none, not the one expected, not accepted where models are (`kerasdr bundle accept`), or
       gives other answers here than are known of it
  2    wrong usage
  1    the job could not be done
  130  interrupted
"""


class _Part(click.ParamType):
    """A part of several, such as ``2/5``."""

    name = "part"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> "Part":
        from kerasdr.errors import KerasdrError
        from kerasdr.scoring.operation.parts import parse_part

        try:
            return parse_part(str(value))
        except KerasdrError as error:
            self.fail(str(error), parameter, context)


@click.command("predict", epilog=EXAMPLES)
@click.argument("inputs", nargs=-1, required=True)
@out_option
@grading_options
@click.option(
    "--limit-time",
    type=Duration(),
    help="Take no new photographs after this time, such as 6h, 90m or 45s; the rest wait for the next run.",
)
@click.option(
    "--max-failed",
    type=click.IntRange(min=0),
    help="Stop when more photographs than this failed that did not fail before.",
)
@click.option(
    "--part",
    type=_Part(),
    metavar="N/OF",
    help="Grade one part of the photographs alone, such as 2/5; the whole of a person is in one part. "
    "`kerasdr merge` makes one CSV of all parts.",
)
@click.option(
    "--accept-missing",
    is_flag=True,
    help="Let the rows go of photographs that are in the CSV and not there any more, however many they are.",
)
@click.option(
    "--html",
    type=OutputFile(PAGE_BEGINS.encode()),
    metavar="FILE.html",
    help="Also write the page on which a person looks at the grades; see `kerasdr review page`.",
)
@archive_options
@click.option("--null", "-0", is_flag=True, help="With -: the list's entries end with NUL instead of a new line.")
@telling_options
@click.pass_context
def predict_command(
    context: click.Context,
    inputs: tuple[str, ...],
    out: Path,
    limit_time: float | None,
    max_failed: int | None,
    part: "Part | None",
    accept_missing: bool,
    html: Path | None,
    dicom_out: Path | None,
    fhir_out: Path | None,
    codes: Path | None,
    null: bool,
    quiet: bool,
    log_json: bool,
    log: Path | None,
    metrics: Path | None,
    **grading: Any,
) -> None:
    """Grade photographs into a CSV, with a Grad-CAM picture for each.

    INPUTS are files, folders (searched with their sub-folders), globs, or - for a list on standard input.
    """
    from kerasdr.cli.job_summary import finishing
    from kerasdr.cli.job_telling import Ways, telling
    from kerasdr.files import printable_path
    from kerasdr.scoring.job import run_job
    from kerasdr.scoring.unanswered import Limits

    if "-" in inputs:
        if inputs != ("-",):
            raise click.UsageError("- reads the list from standard input and stands alone")
        inputs = tuple(_listed(null))
    elif null:
        raise click.UsageError("--null tells how the list on standard input is written: give - as INPUTS")
    ways = Ways(
        quiet, log_json, log, metrics, grading["ledger"], names=not grading["pseudonymise"], html=html, fhir=fhir_out
    )
    room = room_for_archive(dicom_out, fhir_out, codes, pseudonymise=grading["pseudonymise"])
    archived: list[str] = []
    # The system's word that it goes down, or a timer's: what is in hand is kept, as at a limit.
    with telling(ways, out) as told, stopping(signal.SIGTERM) as stop, _room_for_page(html, inputs), room as wanted:
        arguments = job_arguments(told, out, **grading)
        summary = run_job(
            inputs,
            out=out,
            limits=Limits(limit_time, max_failed, stopped=stop.is_set),
            select=None if part is None else _select(part, told, grading["photo_timeout"]),
            accept_missing=accept_missing,
            finish=then_archive(finishing(told, arguments), wanted, arguments, told, archived),
            **arguments,
        )
        # With the output free again: the page takes a while, and only reads what the job left.
        page = "" if html is None else page_of_job(summary.csv, html, inputs, told)
    if not told.quiet:
        beside = "" if summary.pictures is None else f", Grad-CAM pictures in {printable_path(summary.pictures)}/"
        click.echo(f"{summary.sentence()}; wrote {printable_path(summary.csv)}{beside}; ledger {summary.head}")
        for line in [*archived, page] if page else archived:
            click.echo(line)
    context.exit(summary.exit_code)


@contextlib.contextmanager
def _room_for_page(html: Path | None, roots: Sequence[str]) -> Iterator[None]:
    """Find out before the night, and not after it, that a page cannot be written where it is to lie."""
    from kerasdr.review.photographs import check_roots
    from kerasdr.scoring.names import page_folder
    from kerasdr.scoring.results import room_for

    if html is None:
        yield
        return
    check_roots(roots, page_folder(html))
    with room_for(html.parent, "--html"):
        yield


def _select(part: "Part", told: "Telling", seconds: float) -> "Select":
    from kerasdr.scoring.inputs import Input
    from kerasdr.scoring.operation.parts import Selection

    def select(listed: Callable[[], Sequence[Input]]) -> Selection:
        inputs = listed()
        selection = part.select(inputs, seconds)
        told.note(part.sentence(len(selection.inputs), len(inputs)))
        return selection

    return select


def _listed(null: bool) -> list[str]:
    # Names are bytes: what is no UTF-8 comes back unharmed through surrogates. A carriage return may be part of a name,
    # but at the end of a line it is that of a list from Windows.
    data = sys.stdin.buffer.read()
    entries = data.split(b"\0") if null else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(entry) for entry in entries if entry]
