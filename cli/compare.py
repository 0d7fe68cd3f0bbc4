"""``kerasdr compare``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import OutputFile

if TYPE_CHECKING:
    from kerasdr.evaluation.compared import Unit
    from kerasdr.evaluation.intervals import IntervalKind

EXAMPLES = """
\b
Examples:
  kerasdr compare ours.csv theirs.csv --labels labels.csv
  kerasdr compare ours.csv theirs.csv reader.csv --labels labels.csv --by person --json compared.json
  kerasdr compare runs/one/20260101-120000 runs/two/20260102-120000
  kerasdr compare runs/one-5-folds runs/two-5-folds --interval bca
"""


@click.command("compare", epilog=EXAMPLES)
@click.argument("paths", metavar="A B [C ...]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="LABELS.csv",
    help="image and level (or grade), and patient_id if there is one; runs hold the grades themselves.",
)
@click.option("--json", "json_file", type=OutputFile(b"{"), metavar="FILE", help="Also write JSON.")
@click.option(
    "--by",
    type=click.Choice(["eye", "person"]),
    default="eye",
    show_default=True,
    help="Compare each photograph, or each person's worse eye.",
)
@click.option(
    "--interval",
    type=click.Choice(["percentile", "bca"]),
    default="percentile",
    show_default=True,
    help="Plain percentiles of the resamples, or corrected for bias and skewness (Efron 1987).",
)
def compare_command(
    paths: tuple[Path, ...], labels: Path | None, json_file: Path | None, by: "Unit", interval: "IntervalKind"
) -> None:
    """Compare sets of grades of the same photographs: B, C, ... each with A.

    Each is any tool's CSV (as for `kerasdr evaluate`), a run, whose test part `kerasdr evaluate` has opened before, or a folder
    of folds of `kerasdr train --folds`. Nothing is opened here. Photographs that not all have are named and left out; what is
    compared is those that all have graded, and, by intention to screen, all of them.

    A difference has an interval by the paired bootstrap over people, and a p value by permutation of each person's answers;
    that of an AUC also one by DeLong's test. With several tests, look at p Holm.
    """
    from kerasdr.evaluation.compared import compare
    from kerasdr.evaluation.compared_text import compared_json, compared_text
    from kerasdr.files import write_text_atomically
    from kerasdr.training.run_folder import POINTER, chosen_run

    if len(paths) < 2:
        raise click.UsageError("name two or more: A B [C ...]")
    named = [chosen_run(path.parent) if path.name == POINTER and path.is_file() else path for path in paths]
    compared = compare(named, labels, by, kind=interval)
    for note in compared.notes:
        click.echo(note, err=True)
    click.echo(compared_text(compared))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(compared_json(compared), indent=1, allow_nan=False) + "\n")
