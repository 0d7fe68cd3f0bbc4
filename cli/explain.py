"""``kerasdr explain``: what the networks looked at, by three methods and at any layer."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from kerasdr.cli.terminal import load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.models.cam import CamMethod

EXAMPLES = """
\b
Examples:
  kerasdr explain a_left.jpg a_right.jpg
  kerasdr explain a.jpg --method gradcam++ --layer block_13_project_BN
  kerasdr explain a.jpg --method scorecam --max-channels 64 --grade 4
  kerasdr explain scans/ --model runs/task-e.curves-dual/seed-40 --out panels

\b
Exit code:
  0  every photograph has a panel
  3  some photographs have none, being unreadable or ungradable: see standard error
  2  wrong usage
  1  there is no such model or layer, or the panels could not be written
"""


@click.command("explain", epilog=EXAMPLES)
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--method",
    type=click.Choice(["gradcam", "gradcam++", "scorecam"]),
    default="gradcam",
    show_default=True,
    help="How heat is found.",
)
@click.option("--layer", default="features", show_default=True, metavar="NAME", help="The layer whose map is weighed.")
@click.option(
    "--model", type=click.Path(path_type=Path), help="A bundle, a run, or a pointer to one.  [default: RUNS/chosen]"
)
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("explained"),
    show_default=True,
    help="Folder for the panels.",
)
@click.option("--grade", type=click.IntRange(0, 4), help="The grade to explain.  [default: the ensemble's own]")
@click.option(
    "--max-channels",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="Score-CAM looks through the channels of highest variance only; each costs a pass through the network.",
)
@click.pass_context
def explain_command(
    context: click.Context,
    images: tuple[str, ...],
    method: "CamMethod",
    layer: str,
    model: Path | None,
    runs: Path,
    out: Path,
    grade: int | None,
    max_channels: int,
) -> None:
    """Write a panel for each of IMAGES: the photograph, and what each network of the ensemble looked at.

    IMAGES are files, folders or globs. A dual network looks at a partner where one is among IMAGES, as `kerasdr predict`
    pairs them; it has a picture of its own then.
    """
    from kerasdr.files import make_folder, printable_path, write_bytes_atomically
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.explaining import Explainer, explain_inputs
    from kerasdr.scoring.explanation_panel import draw_explanation
    from kerasdr.scoring.grading import foot
    from kerasdr.scoring.inputs import list_inputs
    from kerasdr.scoring.names import panel_name
    from kerasdr.scoring.png import encode_png

    if method != "scorecam" and context.get_parameter_source("max_channels") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--max-channels is for --method scorecam")
    if any(Path(image).is_dir() and out.is_dir() and os.path.samefile(image, out) for image in images):
        raise click.UsageError(f"--out {printable_path(out)} is the folder of the photographs: choose another")
    bundle = load_bundle(model or runs / "chosen")
    inputs = list_inputs(images, skip=[out])
    make_folder(out)
    load_keras_quietly()
    explainer = Explainer(bundle, method, layer, max_channels=max_channels)
    if bundle.caution:
        click.echo(f"warning: {bundle.label} was {bundle.caution}", err=True)
    for name, reason in explainer.left_out.items():
        click.echo(f"member {name} is not shown: {reason}", err=True)
    failed = 0
    for place, explained in explain_inputs(inputs, explainer, grade=grade):
        path = inputs[place].path
        if isinstance(explained, str):
            click.echo(f"{printable_path(path)}: {explained}", err=True)
            failed += 1
            continue
        target = out / panel_name(place + 1, path)
        write_bytes_atomically(target, encode_png(draw_explanation(explained, foot(bundle))))
        click.echo(printable_path(target))
    context.exit(3 if failed else 0)
