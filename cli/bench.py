"""``kerasdr bench``: how fast a model grades on this machine."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.options import OutputFile, engine_option, jobs_option, model_option
from kerasdr.cli.terminal import load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName

_PHANTOM_PEOPLE, _PHANTOM_SIZE = 20, 1024
# Of fewer photographs a job is mostly its start and end, and says little of a night.
_ENOUGH = 24


@click.command("bench")
@click.argument("inputs", nargs=-1)
@model_option
@engine_option
@jobs_option
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Measurements of each part.")
@click.option(
    "--photographs",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Say how long so many would take.",
)
@click.option("--json", "json_file", type=OutputFile(b"{"), help="Also write the figures here.")
def bench_command(
    inputs: tuple[str, ...],
    model: Path,
    engine: "EngineName",
    jobs: int | None,
    rounds: int,
    photographs: int,
    json_file: Path | None,
) -> None:
    """Measure how fast a model grades on this machine, part by part.

    INPUTS are photographs or folders like those that will be graded; drawn ones of 1024 px are used if none are named.
    """
    from kerasdr.files import write_text_atomically
    from kerasdr.machine import available_cores
    from kerasdr.scoring.benchmark import run_benchmark
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import choose_engine

    bundle = load_bundle(model)
    engine = choose_engine(bundle, engine)
    if engine == "keras":
        load_keras_quietly()
    with tempfile.TemporaryDirectory() as folder:
        kind = f"{len(inputs)} inputs"
        if not inputs:
            from kerasdr.data.phantom import write_phantoms

            write_phantoms(Path(folder), people=_PHANTOM_PEOPLE, seed=5, size=_PHANTOM_SIZE)
            inputs, kind = (str(Path(folder) / "train"),), f"drawn, {_PHANTOM_SIZE} px"
        measured = run_benchmark(bundle, model, inputs, engine=engine, cores=jobs or available_cores(), rounds=rounds)
    click.echo(
        f"{bundle.label}, {len(bundle.members)} networks, engine {measured.engine}, {measured.cores} cores, "
        f"{measured.photographs} photographs ({kind}), {rounds} rounds"
    )
    click.echo("  photographs a second: median (lowest to highest)")
    for name, rate in measured.rates.items():
        click.echo(f"    {name:<24}{rate}")
    click.echo(f"  Grad-CAM on top of the networks      {measured.surcharge:8.1%}")
    click.echo(
        f"  whole job, share of the bound        {measured.share_of_bound:8.1%}   "
        f"(decoding and networks alone: {measured.bound:.1f} a second)"
    )
    click.echo(f"  seconds from the command to the end of one photograph: {measured.start.median:.2f}")
    if measured.photographs < _ENOUGH:
        click.echo(
            f"  name {_ENOUGH} or more to hear how long a job takes: its start and end weigh on {measured.photographs}"
        )
    else:
        click.echo(f"  {photographs:,} photographs like these would take {measured.hours(photographs):.2f} hours")
    if json_file:
        content = {
            "model": bundle.label,
            "engine": measured.engine,
            "cores": measured.cores,
            "photographs": measured.photographs,
            "rates": {name: list(rate.values) for name, rate in measured.rates.items()},
            "gradcam_surcharge": measured.surcharge,
            "bound": measured.bound,
            "share_of_bound": measured.share_of_bound,
            "start_seconds": list(measured.start.values),
        }
        write_text_atomically(json_file, json.dumps(content, indent=1) + "\n")
