"""``kerasdr bundle``: what a model carries, and graphs for inference engines."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly
from kerasdr.errors import KerasdrError

if TYPE_CHECKING:
    from kerasdr.scoring.graphs import GraphEngine, Graphs, Precision

_MODEL = click.argument("model", type=click.Path(path_type=Path), default=Path("runs/chosen"))


@click.group("bundle")
def bundle_group() -> None:
    """Show a model, or make its graphs for inference engines.

    MODEL is a bundle, a run, or a pointer to one; runs/chosen if it is left out.
    """


@bundle_group.command("show")
@_MODEL
def show_command(model: Path) -> None:
    """Check every byte of MODEL and show what it is made of."""
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import choose_engine

    bundle = load_bundle(model)
    click.echo(f"{bundle.label}: {len(bundle.members)} networks, combined by {bundle.ensemble.method}")
    for member, weight in zip(bundle.members, bundle.ensemble.weights, strict=True):
        spec = member.model
        mode = f"dual {spec.pairing}" if spec.mode == "dual" else "single"
        click.echo(
            f"  {member.name}: {spec.trunk}, {mode}, {member.recipe.name} at {member.recipe.size} px, weight {weight:.2f}"
        )
    if bundle.calibration is not None:
        for line in bundle.calibration.lines():
            click.echo(f"  {line}")
    for graphs in bundle.graphs.values():
        click.echo(f"  {_about(graphs)}")
    try:
        click.echo(f"  engine on this machine: {choose_engine(bundle)}")
    except KerasdrError as error:
        click.echo(f"  engine on this machine: none, since {error}")
    if bundle.caution:
        click.echo(f"  {bundle.caution}")


@bundle_group.command("build")
@_MODEL
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "int8"]),
    default="float32",
    show_default=True,
    help="Of OpenVINO's arithmetic. A lower one is faster, and taken only if validation kappa falls by less than 0.005.",
)
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["openvino", "onnxruntime"]),
    default=["openvino"],
    show_default=True,
    help="For which engine; may be given again.",
)
def build_command(model: Path, precision: "Precision", engines: "tuple[GraphEngine, ...]") -> None:
    """Make MODEL's graphs for inference engines anew, each compared with Keras.

    A lower precision is judged on the run's validation photographs, so MODEL has to be a run whose data are at hand. The
    model's digest changes, as it covers every byte.
    """
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import require_keras
    from kerasdr.scoring.pointer import find_bundle

    load_bundle(model)  # what is wrong with it is said before TensorFlow is loaded
    run = find_bundle(model).parent
    if precision != "float32":
        if engines != ("openvino",):
            raise click.UsageError(f"--precision {precision} is for the engine openvino alone")
        if not (run / "config.yaml").is_file() or find_bundle(model).name != "bundle":
            raise KerasdrError(
                f"{model} is no run with data to judge {precision} by: name the run's folder, where it was trained"
            )
    os.environ["KERAS_BACKEND"] = "tensorflow"  # graphs are made of TensorFlow's
    require_keras()
    load_keras_quietly()
    if precision == "float32":
        from kerasdr.scoring.build import rebuild

        bundle = rebuild(model, engines)
    else:
        from kerasdr.training.precision import lower_precision

        bundle = lower_precision(run, precision, TerminalReporter())
    for engine in engines:
        click.echo(f"{bundle.label}: {_about(bundle.graphs[engine])}")


def _about(graphs: "Graphs") -> str:
    seen = ", ".join(f"{name} {value:.1e}" for name, value in graphs.difference.items())
    to = "Keras" if graphs.precision == "float32" else "float32"
    kappas = ", ".join(f"{name} {value:.4f}" for name, value in graphs.validation_kappa.items())
    judged = f"; validation kappa {kappas}" if kappas else ""
    return f"graphs for {graphs.made_with}, {graphs.precision}; largest differences to {to}: {seen}{judged}"
