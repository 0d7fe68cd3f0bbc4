"""``kerasdr merge``: one CSV of the parts that `kerasdr predict --part` wrote."""

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  kerasdr predict images --out part1.csv --part 1/2
  kerasdr predict images --out part2.csv --part 2/2
  kerasdr merge grades.csv part1.csv part2.csv

\b
Exit code: 0 or 3, as of one job over all photographs; 1 if the parts do not make a whole; 4 if the disk failed;
5 if a job writes to OUT; 6 if models are accepted for OUT and that of the parts is none of them.
"""


@click.command("merge", epilog=EXAMPLES)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="What to write beside the CSV, on a local disk.  [default: grades.ledger beside grades.csv]",
)
@click.option(
    "--part-ledger",
    "ledgers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A ledger of a part that does not lie beside its CSV; may be given several times.",
)
@click.pass_context
def merge_command(
    context: click.Context, out: Path, parts: tuple[Path, ...], ledger: Path | None, ledgers: tuple[Path, ...]
) -> None:
    """Make one CSV, OUT, of the CSVs of all PARTS, the same that a single job would have written.

    Each part's ledger says which photographs of which listing it is about; a part that is missing, there twice, of other
    photographs or of another model is refused. Pictures come along.
    """
    from kerasdr.files import printable_path
    from kerasdr.scoring.operation.merging import merge_parts

    summary = merge_parts(parts, out, ledgers, ledger)
    beside = "" if summary.pictures is None else f", Grad-CAM pictures in {printable_path(summary.pictures)}/"
    click.echo(f"{summary.sentence()}; wrote {printable_path(summary.csv)}{beside}; ledger {summary.head}")
    context.exit(summary.exit_code)
