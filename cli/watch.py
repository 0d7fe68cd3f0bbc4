"""``kerasdr watch``: photographs are graded as they come."""

import contextlib
import signal
from pathlib import Path
from typing import Any

import click

from kerasdr.cli.job_options import grading_options, job_arguments, out_option, telling_options
from kerasdr.cli.options import Duration
from kerasdr.cli.stopping import stopping

EXAMPLES = """
\b
Examples:
  kerasdr watch incoming --out results/grades.csv
  kerasdr watch /mnt/share --out results/grades.csv --every 5m --log-json --metrics /var/lib/node_exporter/kerasdr.prom
  kerasdr watch incoming --out results/grades.csv --once

\b
Exit code, when it was stopped or with --once: that of `kerasdr predict` for the last photographs.
  0    every photograph was graded, or is ungradable and says so
  3    some photographs could not be read: see status and reason in the CSV
  4    some wait, are still being written, or the folder, or much of it, cannot be had; start it again
  5    another job writes to this output
  6    the model is damaged, none, not the one expected, not accepted where models are (`kerasdr bundle accept`), or
       gives other answers here than are known of it
"""


@click.command("watch", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@out_option
@click.option(
    "--every", type=Duration(), default="30s", show_default=True, help="Time between two looks at the folder."
)
@click.option("--once", is_flag=True, help="Look twice, grade what is whole by then, and end.")
@grading_options
@telling_options
@click.pass_context
def watch_command(
    context: click.Context,
    folder: Path,
    out: Path,
    every: float,
    once: bool,
    quiet: bool,
    log_json: bool,
    log: Path | None,
    metrics: Path | None,
    **grading: Any,
) -> None:
    """Grade photographs as they come into FOLDER, until it is stopped.

    A photograph is taken when two looks saw it unchanged. The CSV is at each time what `kerasdr predict FOLDER` would write of
    the photographs that are whole. SIGTERM or Ctrl-C ends it after the batch in hand; a second one ends it at once.
    """
    from kerasdr.cli.job_summary import finishing
    from kerasdr.cli.job_telling import Ways, telling
    from kerasdr.errors import ExitCode
    from kerasdr.files import printable_path
    from kerasdr.reporting import plural
    from kerasdr.scoring.digests import DigestInputs
    from kerasdr.scoring.job import run_job
    from kerasdr.scoring.ledger.lock import hold
    from kerasdr.scoring.names import pictures_folder
    from kerasdr.scoring.operation.acceptance import refuse_unaccepted_for
    from kerasdr.scoring.operation.parts import Select
    from kerasdr.scoring.operation.watching import Watch
    from kerasdr.scoring.outcome import Summary
    from kerasdr.scoring.results import check_output, room_for
    from kerasdr.scoring.unanswered import Limits

    with contextlib.ExitStack() as stack:
        ways = Ways(quiet, log_json, log, metrics, grading["ledger"], names=not grading["pseudonymise"])
        told = stack.enter_context(telling(ways, out))
        stop = stack.enter_context(stopping(signal.SIGTERM, signal.SIGINT))
        check_output(out)
        stack.enter_context(room_for(out.parent))
        # One watch for one output; the lock of a job is held by each job alone.
        stack.enter_context(hold(out.with_name(f"{out.name}.watch.lock"), printable_path(out)))
        arguments = job_arguments(told, out, **grading)
        bundle = arguments["bundle"]
        refuse_unaccepted_for(out, arguments["ledger"], (bundle.label, bundle.digest))  # and not when photographs come
        # Now, so that a model that is put in its place later is not what grades; and once, as it takes a while.
        engine = arguments.pop("factory")(bundle, arguments["batch_size"], arguments["gradcam"])

        def run(select: Select, digest: DigestInputs) -> Summary:
            told.next_job()
            summary = run_job(
                [folder],
                out=out,
                factory=lambda bundle, batch_size, gradcam: engine,
                limits=Limits(stopped=stop.is_set, patient=not once),
                select=select,
                digest=digest,
                finish=finishing(told, arguments),
                **arguments,
            )
            if not told.quiet:
                click.echo(f"{summary.sentence()}; wrote {printable_path(summary.csv)}; ledger {summary.head}")
            return summary

        skip = [pictures_folder(out)]
        watch = Watch(str(folder), skip, run, every=every, stop=stop, note=told.note)
        left = 0
        if once:
            left = watch.once()
            if left:
                are = plural(left, "photograph is", "photographs are")
                told.warn(f"{left} {are} still being written: give the same command again")
        else:
            watch.until_stopped()
        code = ExitCode.FINISHED if watch.summary is None else watch.summary.exit_code
    context.exit(ExitCode.UNFINISHED if left else code)
