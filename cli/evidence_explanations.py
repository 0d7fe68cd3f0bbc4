"""``kerasdr evidence explanations``: heat maps held against masks of lesions."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.data.lesion_masks import MaskedPhotographs
    from kerasdr.models.cam import CamMethod

_METHODS = ("gradcam", "gradcam++", "scorecam")
_SIZES = (128, 4096)

EXAMPLES = """
\b
Examples:
  kerasdr evidence explanations
  kerasdr evidence explanations runs/demo/20260101-093000 --phantoms 100 --seed 7
  kerasdr evidence explanations --data ~/IDRiD --layout idrid --methods gradcam,gradcam++
  kerasdr evidence explanations --layer block3_relu --out evidence/block3

\b
Exit code:
  0  the evidence is in --out, whatever the checks say
  2  wrong usage
  1  it could not be found: standard error says why
"""


@click.command("explanations", epilog=EXAMPLES)
@click.argument("model", metavar="[RUN|BUNDLE]", type=click.Path(path_type=Path), default=Path("runs/chosen"))
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="ROOT", help="Photographs with masks.  [default: draw phantoms]"
)
@click.option(
    "--layout",
    type=click.Choice(["phantoms", "idrid", "ddr"]),
    help="How ROOT is laid out.  [default: what is recognised]",
)
@click.option(
    "--phantoms", type=click.IntRange(2, 100_000), default=60, show_default=True, help="People to draw without --data."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=9001,
    show_default=True,
    help="Of the phantoms, random maps, random weights and intervals.",
)
@click.option(
    "--methods",
    default=",".join(_METHODS),
    show_default=True,
    metavar="LIST",
    help="How heat is found; the sanity checks are of the first.",
)
@click.option("--layer", default="features", show_default=True, metavar="NAME", help="The layer whose map is weighed.")
@click.option(
    "--max-channels",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="Score-CAM looks through the channels of highest variance only; each costs a pass through the network.",
)
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    help="Photographs for curves and sanity checks, which take long; 0 for none.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("evidence/explanations"),
    show_default=True,
    help="Folder for tables and pictures.",
)
@click.pass_context
def explanations_command(
    context: click.Context,
    model: Path,
    data: Path | None,
    layout: str | None,
    phantoms: int,
    seed: int,
    methods: str,
    layer: str,
    max_channels: int,
    sample: int,
    out: Path,
) -> None:
    """Test whether heat maps lie on lesions, and whether they hang on what the network has learnt.

    The maps are those that `kerasdr predict` draws, of the grade that the model gives, on photographs with masks of their
    lesions. Three things are measured: how well they lie on lesions, beside maps that know nothing (the centre, noise, local
    contrast); how the grade's probability falls as the hottest pixels are deleted and rises as they are put in; and whether
    maps change and miss the lesions when the network's weights are made random.

    Without --data, phantoms are drawn of people that the model has not seen. Figures of phantoms say nothing about people.
    """
    from kerasdr.files import make_folder, printable_path
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import require_keras
    from kerasdr.training.unseen import seen_by

    chosen = _methods(methods)
    if data is None and layout is not None:
        raise click.UsageError("--layout is of --data ROOT: give it as well")
    if data is not None and context.get_parameter_source("phantoms") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--phantoms draws photographs and --data names some: give one of them")
    if "scorecam" not in chosen and context.get_parameter_source("max_channels") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--max-channels is for --methods with scorecam")
    bundle = load_bundle(model)
    seen = seen_by(model)
    require_keras()
    reporter = TerminalReporter()
    make_folder(out)
    if data is None:
        side = max(recipe.size for recipe in bundle.recipes)
        _refuse_seed(seed, seen.seeds, "--seed")
        photographs = _draw(out, phantoms, seed, min(max(2 * side, _SIZES[0]), _SIZES[1]), reporter)
    else:
        from kerasdr.data.lesion_masks import detect_mask_layout, read_masked

        photographs = read_masked(layout or detect_mask_layout(data), data)
        _refuse_seed(photographs.seed, seen.seeds, "--data")
    load_keras_quietly()
    from kerasdr.training.explanation_evidence import find_explanation_evidence
    from kerasdr.training.explanation_files import evidence_text, write_evidence

    evidence = find_explanation_evidence(
        bundle,
        photographs,
        reporter,
        methods=chosen,
        layer=layer,
        sample=sample,
        seed=seed,
        max_channels=max_channels,
        seen=seen.digests,
        notes=(seen.note,) if seen.note else (),
    )
    written = write_evidence(evidence, bundle, photographs, out)
    click.echo(evidence_text(evidence))
    click.echo(f"\nwrote {', '.join(path.name for path in written)} in {printable_path(out)}", err=True)


def _methods(text: str) -> "list[CamMethod]":
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in _METHODS:
            raise click.UsageError(f"--methods lists {', '.join(_METHODS)} with commas between, got {name!r}")
    return cast("list[CamMethod]", names)


def _refuse_seed(seed: int | None, used: frozenset[int], option: str) -> None:
    """Refuse people that the model knows: drawn at another size, they are other bytes."""
    from kerasdr.errors import KerasdrError

    if seed in used:
        raise KerasdrError(
            f"the model was trained on phantoms of seed {seed}, the same people: choose another {option}"
        )


def _draw(out: Path, people: int, seed: int, size: int, reporter: TerminalReporter) -> "MaskedPhotographs":
    from kerasdr.data.lesion_masks import read_masked
    from kerasdr.data.phantom import write_phantoms

    root = out / f"phantoms-{people}-{seed}-{size}"
    write_phantoms(root, people=people, seed=seed, size=size, progress=reporter.progress("drawing phantoms"))
    return read_masked("phantoms", root)
