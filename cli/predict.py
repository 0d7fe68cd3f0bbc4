"""``kerasdr predict``: photographs in, CSV and Grad-CAM pictures out."""

import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import engine_option, jobs_option, model_option
from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly
from kerasdr.cli.trust import load_trusted, trust_options

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName
    from kerasdr.scoring.names import PictureFormat

EXAMPLES = """
\b
Examples:
  kerasdr predict ./images --out grades.csv
  kerasdr predict a.jpg 'scans/*_left.png' --out grades.csv --no-gradcam
  find /data -name '*.jpg' -print0 | kerasdr predict - --null --out grades.csv

\b
Exit code:
  0  every photograph was graded, or is ungradable and says so
  3  some photographs could not be read: see status and reason in the CSV
  2  wrong usage
  6  the model is damaged, not the one expected, or gives other answers here than are known of it
  1  the job could not be done
"""


def _finite(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    # Nothing is above NaN, so it would be no limit at all.
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a number of megapixels")
    return value


@click.command("predict", epilog=EXAMPLES)
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The CSV to write; pictures go beside it.")
@model_option
@click.option(
    "--pictures",
    type=click.Choice(["png", "webp"]),
    default="png",
    show_default=True,
    help="How Grad-CAM pictures are stored; webp takes a tenth of the room.",
)
@click.option("--no-gradcam", is_flag=True, help="Write no Grad-CAM pictures.")
@click.option(
    "--batch-size", type=click.IntRange(1, 1024), default=16, show_default=True, help="Photographs at a time."
)
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Larger photographs fail.  [default: the model's own limit]",
)
@engine_option
@jobs_option
@trust_options
@click.option("--null", "-0", is_flag=True, help="With -: the list's entries end with NUL instead of a new line.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@click.pass_context
def predict_command(
    context: click.Context,
    inputs: tuple[str, ...],
    out: Path,
    model: Path,
    pictures: "PictureFormat",
    no_gradcam: bool,
    batch_size: int,
    max_megapixels: float | None,
    engine: "EngineName",
    jobs: int | None,
    expect: str | None,
    signers: Path | None,
    identity: str | None,
    null: bool,
    quiet: bool,
) -> None:
    """Grade photographs into a CSV, with a Grad-CAM picture for each.

    INPUTS are files, folders (searched with their sub-folders), globs, or - for a list on standard input.
    """
    from kerasdr.files import printable_path
    from kerasdr.scoring.bundle import Bundle
    from kerasdr.scoring.engine import Engine
    from kerasdr.scoring.engines import choose_engine, make_engine
    from kerasdr.scoring.golden_host import check_here, precision_of
    from kerasdr.scoring.job import run_job
    from kerasdr.scoring.summary import How, drift_warning, job_drift, write_summary

    if "-" in inputs:
        if inputs != ("-",):
            raise click.UsageError("- reads the list from standard input and stands alone")
        inputs = tuple(_listed(null))
    elif null:
        raise click.UsageError("--null tells how the list on standard input is written: give - as INPUTS")
    bundle = load_trusted(model, expect, signers, identity)
    reporter = TerminalReporter(quiet=quiet)
    if bundle.caution:
        click.echo(f"warning: {bundle.label} was {bundle.caution}", err=True)
    if bundle.golden is None:
        click.echo(
            f"warning: {bundle.label} carries no golden photographs, so that this machine cannot be checked: make it again "
            "with `kerasdr bundle build`, where it was trained",
            err=True,
        )

    engine = choose_engine(bundle, engine)

    def factory(bundle: Bundle, batch_size: int, gradcam: bool) -> Engine:
        if engine == "keras":
            load_keras_quietly()
        made = make_engine(bundle, batch_size, gradcam, engine=engine, cores=jobs)
        check_here(bundle, made, engine, gradcam=gradcam, batch_size=batch_size)
        return made

    started = time.monotonic()
    summary = run_job(
        inputs,
        bundle,
        out,
        gradcam=not no_gradcam,
        batch_size=batch_size,
        max_megapixels=max_megapixels,
        factory=factory,
        pictures_as=pictures,
        jobs=jobs,
        progress=reporter.progress("grading"),
    )
    if not quiet:
        beside = "" if summary.pictures is None else f", Grad-CAM pictures in {printable_path(summary.pictures)}/"
        click.echo(f"{summary.sentence()}; wrote {printable_path(summary.csv)}{beside}")
    drift = job_drift(summary.rows, bundle)
    if warning := drift_warning(drift):
        click.echo(f"warning: {warning}", err=True)
    seconds = time.monotonic() - started
    how = How(engine, precision_of(bundle, engine), bundle.golden is not None, seconds)
    write_summary(summary.csv, summary.rows, bundle, drift, how)
    context.exit(3 if summary.count("failed") else 0)


def _listed(null: bool) -> list[str]:
    # Names are bytes: what is no UTF-8 comes back unharmed through surrogates. A carriage return may be part of a name,
    # but at the end of a line it is that of a list from Windows.
    data = sys.stdin.buffer.read()
    entries = data.split(b"\0") if null else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [os.fsdecode(entry) for entry in entries if entry]
