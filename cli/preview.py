"""``kerasdr preview``: what recipes, or training's random changes, make of photographs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from kerasdr.cli.terminal import load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.config import Experiment, MemberConfig
    from kerasdr.imaging.recipes import Recipe

EXAMPLES = """
\b
Examples:
  kerasdr preview a.jpg b.png
  kerasdr preview a.jpg --recipe none --recipe clahe-crop --recipe clahe-crop-blur --out panels
  kerasdr preview a.jpg --augment demo --set augment.rotation=180
  kerasdr preview a.jpg --augment task-a --row dual-resnet18 --set augment.color_jitter=balanced

\b
Exit code:
  0  every photograph has a panel
  3  some photographs could not be read: see standard error
  2  wrong usage
  1  the panels could not be written
"""


@click.command("preview", epilog=EXAMPLES)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--recipe", "recipes", multiple=True, help="A recipe; may be given many times.  [default: clahe-crop]")
@click.option("--size", type=click.IntRange(32, 2048), default=256, show_default=True, help="Network input in pixels.")
@click.option("--augment", metavar="NAME_OR_YAML", help="Show the random changes with which this experiment trains.")
@click.option("--row", metavar="ROW", help="--augment a task: which of its rows.")
@click.option("--member", metavar="NAME", help="--augment: which member.  [default: the first]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="--augment: override a key.")
@click.option("--seed", type=click.IntRange(0), help="--augment: of the draws.  [default: the member's]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("preview"), show_default=True, help="Folder for the panels."
)
@click.pass_context
def preview_command(
    context: click.Context,
    images: tuple[Path, ...],
    recipes: tuple[str, ...],
    size: int,
    augment: str | None,
    row: str | None,
    member: str | None,
    settings: tuple[str, ...],
    seed: int | None,
    out: Path,
) -> None:
    """Write a panel for each of IMAGES: the original and what each recipe makes of it.

    With --augment, a grid instead: the photograph as the network of that experiment sees it, and eleven draws of the random
    changes that training shows it. Recipe and size are the experiment's.
    """
    from kerasdr.files import make_folder, printable_path, write_bytes_atomically
    from kerasdr.imaging.headers import UnreadablePhotograph
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.scoring.names import panel_name

    if augment is None:
        given = {"--row": row, "--member": member, "--set": settings or None, "--seed": seed}
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise click.UsageError(f"{unused[0]} goes with --augment NAME_OR_YAML")
        chosen = [get_recipe(name, size) for name in recipes or ("clahe-crop",)]
        draw: Callable[[Path], bytes] = partial(_panel, recipes=chosen)
    else:
        if recipes or context.get_parameter_source("size") == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                "with --augment recipe and size are the experiment's: --set imaging.recipe=NAME, --set imaging.size=PIXELS"
            )
        experiment = _experiment(augment, row, settings)
        trained = _member(experiment, member)
        recipe = get_recipe(trained.imaging.recipe, trained.imaging.size)
        load_keras_quietly()
        draw = partial(_grid, recipe=recipe, experiment=experiment.name, member=trained, seed=seed)
    make_folder(out)
    failed = 0
    for number, path in enumerate(images, start=1):
        try:
            png = draw(path)
        except Exception as error:  # one odd file must not cost the panels of those after it
            reason = f"could not be processed ({type(error).__name__}): copy it again, or report this file"
            if isinstance(error, UnreadablePhotograph):
                reason = str(error)
            click.echo(f"{printable_path(path)}: {reason}", err=True)
            failed += 1
            continue
        target = out / panel_name(number, str(path))
        write_bytes_atomically(target, png)
        click.echo(printable_path(target))
    context.exit(3 if failed else 0)


def _panel(path: Path, recipes: "list[Recipe]") -> bytes:
    from kerasdr.imaging.decode import decode
    from kerasdr.imaging.panel import before_after
    from kerasdr.imaging.prepare import prepare
    from kerasdr.scoring.png import encode_png
    from kerasdr.scoring.reading import read_bytes

    data = read_bytes(str(path))
    results = [(recipe.name, prepare(data, recipe).image) for recipe in recipes]
    return encode_png(before_after(decode(data, min_side=1024), results))


def _grid(path: Path, recipe: "Recipe", experiment: str, member: "MemberConfig", seed: int | None) -> bytes:
    from kerasdr.files import printable_path
    from kerasdr.imaging.panel import grid
    from kerasdr.imaging.prepare import prepare
    from kerasdr.scoring.png import encode_png
    from kerasdr.scoring.reading import read_bytes
    from kerasdr.training.augmentation_grid import augmentation_grid, describe_augmentation

    prepared = prepare(read_bytes(str(path)), recipe, max_megapixels=member.imaging.max_megapixels)
    if prepared.quality.reason:
        click.echo(f"{printable_path(path)}: training leaves it out: {prepared.quality.reason}", err=True)
    cells = augmentation_grid(prepared.image, member.augment, member.seed if seed is None else seed)
    network = f"{experiment}, member {member.name}, recipe {recipe.name} at {recipe.size} px"
    changes = f"Top left without random changes, then {len(cells) - 1} draws: {describe_augmentation(member)}"
    return encode_png(grid(cells, (network, changes)))


def _experiment(name: str, row: str | None, settings: tuple[str, ...]) -> "Experiment":
    from kerasdr.config import load, read
    from kerasdr.tasks import is_task, load_task, row_experiment

    if not is_task(read(name)):
        if row is not None:
            raise click.UsageError(f"{name} is one experiment: --row is for tasks")
        return load(name, settings)
    task = load_task(name)
    if row is None:
        names = ", ".join(row.name for row in task.rows)
        raise click.UsageError(f"{name} is a task of many rows: choose one with --row: {names}")
    found = task.row(row)
    return row_experiment(task, found, task.seeds_of(found)[0], settings=settings)


def _member(experiment: "Experiment", name: str | None) -> "MemberConfig":
    from kerasdr.config import suggestion
    from kerasdr.errors import KerasdrError

    if name is None:
        return experiment.members[0]
    names = [member.name for member in experiment.members]
    if name not in names:
        raise KerasdrError(
            f"{experiment.name} has no member {name!r}{suggestion(name, names)}; its members are {', '.join(names)}"
        )
    return experiment.members[names.index(name)]
