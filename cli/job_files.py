"""The files of `--log`, `--metrics`, `--html` and `--fhir-out`, found fit before anything is written to them."""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import click

from kerasdr.archive import FHIR_BEGINS
from kerasdr.files import may_be_replaced, printable_path
from kerasdr.review import PAGE_BEGINS
from kerasdr.scoring.inputs import PathKeys, is_photograph_name
from kerasdr.scoring.ledger.place import ledger_path
from kerasdr.scoring.names import summary_file
from kerasdr.scoring.operation.event_log import begins_a_log
from kerasdr.scoring.operation.metrics import begins_metrics

_ENDING = ".prom"
_OURS = {
    "--log": begins_a_log,
    "--metrics": begins_metrics,
    "--html": lambda begin: begin.startswith(PAGE_BEGINS.encode()),
    "--fhir-out": lambda begin: begin.startswith(FHIR_BEGINS),
}


def check_files(files: Mapping[str, Path | None], out: Path, ledger: Path | None = None) -> None:
    """Refuse to write events, figures, a page or a FHIR bundle over what is something else.

    Args:
        files: by option: ``--log``, ``--metrics``, ``--html``, ``--fhir-out``.
        out: the CSV.
        ledger: of the jobs; the one beside the CSV if None.

    Raises:
        UsageError: if a file holds something else, is named like a photograph, or is to be something else as well; or the
            figures would lie where Prometheus's collector does not see them.
    """
    keys = PathKeys()
    taken = {keys(str(out)): "--out"}
    if ledger is not None or out.name:  # what has no name is no CSV, which is told later
        taken[keys(str(ledger or ledger_path(out)))] = "the ledger"
        taken[keys(str(summary_file(out)))] = "the summary"
    for option, path in files.items():
        if path is None:
            continue
        shown = printable_path(path)
        if option == "--metrics" and path.suffix != _ENDING:
            raise click.UsageError(
                f"node_exporter reads no {shown}: give --metrics a name that ends in {_ENDING}, such as kerasdr{_ENDING}"
            )
        if other := taken.get(keys(str(path))):
            raise click.UsageError(f"{shown} is both {option} and {other}: name another file with {option}")
        taken[keys(str(path))] = option
        if is_photograph_name(path.name) or not _may_be_written(path, option):
            raise click.UsageError(f"{shown} is something else than a file for {option}: name another with {option}")


def _may_be_written(path: Path, option: str) -> bool:
    if option == "--log":  # added to: a pipe or a terminal keeps nothing; a folder is refused when it is opened
        with contextlib.suppress(OSError):
            kind = os.stat(path).st_mode
            if not stat.S_ISREG(kind):
                return not stat.S_ISBLK(kind)
    return may_be_replaced(path, _OURS[option])
