"""``kerasdr review merge``: what readers decided on the page, beside what the machine said."""

import json
from pathlib import Path

import click

from kerasdr.cli.options import OutputFile

EXAMPLES = """
\b
Examples:
  kerasdr review merge decisions-grades-ada.csv --on grades.csv --out reviewed.csv
  kerasdr review merge ada.csv grace.csv --on grades.csv --out reviewed.csv --json agreement.json

\b
Exit code:
  0  the table is written, and the ledger says so
  1  a file is of another job, or was changed: one line says where
  4  the disk or the ledger went away; give the same command again
  5  a job writes to this output
"""

# A reader's own file of decisions begins like it as far as the third column.
TABLE_BEGINS = b"image,sha256,machine_grade,decided,"


@click.command("merge", epilog=EXAMPLES)
@click.argument("decisions", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--on", required=True, type=click.Path(path_type=Path), help="The CSV that the page was made of.")
@click.option("--out", required=True, type=OutputFile(TABLE_BEGINS), help="The table to write.")
@click.option("--json", "json_file", type=OutputFile(b"{"), metavar="FILE", help="Also write the figures as JSON.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Its ledger.  [default: grades.ledger beside grades.csv]"
)
def merge_command(
    decisions: tuple[Path, ...], on: Path, out: Path, json_file: Path | None, ledger: Path | None
) -> None:
    """Put the DECISIONS that readers exported from the page beside the grades of a CSV.

    The CSV stays as it is; its ledger keeps the digest of each file, the readers and the counts. The table has every row of the
    CSV, each reader's decision in columns of its own, and, as `decided`, what all who decided say.
    """
    from kerasdr.errors import KerasdrError
    from kerasdr.files import printable_path, write_text_atomically
    from kerasdr.review.decisions import read_decisions
    from kerasdr.review.figures import against_machine, between_readers, review_json, review_text
    from kerasdr.review.grades_csv import read_grades
    from kerasdr.review.keeping import jobs_of, keep_review
    from kerasdr.review.merge import merge_decisions
    from kerasdr.scoring.inputs import PathKeys
    from kerasdr.scoring.ledger.audit import read_output

    keys = PathKeys()
    named = [*decisions, on, *([] if json_file is None else [json_file])]
    if keys(str(out)) in {keys(str(path)) for path in named}:
        raise click.UsageError(f"{printable_path(out)} is read or written otherwise: name another file with --out")
    output = read_output(on, ledger)
    grades = read_grades(output.csv)
    files = [read_decisions(path) for path in decisions]
    reviewed = merge_decisions(grades, files, jobs_of(output, grades, files))
    if not reviewed.readers:
        why = "".join(f" ({note})" for note in reviewed.notes)
        raise KerasdrError(
            f"there are no decisions that stand in what was named{why}: decide on the page of {printable_path(output.csv)}, "
            "and export them"
        )
    machine, readers = against_machine(reviewed), between_readers(reviewed)
    head = keep_review(output, grades, files, reviewed, out)
    if json_file is not None:
        content = {"csv": grades.digest, **review_json(reviewed, machine, readers)}
        write_text_atomically(json_file, json.dumps(content, indent=1, allow_nan=False) + "\n")
    click.echo(review_text(reviewed, machine, readers))
    click.echo(f"each photograph is in {printable_path(out)}; ledger {head}")
