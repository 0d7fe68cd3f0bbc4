"""``kerasdr preview``."""

from pathlib import Path

import click


@click.command("preview")
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
    from kerasdr.files import write_bytes_atomically
    from kerasdr.imaging.decode import decode
    from kerasdr.imaging.headers import UnreadablePhotograph
    from kerasdr.imaging.panel import before_after
    from kerasdr.imaging.prepare import prepare
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.scoring.inputs import read_bytes
    from kerasdr.scoring.overlay import encode_png

    chosen = [get_recipe(name, size) for name in recipes or ("clahe-crop",)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KerasdrError(f"cannot make the folder {out}: {error.strerror}; choose another with --out") from error
    failed = 0
    for number, path in enumerate(images, start=1):
        try:
            data = read_bytes(str(path))
            results = [(recipe.name, prepare(data, recipe).image) for recipe in chosen]
            panel = before_after(decode(data, min_side=1024), results)
        except UnreadablePhotograph as error:
            click.echo(f"{path}: {error}", err=True)
            failed += 1
            continue
        target = out / f"{number:03d}_{path.stem}.png"
        write_bytes_atomically(target, encode_png(panel))
        click.echo(target)
    context.exit(3 if failed else 0)
