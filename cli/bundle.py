"""``kerasdr bundle``: what a model carries, and graphs for inference engines."""

from pathlib import Path

import click

from kerasdr.cli.terminal import load_keras_quietly

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
    for graphs in bundle.graphs.values():
        seen = ", ".join(f"{name} {value:.1e}" for name, value in graphs.difference.items())
        click.echo(f"  graphs for {graphs.made_with}, {graphs.precision}; largest differences to Keras: {seen}")
    click.echo(f"  engine on this machine: {choose_engine(bundle)}")
    if bundle.caution:
        click.echo(f"  {bundle.caution}")


@bundle_group.command("build")
@_MODEL
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["openvino", "onnxruntime"]),
    default=["openvino"],
    show_default=True,
    help="For which engine; may be given again.",
)
def build_command(model: Path, engines: tuple[str, ...]) -> None:
    """Make MODEL's graphs for inference engines anew, each compared with Keras.

    The model's digest changes, as it covers every byte.
    """
    from kerasdr.scoring.bundle import load_bundle

    load_bundle(model)  # what is wrong with it is said before TensorFlow is loaded
    load_keras_quietly()
    from kerasdr.scoring.build import rebuild

    bundle = rebuild(model, engines)  # type: ignore[arg-type]
    for engine in engines:
        graphs = bundle.graphs[engine]  # type: ignore[index]
        seen = ", ".join(f"{name} {value:.1e}" for name, value in graphs.difference.items())
        click.echo(f"{bundle.label}: graphs for {graphs.made_with}; largest differences to Keras: {seen}")
