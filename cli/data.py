"""``kerasdr data``."""

import json
from pathlib import Path

import click

from kerasdr.cli.terminal import TerminalReporter


@click.group("data")
def data_group() -> None:
    """Look at a data set, or draw a synthetic one."""


@data_group.command("check")
@click.argument("root", type=click.Path(path_type=Path))
@click.option("--layout", help="aptos, course, deepdrid, eyepacs, folder or manifest; guessed if not given.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the layout, as YAML.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the report as JSON.")
@click.option("--strict", is_flag=True, help="Exit with code 3 if anything is missing, unreadable or double.")
@click.pass_context
def check_command(
    context: click.Context,
    root: Path,
    layout: str | None,
    options: tuple[str, ...],
    json_file: Path | None,
    strict: bool,
) -> None:
    """Read every photograph in ROOT once and print what was understood."""
    from kerasdr.config import override
    from kerasdr.data.check import inspect_dataset
    from kerasdr.data.readers import detect_layout, read_table
    from kerasdr.files import write_text_atomically

    for option in options:
        if "=" not in option:
            raise click.BadParameter(f"{option!r} is no KEY=VALUE, such as labels=grades.csv", param_hint="--option")
    layout = layout or detect_layout(root)
    dataset = read_table(layout, root, override({}, options))
    report = inspect_dataset(dataset, TerminalReporter().progress("reading"))
    click.echo(f"layout       {layout}")
    click.echo(report.render())
    if json_file:
        write_text_atomically(json_file, json.dumps(report.to_dict(), indent=1) + "\n")
    context.exit(3 if strict and report.faults else 0)


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
