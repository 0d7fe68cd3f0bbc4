"""``kerasdr report``: the tables and figures of the tasks, made from run folders."""

from pathlib import Path

import click

from kerasdr.cli.terminal import TerminalReporter

EXAMPLES = """
\b
Examples:
  kerasdr report
  kerasdr report runs /mnt/cluster/runs --out report
  kerasdr report runs --task task-d --task my-task.yaml

\b
Exit code:
  0  the report is written; a table without runs says which command makes them
  2  wrong usage
  1  there is no such folder, a run's folder is broken, or the report could not be written
"""


@click.command("report", epilog=EXAMPLES)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("report"), show_default=True, help="The report's folder."
)
@click.option(
    "--task", "names", multiple=True, metavar="NAME_OR_YAML", help="A task; may be given many times.  [default: all]"
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
def report_command(runs: tuple[Path, ...], out: Path, names: tuple[str, ...], quiet: bool) -> None:
    """Write the tables and figures of the tasks from the folders RUNS (runs, if none is given).

    Each table is written as Markdown, CSV and LaTeX; report.md holds all of them, with intervals and figures. Runs on
    synthetic photographs or at mini scale are never put beside published figures.
    """
    from kerasdr.evaluation.report_folder import write_report
    from kerasdr.files import printable_path
    from kerasdr.tasks import load_task, task_names

    reporter = TerminalReporter(quiet=quiet)
    tasks = {name: load_task(name) for name in names or task_names()}
    result = write_report(tasks, runs or (Path("runs"),), out, reporter)
    if not result.finished:
        reporter.note("there are no finished runs of tasks: each table says which command makes them")
    for run in result.unfinished:
        reporter.note(f"not finished, and left out: {printable_path(run.path)}")
    for run in result.copies:
        assert run.same_as is not None
        reporter.note(f"the same run as {printable_path(run.same_as)}, counted once: {printable_path(run.path)}")
    count = f"{len(result.finished)} finished run{'' if len(result.finished) == 1 else 's'}"
    click.echo(f"{printable_path(result.path)}: {result.tables} table{'' if result.tables == 1 else 's'} of {count}")
