"""What `predict` and `watch` leave beside the CSV: the job's summary, and a warning if its new photographs look different."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasdr.cli.job_telling import Telling
    from kerasdr.scoring.outcome import Summary


def finishing(told: "Telling", arguments: dict[str, Any]) -> "Callable[[Summary], None]":
    """Return what a job that begins now calls at its end, while it holds its output.

    It tells how the job ended, writes its summary, and warns if new photographs are not like those of validation, or if the
    summary cannot be written.

    Args:
        told: hears it.
        arguments: of :func:`kerasdr.cli.job_options.job_arguments`.
    """
    from kerasdr.errors import StorageError
    from kerasdr.scoring.golden_host import NONE, precision_of
    from kerasdr.scoring.summary import How, drift_warning, job_drift, write_summary

    bundle, engine = arguments["bundle"], arguments["engine"]
    began = time.monotonic()

    def finish(summary: "Summary") -> None:
        told.ended(summary)
        drift = job_drift(summary, bundle, named=arguments["pseudonyms"] is None)
        if warning := drift_warning(drift.drift):
            told.warn(warning)
        golden = NONE if bundle.golden is None else told.golden
        how = How(engine, precision_of(bundle, engine), golden, time.monotonic() - began)
        try:
            write_summary(summary.csv, summary.rows, bundle, drift, how)
        except StorageError as error:  # the CSV is complete, and says all that is needed
            told.warn(str(error))

    return finish
