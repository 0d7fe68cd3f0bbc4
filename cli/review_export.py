"""``kerasdr review export``: a job's grades for a labelling tool that a site has already."""

import json
from pathlib import Path

import click

from kerasdr.cli.options import OutputFile, images_option
from kerasdr.cli.terminal import TerminalReporter

EXAMPLES = """
\b
Examples:
  kerasdr review export grades.csv --images ./images --to label-studio --out tasks.json

\b
In Label Studio, serve the folder of tasks.json as local files (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT), give a project the
labelling interface that this command prints, and import tasks.json.
"""


@click.command("export", epilog=EXAMPLES)
@click.argument("grades", type=click.Path(path_type=Path))
@images_option(required=True)
@click.option("--to", type=click.Choice(["label-studio"]), required=True, help="The tool.")
@click.option(
    "--out",
    required=True,
    type=OutputFile(b"[\n"),
    metavar="FILE.json",
    help="The tasks; pictures go into a folder beside it.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the result.")
def export_command(grades: Path, roots: tuple[str, ...], to: str, out: Path, quiet: bool) -> None:
    """Write GRADES, the CSV of a job, as tasks with the machine's grades as predictions.

    Photographs are made smaller and named by their bytes, so that no name but that of the CSV goes along. Without a photograph
    there is no task.
    """
    from kerasdr.files import printable_path, write_text_atomically
    from kerasdr.review.grades_csv import read_grades
    from kerasdr.review.label_studio import label_config, label_studio_tasks
    from kerasdr.review.page_data import has_photograph
    from kerasdr.review.photographs import named_pictures, show_photographs, tidy_pictures
    from kerasdr.scoring.names import page_folder

    reporter = TerminalReporter(quiet=quiet)
    read = read_grades(grades)
    folder, before = page_folder(out), named_pictures(out)
    wanted = {row.sha256 for row in read.rows if has_photograph(row)}
    shown = show_photographs(roots, wanted, folder, progress=reporter.progress("photographs"))
    pictures = {digest: f"{folder.name}/{name}" for digest, name in shown.pictures.items()}
    tasks = label_studio_tasks(read.rows, pictures)
    write_text_atomically(out, "[\n" + ",\n".join(json.dumps(task) for task in tasks) + "\n]\n")
    tidy_pictures(out, before, shown)
    reporter.note(f"labelling interface: {label_config()}")
    click.echo(
        f"{printable_path(out)}: {len(tasks)} tasks of {len(read.rows)} rows, pictures in {printable_path(folder)}/"
    )
