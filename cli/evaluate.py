"""``kerasdr evaluate``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import OutputFile
from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.evaluation.intervals import IntervalKind
    from kerasdr.evaluation.judged import By, Judged
    from kerasdr.training.submission import Ids

EXAMPLES = """
\b
Examples:
  kerasdr evaluate
  kerasdr evaluate runs/task-a.dual-resnet18/seed-40
  kerasdr evaluate --submission submission.csv --submission-id file-name
  kerasdr evaluate grades.csv --labels labels.csv --json figures.json
  kerasdr evaluate grades.csv --labels labels.csv --interval bca
  kerasdr evaluate grades.csv --labels labels.csv --missing-as-ungradable
  kerasdr evaluate grades.csv --labels labels.csv --groups camera --groups age:40,60
"""


@click.command("evaluate", epilog=EXAMPLES)
@click.argument("run", metavar="[RUN|PREDICTIONS.csv]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.csv",
    help="Grade the whole test part, labelled or not, into ID,TARGET; open no labels.",
)
@click.option(
    "--submission-id",
    type=click.Choice(["image_id", "file-name"]),
    help="What ID is: 1_l1, or 1_l1.jpg as the course's own code writes.  [default: image_id]",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="LABELS.csv",
    help="Judge PREDICTIONS.csv by these: image and level (or grade), and patient_id if there is one.",
)
@click.option("--json", "json_file", type=OutputFile(b"{"), metavar="FILE", help="With --labels: also write JSON.")
@click.option(
    "--missing-as-ungradable",
    is_flag=True,
    help="With --labels: count photographs of LABELS.csv without a row in PREDICTIONS.csv as ungradable.",
)
@click.option(
    "--by",
    type=click.Choice(["eye", "person", "both"]),
    help="With --labels: each photograph, each person's worse eye, or both.  [default: both]",
)
@click.option(
    "--interval",
    type=click.Choice(["percentile", "bca"]),
    help="With --labels: plain percentiles of the resamples, or corrected for bias and skewness (Efron 1987).  "
    "[default: percentile]",
)
@click.option(
    "--reopen",
    metavar="REASON",
    help="Grade the test part again although it was opened before; the run's ledger keeps the reason.",
)
@click.option(
    "--groups",
    multiple=True,
    metavar="COLUMN[:CUTS]",
    help="Also by the values of a column, such as camera, eye, age:40,60, age:25%,50%,75% or site:each; may be given again.",
)
@click.option(
    "--min-people",
    type=click.IntRange(2),
    metavar="N",
    help="With --groups: of a group with fewer people no figure is given.  [default: 10]",
)
def evaluate_command(
    run: Path | None,
    runs: Path,
    submission: Path | None,
    submission_id: "Ids | None",
    labels: Path | None,
    json_file: Path | None,
    missing_as_ungradable: bool,
    by: "By | None",
    interval: "IntervalKind | None",
    reopen: str | None,
    groups: tuple[str, ...],
    min_people: int | None,
) -> None:
    """Report on the test part of RUN (the chosen run if not given), or on any tool's PREDICTIONS.csv.

    The test part is opened once: the first call grades it with the run's bundle and keeps the result, later calls show what
    was kept. The run's openings.jsonl says when it was opened and by what; if the result is removed, opening it again needs
    --reopen REASON, which is kept there too.

    With --submission nothing is reported and no label is used. FILE.csv gets one row for every photograph of the test part,
    in the order of the data set's list; one that is missing, unreadable or ungradable has the most frequent grade of the
    training part.

    With --labels, PREDICTIONS.csv is judged: a photograph a row in the column image, image_id, id_code, filename, file, path
    or id; its grade in predicted, prediction, grade, level or diagnosis, empty if it was not graded; prob_0 to prob_4 if
    there are any; a row with a grade and none of them, where others have them, was not graded. Rows are matched by the names
    of the photographs without folder and ending; a photograph of LABELS.csv alone counts nowhere, or with
    --missing-as-ungradable as ungradable. Intervals are over people: of a column patient_id, person_id, patient or person,
    else of names like <person>_<left|right>.

    With --groups, photographs are also reported on by the values of a column of the labels, else of the predictions; eye and
    view are known from names like <person>_<left|right> too. Numbers of more than 8 different values are cut into thirds if
    no cuts are given. A group's difference from all others has an interval and a p value adjusted for all comparisons of the
    column.
    """
    if reopen is not None and (labels is not None or submission is not None):
        raise click.UsageError("--reopen is for the test part of a run: leave out --labels and --submission")
    is_csv = run is not None and run.suffix.lower() == ".csv"
    if min_people is not None and not groups:
        raise click.UsageError("--min-people is for --groups COLUMN: give that as well")
    if labels is not None:
        if run is None or not is_csv:
            raise click.UsageError("--labels judges a CSV of predictions: give PREDICTIONS.csv as well")
        if submission is not None or submission_id is not None:
            raise click.UsageError("--submission is for a run, --labels for PREDICTIONS.csv: give one of them")
        _judge(
            run, labels, by or "both", interval or "percentile", json_file, groups, min_people, missing_as_ungradable
        )
        return
    if is_csv:
        raise click.UsageError(f"{run} is judged by labels: give --labels LABELS.csv as well")
    if json_file is not None or by is not None or interval is not None or missing_as_ungradable:
        raise click.UsageError(
            "--json, --by, --interval and --missing-as-ungradable are for PREDICTIONS.csv with --labels LABELS.csv"
        )
    if submission is not None and groups:
        raise click.UsageError("--submission opens no labels, so there are no figures of --groups: give one of them")
    if submission is None and submission_id is not None:
        raise click.UsageError("--submission-id says what --submission writes: give --submission FILE.csv as well")
    from kerasdr.training.run_folder import chosen_run

    run = run or chosen_run(runs)
    load_keras_quietly()
    reporter = TerminalReporter()
    if submission is not None:
        _submit(run, submission, submission_id or "image_id", reporter)
        return
    from kerasdr.evaluation.report import metrics_table
    from kerasdr.training.held_out import open_test_part

    result = open_test_part(run, reporter, command="kerasdr evaluate", reopen=reopen)
    click.echo(f"{run}: test part, {result.opened}")
    click.echo(metrics_table(result.metrics))
    if result.calibration is not None:
        from kerasdr.evaluation.calibration_report import report_text

        click.echo(report_text(result.calibration))
    click.echo(f"not graded: {result.not_graded} of {result.photographs} photographs (ungradable or unreadable)")
    if groups:
        from kerasdr.evaluation.subgroups_text import subgroups_text

        # Both columns, the true grade and the predicted one, are in what was kept.
        kept = run / "predictions_test.csv"
        for found in _judged(kept, kept, "eye", "percentile", groups, min_people).subgroups:
            click.echo("\n" + subgroups_text(found))


def _judged(
    predictions: Path,
    labels: Path,
    by: "By",
    interval: "IntervalKind",
    groups: tuple[str, ...],
    min_people: int | None,
    missing_as_ungradable: bool = False,
) -> "Judged":
    from kerasdr.evaluation.groups import parse_grouping
    from kerasdr.evaluation.judged import judge
    from kerasdr.evaluation.subgroups import MIN_PEOPLE

    asked = [parse_grouping(text) for text in groups]
    fewest = MIN_PEOPLE if min_people is None else min_people
    return judge(
        predictions,
        labels,
        by,
        kind=interval,
        groups=asked,
        min_people=fewest,
        missing_as_ungradable=missing_as_ungradable,
    )


def _judge(
    predictions: Path,
    labels: Path,
    by: "By",
    interval: "IntervalKind",
    json_file: Path | None,
    groups: tuple[str, ...],
    min_people: int | None,
    missing_as_ungradable: bool,
) -> None:
    from kerasdr.evaluation.judged import to_json
    from kerasdr.evaluation.judged_text import judged_text
    from kerasdr.files import write_text_atomically

    judged = _judged(predictions, labels, by, interval, groups, min_people, missing_as_ungradable)
    for note in judged.notes:
        click.echo(note, err=True)
    click.echo(judged_text(judged))
    if json_file is not None:
        write_text_atomically(json_file, json.dumps(to_json(judged), indent=1, allow_nan=False) + "\n")


def _submit(run: Path, target: Path, ids: "Ids", reporter: TerminalReporter) -> None:
    from kerasdr.files import printable_path
    from kerasdr.training.submission import write_submission

    written = write_submission(run, target, reporter, ids)
    if written.not_graded:
        click.echo(
            f"{written.not_graded} of {written.rows} photographs are missing, unreadable or ungradable: "
            f"their rows say {written.fallback}, the most frequent grade of the training part",
            err=True,
        )
    click.echo(f"{written.rows} rows of {run} in {printable_path(target)}")
