"""``kerasdr probe``."""

from pathlib import Path

import click

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly


@click.command("probe")
@click.argument("experiment", metavar="NAME_OR_YAML")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key; may be given many times.")
@click.option("--data", multiple=True, metavar="[LAYOUT=]PATH", help="The photographs' folder (data.root).")
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Cache and phantoms."
)
@click.option("--folds", type=click.IntRange(2, 20), default=5, show_default=True, help="Folds, by person.")
@click.option(
    "--held-out",
    is_flag=True,
    help="Fit on the experiment's training part and report on its test part, instead of folds.",
)
def probe_command(
    experiment: str, settings: tuple[str, ...], data: tuple[str, ...], runs: Path, folds: int, held_out: bool
) -> None:
    """Judge a trunk's initial weights by a linear probe: logistic regression on frozen, pooled features.

    The photographs, recipe, split and trunk are those of the experiment's first member.
    """
    from kerasdr.config import load
    from kerasdr.data.roots import parse_roots, place_data
    from kerasdr.evaluation.report import metrics_table

    (chosen,) = place_data([load(experiment, settings)], parse_roots(data), experiment)
    load_keras_quietly()
    from kerasdr.training.members import describe_trunk
    from kerasdr.training.probe import run_probe

    figures = run_probe(chosen, runs, TerminalReporter(), folds=None if held_out else folds)
    part = "test part" if held_out else f"{folds} folds by person"
    member = chosen.members[0]
    click.echo(
        f"linear probe on {describe_trunk(member)} ({member.model.weights}), {member.imaging.recipe} at "
        f"{member.imaging.size} px; {part}"
    )
    click.echo(metrics_table(figures))
