"""What `predict` and `watch` tell of their jobs: to a person, as lines of JSON, to Prometheus."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from kerasdr import __version__
from kerasdr.cli.job_files import check_files
from kerasdr.cli.terminal import TerminalReporter
from kerasdr.errors import ExitCode, KerasdrError, StorageError
from kerasdr.files import printable_path, try_to_write
from kerasdr.scoring.golden_host import NOT_NEEDED
from kerasdr.scoring.operation.event_log import EventLog
from kerasdr.scoring.operation.faults import sentence, what_failed, where
from kerasdr.scoring.operation.listening import JobListener
from kerasdr.scoring.operation.metrics import Metrics, read_last
from kerasdr.scoring.unanswered import LOST, LOST_AT_MOST

if TYPE_CHECKING:
    from kerasdr.scoring.bundle import Bundle
    from kerasdr.scoring.grading import Outcome
    from kerasdr.scoring.outcome import Summary

_LOG_SECONDS = 10.0
_METRICS_SECONDS = 60.0


@dataclass(frozen=True)
class Ways:
    """How a command is to tell of its jobs.

    Attributes:
        quiet: say nothing to people but errors, and warnings that ask for something to be done.
        log_json: write events to standard error, in the place of bars and lines.
        log: a file that events are added to.
        metrics: a file for Prometheus.
        ledger: of the jobs, which is not to be written over; the one beside the CSV if None.
        names: whether what people are told may hold what a fault of the program says, and so a name.
        html, fhir: the page and the FHIR bundle that the command writes when its job has ended.
    """

    quiet: bool = False
    log_json: bool = False
    log: Path | None = None
    metrics: Path | None = None
    ledger: Path | None = None
    names: bool = True
    html: Path | None = None
    fhir: Path | None = None


class Telling(JobListener):
    """Tells of jobs in all ways that were asked for; see :func:`telling`.

    Attributes:
        golden: what became of the model's golden check in the job at hand, in words.
    """

    def __init__(self, ways: Ways, logs: Sequence[EventLog], out: Path) -> None:
        self.quiet = ways.quiet or ways.log_json
        self._json = ways.log_json
        self._logs = logs
        self._reporter = TerminalReporter(quiet=self.quiet)
        self._path = ways.metrics
        output = printable_path(out.name)
        last = {} if self._path is None else read_last(self._path, output)
        self._metrics = Metrics(output, __version__, "", last)
        self.next_job()

    def next_job(self) -> None:
        """Take that a job is about to begin: what it takes is counted from now."""
        self._bar = self._reporter.progress("grading")
        self._began, self._since = time.monotonic(), time.time()
        self._logged = self._written = self._began
        self._taken = 0
        self.golden = NOT_NEEDED

    def model(self, bundle: "Bundle") -> None:
        """Take what grades, and warn of it if that is needed."""
        self._metrics = dataclasses.replace(self._metrics, bundle=bundle.label)
        if bundle.caution:
            # The foot of every picture says so as well.
            self.warn(f"{bundle.label} was {bundle.caution}", quietly=True)
        if bundle.golden is None:
            self.warn(
                f"{bundle.label} carries no golden photographs, so that this machine cannot be checked: make it again with "
                "`kerasdr bundle build`, where it was trained"
            )

    def warn(self, text: str, *, quietly: bool = False) -> None:
        """Tell what people should do something about, however quiet it is to be; ``quietly`` if it only is to be known."""
        self._log("warning", message=text)
        if not (self.quiet if quietly else self._json):
            click.echo(f"warning: {text}", err=True)

    def note(self, text: str) -> None:
        """Tell of something that has happened."""
        self._log("note", message=text)
        self._reporter.note(text)

    def begun(self, listed: int) -> None:
        """Tell that a job begins."""
        self._log("begun", kerasdr=__version__, model=self._metrics.bundle, csv=self._metrics.output, listed=listed)
        self._write(self._metrics.at_work(self._since, listed, 0))

    def kept(self, outcomes: "Sequence[Outcome]") -> None:
        """Tell of photographs that failed or wait."""
        self._taken += len(outcomes)
        for log in self._logs:
            log.kept(outcomes)

    def progress(self, done: int, total: int) -> None:
        """Tell how far the job has come, now and then."""
        self._bar(done, total)
        now = time.monotonic()
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            self._log("progress", done=done, listed=total)
        if now - self._written >= _METRICS_SECONDS:
            self._written = now
            self._write(self._metrics.at_work(self._since, total, done))

    def ended(self, summary: "Summary") -> None:
        """Tell of a job that came to its end, or to one of its limits."""
        seconds = time.monotonic() - self._began
        for log in self._logs:
            log.ended(summary, seconds)
        self._metrics = self._metrics.ended(time.time(), seconds, summary.exit_code, summary, self._taken)
        self._write(self._metrics)
        if summary.how == LOST:
            self.warn(
                f"stopped: {LOST_AT_MOST} photographs in a row took too long to read, or the system ended their reading; "
                "this is the machine or the share and not the photographs: check both, and run the same command again"
            )

    def failed(self, code: ExitCode, message: str, **more: object) -> None:
        """Tell of a command that ends with an error."""
        self._log("error", exit_code=int(code), message=message, **more)
        if code != ExitCode.LOCKED:  # the figures are those of the job that has the output
            self._metrics = self._metrics.ended(time.time(), time.monotonic() - self._began, code)
            self._write(self._metrics)

    def _log(self, event: str, **content: object) -> None:
        for log in self._logs:
            log.write(event, **content)

    def _write(self, metrics: Metrics) -> None:
        if self._path is None:
            return
        try:
            metrics.write(self._path)
        except StorageError as error:  # figures for monitoring are no reason to leave photographs ungraded
            self._path = None
            self.warn(f"no more metrics: {error}")


@contextlib.contextmanager
def telling(ways: Ways, out: Path) -> Iterator[Telling]:
    """Give what tells of jobs to the work inside; an error that ends the work is told in all ways too.

    With events on standard error, that is all that is written there.

    Raises:
        KerasdrError: if a file that was asked for cannot be written, and in the place of any fault of the program.
        UsageError: if it is another file than one for that.
    """
    files = {"--log": ways.log, "--metrics": ways.metrics, "--html": ways.html, "--fhir-out": ways.fhir}
    check_files(files, out, ways.ledger)
    with contextlib.ExitStack() as stack:
        logs = [EventLog(sys.stderr)] if ways.log_json else []
        try:
            if ways.log is not None:
                logs.append(EventLog(stack.enter_context(_opened(ways.log))))
        except OSError as error:
            raise _cannot("--log", ways.log, error) from error
        try:
            if ways.metrics is not None:
                try_to_write(ways.metrics.parent)
        except OSError as error:
            raise _cannot("--metrics", ways.metrics, error) from error
        told = Telling(ways, logs, out)
        try:
            yield told
        except KerasdrError as error:
            told.failed(error.exit_code, error.logged)
            if ways.log_json:
                raise click.exceptions.Exit(error.exit_code) from error
            raise
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            told.failed(ExitCode.FAILED, what_failed(error), traceback=where(error))
            if ways.log_json:
                raise click.exceptions.Exit(ExitCode.FAILED) from error
            if isinstance(error, ModuleNotFoundError):  # the entry point knows what to say of it
                raise
            raise KerasdrError(sentence(error, names=ways.names, log=ways.log)) from error
        except KeyboardInterrupt:
            told.failed(ExitCode.INTERRUPTED, "stopped")
            if ways.log_json:
                raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
            raise


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Open a log to be added to; what a full disk did not take when it was written is not tried again at its end."""
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):
            file.close()


def _cannot(option: str, path: Path | None, error: OSError) -> KerasdrError:
    return KerasdrError(
        f"cannot write {printable_path(path or '')}: {error.strerror}; name another place with {option}"
    )
