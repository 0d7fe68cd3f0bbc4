"""``kerasdr review page``, and the same page at the end of ``kerasdr predict --html``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import OutputFile, images_option
from kerasdr.cli.terminal import TerminalReporter
from kerasdr.review import PAGE_BEGINS

if TYPE_CHECKING:
    from kerasdr.cli.job_telling import Telling
    from kerasdr.review.page import ReviewPage

EXAMPLES = """
\b
Examples:
  kerasdr review page grades.csv --images ./images --out review.html
  kerasdr review page grades.csv --images /mnt/a --images /mnt/b --out review.html
  kerasdr review page grades.csv --images ./images --embed --out mail.html

\b
Exit code:
  0  the page is written; one line says how many photographs were found
  1  it could not be written, or the CSV is not as it was written
  2  wrong usage
"""


@click.command("page", epilog=EXAMPLES)
@click.argument("grades", type=click.Path(path_type=Path))
@images_option()
@click.option(
    "--out",
    required=True,
    type=OutputFile(PAGE_BEGINS.encode()),
    metavar="FILE.html",
    help="The page; photographs go beside it.",
)
@click.option("--embed", is_flag=True, help="Put all pictures into the page: one file, for a few hundred photographs.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
def page_command(grades: Path, roots: tuple[str, ...], out: Path, embed: bool, quiet: bool) -> None:
    """Write a page about GRADES, the CSV of a job, for the person who looks at it.

    The most urgent stands first: what may threaten sight, what is in doubt, and what could not be graded. Each photograph
    has the Grad-CAM picture that the job drew, by its place beside the CSV. What the reader decides stays in the browser and is
    exported as a CSV for `kerasdr review merge`. The page fetches nothing. It shows photographs of people: treat it as you
    treat them.
    """
    from kerasdr.review.page import write_review

    reporter = TerminalReporter(quiet=quiet)
    page = write_review(grades, out, roots, embed=embed, progress=reporter.progress("photographs"))
    if roots and page.photographs < page.wanted:
        reporter.note(f"{_missing(page)}; name where they lie with --images")
    click.echo(sentence(page))


def sentence(page: "ReviewPage") -> str:
    """Return what people are told of a page that was written."""
    from kerasdr.files import printable_path

    return (
        f"{printable_path(page.path)}: {page.rows} rows, {page.photographs} photographs, {page.heat} Grad-CAM pictures"
    )


def page_of_job(csv: Path, page: Path, roots: Sequence[str], told: "Telling") -> str:
    """Write the page of a job that has ended, and return what people are told of it; if it cannot be, that is a warning.

    The CSV is complete, and says all that is needed: the job's exit code stays as it is.
    """
    from kerasdr.errors import KerasdrError
    from kerasdr.review.page import write_review
    from kerasdr.scoring.operation.faults import what_failed

    try:
        written = write_review(csv, page, roots)
    except Exception as error:  # whatever it is, the photographs are graded
        why = str(error) if isinstance(error, KerasdrError) else what_failed(error)
        told.warn(f"the CSV is written, its page is not: {why}; `kerasdr review page` writes it again")
        return ""
    if written.photographs < written.wanted:
        told.note(f"{_missing(written)}; `kerasdr review page` writes it again once they are there")
    return sentence(written)


def _missing(page: "ReviewPage") -> str:
    lost = page.wanted - page.photographs - page.refused
    return (
        f"{page.photographs} of {page.wanted} photographs are on the page: {lost} not found with the bytes that were graded, "
        f"{page.refused} found that cannot be shown"
    )
