"""``kerasdr evidence robustness``."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import engine_option, jobs_option
from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName
    from kerasdr.training.trial_photographs import Part

EXAMPLES = """
\b
Examples:
  kerasdr evidence robustness
  kerasdr evidence robustness runs/eyepacs/20260101-090000 --kinds blur,dark,haze --out found
  kerasdr evidence robustness runs/eyepacs-5-folds --referable --kinds blur,dark,glare,dust,crop,jpeg
  kerasdr evidence robustness --phantoms 60 --seed 7 --severities 0,2,4
  kerasdr evidence robustness model/ --data ~/graded --layout folder
"""

_KINDS = "blur,motion,haze,dark,glare,uneven,colour,jpeg,small,crop,rotate,dust"


def _severities(context: click.Context, parameter: click.Parameter, value: str) -> list[float]:
    try:
        severities = [float(part) for part in value.split(",")]
    except ValueError:
        severities = [math.nan]
    if not all(0 <= severity <= 5 for severity in severities):  # nan is neither
        raise click.BadParameter(f"{value!r} is no list of numbers from 0 to 5, such as 0,1,2,3,4,5")
    wanted = sorted({severity for severity in severities if severity > 0})
    if not wanted:
        raise click.BadParameter("give a severity above 0; 0, the photograph as it is, is always measured")
    return wanted


def _kinds(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    known = _KINDS.split(",")
    asked = list(dict.fromkeys(part.strip() for part in value.split(",")))
    for kind in asked:
        if kind not in known:
            raise click.BadParameter(f"{kind!r} is not one of {', '.join(known)}")
    return asked


@click.command("robustness", epilog=EXAMPLES)
@click.argument("model", metavar="[RUN|FOLDS|BUNDLE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="The folder of runs."
)
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="ROOT", help="The photographs' folder.  [default: the run's]"
)
@click.option("--layout", help="Of ROOT.  [default: the run's; of a bundle by itself, guessed]")
@click.option(
    "--part",
    type=click.Choice(["validation", "test-opened"]),
    help="Of a run; its test part only once `kerasdr evaluate` has opened it.  [default: validation]",
)
@click.option(
    "--phantoms", type=click.IntRange(2, 100_000), metavar="N", help="Draw N people whom the run has not seen, instead."
)
@click.option(
    "--referable",
    is_flag=True,
    help="Only people of whom a photograph is labelled grade 2 or worse, in a fraction of the time: for silent misses of "
    "these; kappa and specificity are then not those of all people.",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Of the phantoms, and of what degradations draw.  [default: 9001, and 0]"
)
@click.option("--kinds", callback=_kinds, default=_KINDS, metavar="KIND,...", help=f"Of {_KINDS.replace(',', ', ')}.")
@click.option(
    "--severities", callback=_severities, default="0,1,2,3,4,5", show_default=True, metavar="S,...", help="From 0 to 5."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("evidence/robustness"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--batch-size", type=click.IntRange(1, 1024), default=16, show_default=True, help="Photographs at a time."
)
@engine_option
@jobs_option
def robustness_command(
    model: Path | None,
    runs: Path,
    data: Path | None,
    layout: str | None,
    part: "Part | None",
    phantoms: int | None,
    referable: bool,
    seed: int | None,
    kinds: list[str],
    severities: list[float],
    out: Path,
    batch_size: int,
    engine: "EngineName",
    jobs: int | None,
) -> None:
    """Score the same photographs again and again, made worse step by step, and report how figures hold.

    MODEL is a run (the chosen one if not given) or a bundle. The photographs are the run's validation part, or phantoms for a
    bundle by itself. Of ROOT, photographs that are the run's own are taken from the part alone; if none is, all are taken.
    Of a cross-validation's folder each fold is asked about its own test part, and all are judged together.

    For each kind and severity: kappa, sensitivity and specificity of referable, the share not graded, and silent misses, which
    are photographs called referable when unchanged that are graded and no longer called so. For each kind: the severity at
    which kappa has fallen by 0.1. Answers to mirrored photographs are compared too. Use of an opened test part is a line in
    the run's ledger.

    Written to --out are robustness.json, robustness.csv (a figure a row), robustness.svg and .png (curves), and
    degradations.png (one photograph at every step).
    """
    if phantoms is not None and (data is not None or part is not None or layout is not None):
        raise click.UsageError("--phantoms are drawn: leave --data, --layout and --part out")
    if layout is not None and data is None:
        raise click.UsageError("--layout says how --data ROOT is laid out: give that as well")
    from kerasdr.evaluation.robustness_figures import robustness_curves
    from kerasdr.evaluation.robustness_report import to_csv, to_json, to_text
    from kerasdr.files import make_folder, printable_path, sha256_of, write_bytes_atomically, write_text_atomically
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import choose_engine, make_engine
    from kerasdr.scoring.png import encode_png
    from kerasdr.training.openings import note_opening
    from kerasdr.training.robustness import degradation_sheet, measure_robustness, score_unseen
    from kerasdr.training.trial_photographs import (
        PHANTOM_SEED,
        folds_of,
        run_of,
        unseen_phantoms,
        unseen_photographs,
    )

    model = model or runs / "chosen"
    folds = folds_of(model)
    if folds and (phantoms is not None or part == "validation"):
        raise click.UsageError("each fold is asked about its own test part: leave --phantoms and --part out")
    models = folds or [model]
    if folds:
        part = "test-opened"
    reporter = TerminalReporter()
    make_folder(out)
    bundles = [load_bundle(one) for one in models]
    unseen = []
    for one in models:
        if phantoms is not None:
            drawn = PHANTOM_SEED if seed is None else seed
            photographs = unseen_phantoms(one, out, reporter, people=phantoms, seed=drawn)
        else:
            photographs = unseen_photographs(one, out, reporter, data=data, layout=layout, part=part)
        unseen.append(photographs.of_referable_people() if referable else photographs)
    sheet = degradation_sheet(unseen[0].paths, kinds, severities, seed or 0)
    scored = []
    for number, (bundle, photographs) in enumerate(zip(bundles, unseen, strict=True), start=1):
        if folds:
            reporter.note(f"fold {number} of {len(folds)}")
        if bundle.caution:
            click.echo(f"warning: {bundle.label} was {bundle.caution}", err=True)
        chosen = choose_engine(bundle, engine)
        if chosen == "keras":
            load_keras_quietly()
        made = make_engine(bundle, batch_size, gradcam=False, engine=chosen, cores=jobs)
        asked = bundle, made, photographs, kinds, severities, reporter
        scored.append(score_unseen(*asked, seed=seed or 0, batch_size=batch_size))
    report = measure_robustness(scored, kinds, severities, seed=seed or 0)
    table = to_csv(report)
    for one, bundle in zip(models, bundles, strict=True):
        if part == "test-opened" and (run := run_of(one)) is not None:
            # Labels of the test part were compared with grades once more.
            command = "kerasdr evidence robustness"
            digest = sha256_of(table.encode())
            note_opening(
                run, command=command, bundle=bundle.digest, predictions_sha256=digest, reason="degraded photographs"
            )
    write_bytes_atomically(out / "degradations.png", encode_png(sheet))
    write_bytes_atomically(out / "robustness.png", robustness_curves(report))
    write_bytes_atomically(out / "robustness.svg", robustness_curves(report, format="svg"))
    write_text_atomically(out / "robustness.csv", table)
    write_text_atomically(out / "robustness.json", json.dumps(to_json(report), indent=1, allow_nan=False) + "\n")
    click.echo(to_text(report))
    click.echo(f"\nwrote robustness.json, .csv, .svg, .png and degradations.png in {printable_path(out)}")
