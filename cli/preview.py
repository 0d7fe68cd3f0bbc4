"""``kerasdr preview``: what recipes make of photographs, before a training or a night's job."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kerasdr.imaging.recipes import Recipe

EXAMPLES = """
\b
Examples:
  kerasdr preview a.jpg b.png
  kerasdr preview a.jpg --recipe none --recipe clahe-crop --recipe clahe-crop-blur --out panels

\b
Exit code:
  0  every photograph has a panel
  3  some photographs could not be read: see standard error
  2  wrong usage
  1  the panels could not be written
"""

# Characters of the photograph's name that its panel keeps: with number and ending they fit into the 255 bytes of a name.
_KEPT_NAME = 60


@click.command("preview", epilog=EXAMPLES)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--recipe", "recipes", multiple=True, help="A recipe; may be given many times.  [default: clahe-crop]")
@click.option("--size", type=click.IntRange(32, 2048), default=256, show_default=True, help="Network input in pixels.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("preview"), show_default=True, help="Folder for the panels."
)
@click.pass_context
def preview_command(
    context: click.Context, images: tuple[Path, ...], recipes: tuple[str, ...], size: int, out: Path
) -> None:
    """Write a panel for each of IMAGES: the original and what each recipe makes of it."""
    from kerasdr.errors import KerasdrError
    from kerasdr.files import printable_path, write_bytes_atomically
    from kerasdr.imaging.headers import UnreadablePhotograph
    from kerasdr.imaging.recipes import get_recipe

    chosen = [get_recipe(name, size) for name in recipes or ("clahe-crop",)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KerasdrError(
            f"cannot make the folder {printable_path(out)}: {error.strerror}; choose another with --out"
        ) from error
    failed = 0
    for number, path in enumerate(images, start=1):
        try:
            png = _panel(path, chosen)
        except Exception as error:  # one odd file must not cost the panels of those after it
            reason = f"could not be processed ({type(error).__name__}): copy it again, or report this file"
            if isinstance(error, UnreadablePhotograph):
                reason = str(error)
            click.echo(f"{printable_path(path)}: {reason}", err=True)
            failed += 1
            continue
        target = out / f"{number:03d}_{path.stem[:_KEPT_NAME]}.png"
        write_bytes_atomically(target, png)
        click.echo(printable_path(target))
    context.exit(3 if failed else 0)


def _panel(path: Path, recipes: "list[Recipe]") -> bytes:
    from kerasdr.imaging.decode import decode
    from kerasdr.imaging.panel import before_after
    from kerasdr.imaging.prepare import prepare
    from kerasdr.scoring.overlay import encode_png
    from kerasdr.scoring.reading import read_bytes

    data = read_bytes(str(path))
    results = [(recipe.name, prepare(data, recipe).image) for recipe in recipes]
    return encode_png(before_after(decode(data, min_side=1024), results))
