"""``kerasdr report``: the tables and figures of the tasks, or a page and a card about runs, made from run folders."""

from pathlib import Path

import click
from click.core import ParameterSource

from kerasdr.cli.options import OutputFile
from kerasdr.cli.terminal import TerminalReporter
from kerasdr.evaluation.page import PAGE_BEGINS

EXAMPLES = """
\b
Examples:
  kerasdr report
  kerasdr report runs /mnt/cluster/runs --out report
  kerasdr report runs --task task-d --task my-task.yaml
  kerasdr report runs/chosen --html report.html
  kerasdr report runs/eyepacs/20260101-093000 runs/eyepacs-5-folds --html report.html --out charts
  kerasdr report runs/chosen --card card.md --card-answers ours.yaml

\b
Exit code:
  0  the report is written; a table without runs says which command makes them
  2  wrong usage
  1  there is no such folder, a run's folder is broken, or the report could not be written
"""


@click.command("report", epilog=EXAMPLES)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="The report's folder; with --html, where the page's charts go as SVG files, if it is given.",
)
@click.option(
    "--task", "names", multiple=True, metavar="NAME_OR_YAML", help="A task; may be given many times.  [default: all]"
)
@click.option(
    "--html",
    type=OutputFile(PAGE_BEGINS.encode()),
    metavar="FILE.html",
    help="Write one self-contained page about RUNS instead: runs, -folds folders, or folders of runs.",
)
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="With --html: show the photographs of the worst errors, where they still are.",
)
@click.option(
    "--card",
    type=OutputFile(b"# Model card: "),
    metavar="FILE.md",
    help="Write a model card of one run, under the items of TRIPOD+AI, STARD-AI and CLAIM.",
)
@click.option(
    "--card-answers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.yaml",
    help="With --card: what the run does not know, by topic; the card says which topics there are.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
@click.pass_context
def report_command(
    context: click.Context,
    runs: tuple[Path, ...],
    out: Path,
    names: tuple[str, ...],
    html: Path | None,
    pictures: bool,
    card: Path | None,
    card_answers: Path | None,
    quiet: bool,
) -> None:
    """Write the tables and figures of the tasks from the folders RUNS (runs, if none is given).

    Each table is written as Markdown, CSV and LaTeX; report.md holds all of them, with intervals and figures. Runs on
    synthetic photographs or at mini scale are never put beside published figures.

    With --html or --card, RUNS are what the page or the card is about (runs/chosen, if none is given). Nothing but their
    folders is read, and no test part is opened. Nothing is fetched to show the page, so it can be mailed and archived; with
    pictures it holds photographs.
    """
    reporter = TerminalReporter(quiet=quiet)

    def given(name: str) -> bool:
        return context.get_parameter_source(name) is not ParameterSource.DEFAULT

    if card_answers is not None and card is None:
        raise click.UsageError("--card-answers fills a card: give --card FILE.md as well")
    if html is None and given("pictures"):
        raise click.UsageError("--pictures and --no-pictures are for the page: give --html FILE.html as well")
    if html is None and card is None:
        _report_tasks(runs or (Path("runs"),), out, names, reporter)
        return
    if names:
        raise click.UsageError("--task is for the tables of tasks: leave out --html and --card")
    if html is None and given("out"):
        raise click.UsageError("--out is a folder, and a card is the file that --card names: leave out --out")
    places = runs or (Path("runs/chosen"),)
    if html is not None:
        _write_page(places, html, out if given("out") else None, pictures, reporter)
    if card is not None:
        _write_card(places, card, card_answers)


def _write_page(
    places: tuple[Path, ...], html: Path, charts: Path | None, pictures: bool, reporter: TerminalReporter
) -> None:
    from kerasdr.evaluation.page.page import write_page
    from kerasdr.files import printable_path
    from kerasdr.training.worst_pictures import worst_thumbnails

    page = write_page(places, html, reporter, figures=charts, thumbnails=worst_thumbnails if pictures else None)
    for run in page.not_opened:  # of those that have a test part
        shown = printable_path(run)
        reporter.note(f"{shown}: its test part has not been opened; `kerasdr evaluate {shown}` opens it, once")
    count = f"{len(page.runs)} run{'' if len(page.runs) == 1 else 's'}"
    files = f", {len(page.figures)} charts in {printable_path(charts)}" if charts is not None else ""
    click.echo(f"{printable_path(page.path)}: {count}{files}")


def _write_card(places: tuple[Path, ...], card: Path, answers: Path | None) -> None:
    from kerasdr.evaluation.card.card import write_card
    from kerasdr.files import printable_path

    written = write_card(places, card, answers)
    click.echo(
        f"{printable_path(card)}: {written.items} items: {written.answered} answered by the run, {written.partly} in part, "
        f"{written.filled} by a person, {written.gaps} gaps"
    )


def _report_tasks(runs: tuple[Path, ...], out: Path, names: tuple[str, ...], reporter: TerminalReporter) -> None:
    from kerasdr.evaluation.report_folder import write_report
    from kerasdr.files import printable_path
    from kerasdr.tasks import load_task, task_names

    tasks = {name: load_task(name) for name in names or task_names()}
    result = write_report(tasks, runs, out, reporter)
    if not result.finished:
        reporter.note("there are no finished runs of tasks: each table says which command makes them")
    for run in result.unfinished:
        reporter.note(f"not finished, and left out: {printable_path(run.path)}")
    for run in result.copies:
        assert run.same_as is not None
        reporter.note(f"the same run as {printable_path(run.same_as)}, counted once: {printable_path(run.path)}")
    count = f"{len(result.finished)} finished run{'' if len(result.finished) == 1 else 's'}"
    click.echo(f"{printable_path(result.path)}: {result.tables} table{'' if result.tables == 1 else 's'} of {count}")
