"""``kerasdr bundle compare`` and ``accept``: a new model for an output, tried on its photographs and taken by a person."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasdr.cli.job_options import max_megapixels_option, photo_timeout_option
from kerasdr.cli.options import OutputFile, engine_option
from kerasdr.cli.terminal import TerminalReporter, load_keras_quietly

if TYPE_CHECKING:
    from kerasdr.scoring.bundle import Bundle
    from kerasdr.scoring.engine import Engine
    from kerasdr.scoring.engines import EngineName

EXAMPLES = """
\b
Examples:
  kerasdr bundle compare runs/new --on grades.csv --out trial.csv
  kerasdr bundle accept runs/new --on grades.csv --by "A. Reader" --table trial.csv
  kerasdr bundle compare runs/new incoming --key ~/keys/site.key --on grades.csv --out trial.csv

\b
Exit code:
  0  done
  1  not possible: one line says why, and what to do
  4  a photograph, the disk or the ledger went away; give the same command again
  5  a job writes to this output
  6  the model does not give its golden answers here
"""

_MODEL = click.argument("model", type=click.Path(path_type=Path))
_ON = click.option(
    "--on", required=True, type=click.Path(path_type=Path), help="The CSV that the model is to grade into."
)
_LEDGER = click.option(
    "--ledger", type=click.Path(path_type=Path), help="Its ledger.  [default: grades.ledger beside grades.csv]"
)


@click.command("compare", epilog=EXAMPLES)
@_MODEL
@click.argument("inputs", nargs=-1)
@_ON
@click.option(
    "--last", type=click.IntRange(min=1), default=500, show_default=True, help="How many photographs, the newest first."
)
@click.option("--out", required=True, type=OutputFile(b"image,sha256,change,"), help="The table to write.")
@click.option("--key", type=click.Path(path_type=Path), help="The key of the pseudonyms, of an output that has these.")
@max_megapixels_option
@photo_timeout_option("ends the command with 4")
@_LEDGER
@engine_option
def compare_command(
    model: Path,
    inputs: tuple[str, ...],
    on: Path,
    last: int,
    out: Path,
    key: Path | None,
    max_megapixels: float | None,
    photo_timeout: float,
    ledger: Path | None,
    engine: "EngineName",
) -> None:
    """Grade the newest photographs of a CSV with a new MODEL, and show its answers beside those that are there.

    The CSV and its pictures stay as they are; its ledger keeps that the table was made. Photographs are read where they lay. An
    output under pseudonyms does not know where: name its photographs as INPUTS, and the --key.
    """
    from kerasdr.evaluation.agreement import agreement_text
    from kerasdr.files import printable_path
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.engines import choose_engine
    from kerasdr.scoring.golden_host import precision_of
    from kerasdr.scoring.inputs import PathKeys
    from kerasdr.scoring.ledger.audit import read_output
    from kerasdr.scoring.operation.acceptance import check_free, keep_trial
    from kerasdr.scoring.operation.model_trial import changes_text, try_model, where_they_lie
    from kerasdr.scoring.results import room_for

    output = read_output(on, ledger)
    keys = PathKeys()
    if keys(str(out)) in (keys(str(output.csv)), keys(str(output.ledger))):
        raise click.UsageError(f"{printable_path(out)} is the CSV or its ledger: name another file with --out")
    bundle = load_bundle(model)
    name = choose_engine(bundle, engine)
    where = where_they_lie(output, inputs, key)
    check_free(output)
    with room_for(out.parent):
        trial = try_model(
            output.book,
            bundle,
            lambda: _checked_engine(bundle, name, gradcam=False),
            last=last,
            where=where,
            max_megapixels=max_megapixels,
            photo_timeout=photo_timeout,
            progress=TerminalReporter().progress("grading"),
        )
        digest, head = keep_trial(output, trial, out, name, precision_of(bundle, name))
    more = f"; {trial.gone} more cannot be had as they were" if trial.gone else ""
    click.echo(f"old {trial.old_model[0]}\nnew {trial.new_model[0]}")
    click.echo(f"{len(trial.rows)} photographs of {printable_path(output.csv)}, the newest{more}")
    click.echo(agreement_text(trial.rows))
    click.echo(f"{'changes':<17}{changes_text(trial)}")
    click.echo(f"each photograph is in {printable_path(out)}, SHA-256 {digest}; ledger {head}")


@click.command("accept", epilog=EXAMPLES)
@_MODEL
@_ON
@click.option("--by", required=True, help="The name of the person who accepts it.")
@click.option(
    "--table", type=click.Path(path_type=Path), help="What `compare` wrote; needless for the first model of a CSV."
)
@_LEDGER
@engine_option
def accept_command(
    model: Path, on: Path, by: str, table: Path | None, ledger: Path | None, engine: "EngineName"
) -> None:
    """Take MODEL for a CSV, in the name of a person who has looked at what `compare` wrote.

    The ledger keeps who, when and which table. From then on `predict`, `watch` and `merge` refuse any other model that was not
    taken for this CSV; one that was taken, or in use until then, may grade again at any time.
    """
    from kerasdr.files import printable_path
    from kerasdr.scoring.bundle import load_bundle
    from kerasdr.scoring.ledger.audit import read_output
    from kerasdr.scoring.operation.acceptance import accept_model

    output = read_output(on, ledger)
    bundle = load_bundle(model)
    entry, head = accept_model(output, bundle, by, table, lambda: _checked_engine(bundle, engine, gradcam=True))
    click.echo(
        f"{bundle.label} is accepted for {printable_path(output.csv)} {entry.sentence()}; entry {entry.sequence}; ledger {head}"
    )


def _checked_engine(bundle: "Bundle", name: "EngineName", *, gradcam: bool) -> "Engine":
    """Make an engine that gives a bundle's golden answers here.

    Raises:
        ModelRefusedError: if it does not, or there are none.
    """
    from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE, choose_engine, make_engine
    from kerasdr.scoring.golden import golden_of, require_golden
    from kerasdr.scoring.golden_host import precision_of

    name = choose_engine(bundle, name)
    precision = precision_of(bundle, name)
    golden_of(bundle, precision)  # whether there are any is said before an engine is loaded
    if name == "keras":
        load_keras_quietly()
    engine = make_engine(bundle, DEFAULT_BATCH_SIZE, gradcam, engine=name, cores=None)
    require_golden(bundle, engine, name, precision)
    return engine
