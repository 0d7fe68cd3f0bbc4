"""``kerasdr data``."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasdr.cli.options import OutputFile
from kerasdr.cli.terminal import TerminalReporter

if TYPE_CHECKING:
    from kerasdr.data.leaks import PhotographSet


@click.group("data")
def data_group() -> None:
    """Look at a data set, or draw a synthetic one."""


@data_group.command("check")
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--layout", help="aptos, course, deepdrid, eyepacs, folder or manifest; guessed if not given.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the layout, as YAML.")
@click.option("--json", "json_file", type=OutputFile(b"{"), help="Also write the report as JSON.")
@click.option(
    "--against",
    multiple=True,
    metavar="RUN|LAYOUT=PATH",
    help="Compare with what a run (or all folds of a cross-validation) trained on or was judged by, or with another data "
    "set; may be given many times.",
)
@click.option(
    "--out",
    type=OutputFile(b"kind,"),
    metavar="FILE.csv",
    help="Write what was found twice, one row for each finding.",
)
@click.option(
    "--show", type=click.IntRange(0), default=10, show_default=True, help="Of each kind, print this many findings."
)
@click.option("--strict", is_flag=True, help="Exit with code 3 if anything is missing, unreadable or found twice.")
@click.pass_context
def check_command(
    context: click.Context,
    root: Path,
    layout: str | None,
    options: tuple[str, ...],
    json_file: Path | None,
    against: tuple[str, ...],
    out: Path | None,
    show: int,
    strict: bool,
) -> None:
    """Read every photograph in ROOT and print what was understood.

    Photographs whose data are damaged or cut off are named as unreadable, though training would take what can be shown of them.

    Photographs are also compared with one another, and with those of --against: by their bytes, by their pixels (another file
    of the same picture), and by their looks (a copy that was saved anew, resized, turned, mirrored or cropped a little).
    What is alike by its look is a warning: look at it. People are compared by their names where the layout is the same.

    \b
    kerasdr data check ~/new --against runs/eyepacs/20260101-093000
    kerasdr data check ~/new --against runs/eyepacs-5-folds --against aptos=/data/aptos --out leaks.csv

    \b
    Exit code:
      0  all was read; with --against, nothing is found twice
      3  with --against, something is; with --strict, that or a fault of the data set
      1  it could not be done
      2  wrong usage
    """
    from kerasdr.config import override
    from kerasdr.data.check import photograph_set, report_of, see_photographs
    from kerasdr.data.leaks import find_leaks
    from kerasdr.data.phantom.recognise import naming_of
    from kerasdr.data.readers import detect_layout, read_table
    from kerasdr.files import write_bytes_atomically, write_text_atomically
    from kerasdr.machine import available_cores
    from kerasdr.scoring.isolation.complaints import DAMAGED, listening
    from kerasdr.scoring.isolation.damage import find_damaged

    for option in options:
        if "=" not in option:
            raise click.BadParameter(f"{option!r} is no KEY=VALUE, such as labels=grades.csv", param_hint="--option")
    layout = layout or detect_layout(root)
    reader_options = override({}, options)
    dataset = read_table(layout, root, reader_options)
    reporter = TerminalReporter()
    others = [_photographs(value, layout, reader_options, reporter) for value in against]
    with listening() as complained:
        seen = see_photographs(dataset.table, reporter.progress("reading"), complained=complained)
    suspects = [place for place, one in enumerate(seen) if one.suspect]
    paths = [str(dataset.table["path"].iloc[place]) for place in suspects]
    for found in find_damaged(paths, available_cores(), reporter.progress("reading again what a codec complained of")):
        seen[suspects[found]] = replace(seen[suspects[found]], problem=DAMAGED)
    report = report_of(dataset, seen)
    click.echo(f"layout       {layout}")
    click.echo(report.render())
    leaks = find_leaks(photograph_set(str(root), naming_of(root, layout), dataset.table, seen), others)
    click.echo(leaks.render(show))
    if json_file:
        write_text_atomically(json_file, json.dumps(report.to_dict(), indent=1) + "\n")
    if out:
        table = leaks.table().to_csv(index=False, lineterminator="\n", float_format="%.3f")
        write_bytes_atomically(out, table.encode())
    wrong = bool(leaks.findings) if against else False
    context.exit(3 if wrong or (strict and (report.faults or leaks.findings)) else 0)


def _photographs(value: str, layout: str, options: dict[str, Any], reporter: TerminalReporter) -> "PhotographSet":
    """Return the photographs that ``--against`` names."""
    from kerasdr.data.check import photograph_set, see_photographs
    from kerasdr.data.phantom.recognise import naming_of
    from kerasdr.data.readers import layout_names, read_table
    from kerasdr.training.kept_photographs import kept_photographs

    name, equals, path = value.partition("=")
    if not (equals and name in layout_names()):
        return kept_photographs(Path(value))
    # Options are of the layout, so two data sets of one layout are read alike.
    root = Path(path).expanduser()
    table = read_table(name, root, options if name == layout else {}).table
    seen = see_photographs(table, reporter.progress(f"reading {path}"))
    return photograph_set(value, naming_of(root, name), table, seen)


@data_group.command("phantom")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--people", type=click.IntRange(1, 100_000), default=60, show_default=True, help="How many people.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the population.")
@click.option("--size", type=click.IntRange(64, 4096), default=512, show_default=True, help="Side in pixels.")
@click.option(
    "--layout",
    type=click.Choice(["eyepacs", "deepdrid", "course", "aptos"]),
    default="eyepacs",
    show_default=True,
    help="Of which public data set; its oddities are included.",
)
def phantom_command(out: Path, people: int, seed: int, size: int, layout: str) -> None:
    """Draw synthetic fundus photographs into OUT, with labels and lesion masks.

    \b
    kerasdr data phantom ./phantoms --people 100 --seed 7
    kerasdr data phantom ./two-views --people 50 --layout deepdrid
    """
    from kerasdr.data.phantom import write_phantoms
    from kerasdr.data.phantom.layouts import LAYOUTS

    progress = TerminalReporter().progress("drawing people")
    count = write_phantoms(out, people=people, seed=seed, size=size, layout=layout, progress=progress)
    labels = out / LAYOUTS[layout].labels
    click.echo(f"{count} synthetic photographs of {people} people in {out}, layout {layout}; labels in {labels}")
