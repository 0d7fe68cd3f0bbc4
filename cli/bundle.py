"""``kerasdr bundle``: what a model carries, and graphs for inference engines."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.bundle_trial import accept_command, compare_command
from kerasdr.cli.options import engine_option
from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly
from kerasdr.errors import KerasdrError

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName
    from kerasdr.scoring.graphs import GraphEngine, Graphs, Precision

_MODEL = click.argument("model", type=click.Path(path_type=Path), default=Path("runs/chosen"))


@click.group("bundle")
def bundle_group() -> None:
    """Show a model, check and sign it, make its graphs for inference engines, or take a new one for a CSV.

    MODEL is a bundle, a run, or a pointer to one; runs/chosen if it is left out, but for `compare` and `accept`.
    """


@bundle_group.command("show")
@_MODEL
def show_command(model: Path) -> None:
    """Check every byte of MODEL and show what it is made of: its card."""
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.bundle_card import card_lines
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
    for line in card_lines(bundle):
        click.echo(line)


@bundle_group.command("check")
@_MODEL
@engine_option
def check_command(model: Path, engine: "EngineName") -> None:
    """Grade MODEL's golden photographs on this machine, and compare with the answers that are known.

    Exit code 6 says that one differs: MODEL is not to grade here with that engine.
    """
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import choose_engine, make_engine
    from kerasdr.scoring.golden import compare_golden, golden_of, refuse_different
    from kerasdr.scoring.golden_host import precision_of

    bundle = load_bundle(model)
    engine = choose_engine(bundle, engine)
    precision = precision_of(bundle, engine)
    golden_of(bundle, precision)  # whether there are any is said before an engine is loaded
    if engine == "keras":
        load_keras_quietly()
    found = compare_golden(bundle, make_engine(bundle, engine=engine), precision)
    click.echo(f"{bundle.label} with the engine {engine}, {precision}:")
    for one in found:
        seen = ", ".join(f"{kind} {value:.1e}" for kind, value in one.largest.items()) or "refused by the quality gate"
        click.echo(f"  {one.file:<12}{one.wrong or f'as known; {seen}'}")
    refuse_different(bundle, engine, found)


@bundle_group.command("sign")
@_MODEL
@click.option("--key", required=True, type=click.Path(path_type=Path), help="OpenSSH's private key to sign with.")
def sign_command(model: Path, key: Path) -> None:
    """Sign MODEL with an OpenSSH key, so that others can verify whose it is."""
    from kerasdr.files import printable_path
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.signature import sign_bundle

    bundle = load_bundle(model)
    click.echo(f"signed {bundle.label}: {printable_path(sign_bundle(model, bundle, key))}")


@bundle_group.command("verify")
@_MODEL
@click.option("--signers", required=True, type=click.Path(path_type=Path), help="OpenSSH's file of allowed signers.")
@click.option("--identity", required=True, help="Who must have signed it, as that file names them.")
def verify_command(model: Path, signers: Path, identity: str) -> None:
    """Check every byte of MODEL, and that a person signed it. Exit code 6 says that it is not so."""
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.signature import verify_bundle

    bundle = load_bundle(model)
    verify_bundle(model, bundle, signers, identity)
    click.echo(f"{bundle.label} is signed by {identity}")


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


bundle_group.add_command(compare_command)
bundle_group.add_command(accept_command)


def _about(graphs: "Graphs") -> str:
    seen = ", ".join(f"{name} {value:.1e}" for name, value in graphs.difference.items())
    to = "Keras" if graphs.precision == "float32" else "float32"
    kappas = ", ".join(f"{name} {value:.4f}" for name, value in graphs.validation_kappa.items())
    judged = f"; validation kappa {kappas}" if kappas else ""
    return f"graphs for {graphs.made_with}, {graphs.precision}; largest differences to {to}: {seen}{judged}"
