"""``kerasdr doctor``: whether this machine is fit to grade."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import engine_option
from kerasdr.cli.terminal import load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName

_CHOSEN = Path("runs/chosen")


@click.command("doctor")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="A bundle, a run, or a pointer to one.  [default: runs/chosen, if it is there]",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="The folder for results.  [default: .]")
@engine_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of lines.")
@click.pass_context
def doctor_command(context: click.Context, model: Path | None, out: Path, engine: "EngineName", as_json: bool) -> None:
    """Look whether this machine is fit to grade: one line a point, with what to mend.

    Exit code 0 says that nothing is a problem, 1 that something is.
    """
    from kerasdr.scoring.doctor.examine import examine

    if model is None and _CHOSEN.exists():
        model = _CHOSEN
    points = examine(model, out, engine, load_keras_quietly)
    fit = all(point.state != "problem" for point in points)
    if as_json:
        click.echo(json.dumps({"fit": fit, "points": [vars(point) for point in points]}, indent=1))
    else:
        for point in points:
            click.echo(f"{point.state:<8} {point.name}: {point.text}")
    context.exit(0 if fit else 1)
