"""What `predict` and `watch` leave beside the CSV: the job's summary, and a warning if its photographs look different."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasdr.cli.job_telling import Telling
    from kerasdr.scoring.job import Summary


def leave_summary(told: "Telling", summary: "Summary", seconds: float, arguments: dict[str, Any]) -> None:
    """Write the summary of a job, and warn if its photographs are not like those of validation, or it cannot be written.

    Args:
        told: hears the warning.
        summary: of the job.
        seconds: that it took.
        arguments: of :func:`kerasdr.cli.job_options.job_arguments`.

    """
    from kerasdr.errors import StorageError
    from kerasdr.scoring.golden_host import precision_of
    from kerasdr.scoring.summary import How, drift_warning, job_drift, write_summary

    bundle, engine = arguments["bundle"], arguments["engine"]
    drift = job_drift(summary.rows, bundle, named=arguments["pseudonyms"] is None)
    if warning := drift_warning(drift):
        told.warn(warning)
    how = How(engine, precision_of(bundle, engine), bundle.golden is not None, seconds)
    try:
        write_summary(summary.csv, summary.rows, bundle, drift, how)
    except StorageError as error:  # the CSV is complete, and says all that is needed
        told.warn(str(error))
