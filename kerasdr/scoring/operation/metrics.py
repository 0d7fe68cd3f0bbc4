"""What Prometheus is told, as a text file for the textfile collector of node_exporter.

The format is the text exposition format 0.0.4. Values of the last job that ended stay while another is at work, so that an
alert on the age of ``kerasdr_job_last_end_timestamp_seconds`` is never without its value. What is not known is left out.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kerasdr.files import write_text_atomically
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.rows import STATUSES

_HELP = {
    "kerasdr_build_info": "1, with the version and the model of the last job as labels.",
    "kerasdr_job_last_end_timestamp_seconds": "When the last job ended, in seconds since 1970.",
    "kerasdr_job_exit_code": "Exit code of the last job that ended.",
    "kerasdr_job_duration_seconds": "How long the last job took.",
    "kerasdr_job_listed": "Photographs that the last job was about.",
    "kerasdr_job_graded": "Photographs that have a grade.",
    "kerasdr_job_ungradable": "Photographs that are not good enough.",
    "kerasdr_job_failed": "Photographs that could not be read.",
    "kerasdr_job_waiting": "Photographs that the next job takes.",
    "kerasdr_job_referable": "Photographs of grade 2 or worse.",
    "kerasdr_job_images_per_second": "Photographs read and answered a second, without those whose answer was known.",
    "kerasdr_job_running": "1 while a job is at work; a job that was killed leaves it at 1.",
    "kerasdr_job_running_since_timestamp_seconds": "When the job at work began.",
    "kerasdr_job_running_listed": "Photographs that the job at work is about.",
    "kerasdr_job_running_done": "Of these, photographs that have a row.",
}
_LAST = tuple(name for name in _HELP if name.startswith("kerasdr_job_") and "_running" not in name)
_SAMPLE = re.compile(r"(kerasdr_job_\w+)\{output=\"(.*)\"\} (\S+)")


@dataclass(frozen=True)
class Metrics:
    """What is told.

    Attributes:
        output: name of the CSV, by which jobs of one host are told apart.
        version: of kerasdr.
        bundle: label of the model.
        last: values of the last job that ended, by metric; empty if none has.
        running: values of the job at work, by metric; empty if none is.
    """

    output: str
    version: str
    bundle: str
    last: Mapping[str, float] = field(default_factory=dict)
    running: Mapping[str, float] = field(default_factory=dict)

    def at_work(self, since: float, listed: int, done: int) -> "Metrics":
        """Return what is told while a job is at work; ``since`` in seconds since 1970."""
        values = {"_since_timestamp_seconds": since, "_listed": listed, "_done": done}
        return dataclasses.replace(
            self, running={f"kerasdr_job_running{name}": value for name, value in values.items()}
        )

    def ended(self, end: float, seconds: float, code: int, summary: Summary | None = None, taken: int = 0) -> "Metrics":
        """Return what is told of a job that has ended.

        Args:
            end: when, in seconds since 1970.
            seconds: how long it took.
            code: with which it left.
            summary: of what it did; None if it left with an error.
            taken: how many photographs it read and answered.
        """
        last = {"last_end_timestamp_seconds": end, "exit_code": int(code), "duration_seconds": seconds}
        if summary is not None:
            counts = Counter(row.status for row in summary.rows)
            last |= {"listed": len(summary.rows), **{status: counts[status] for status in STATUSES}}
            last["referable"] = sum(row.referable is True for row in summary.rows)
            if taken and seconds > 0:
                last["images_per_second"] = taken / seconds
        return dataclasses.replace(
            self, last={f"kerasdr_job_{name}": value for name, value in last.items()}, running={}
        )

    def to_text(self) -> str:
        """Return the file's text."""
        output = f'output="{_escaped(self.output)}"'
        values = {**self.last, **self.running, "kerasdr_job_running": float(bool(self.running))}
        lines = []
        for name, help_text in _HELP.items():
            labels, value = output, values.get(name)
            if name == "kerasdr_build_info":
                labels += f',version="{_escaped(self.version)}",bundle="{_escaped(self.bundle)}"'
                value = 1.0
            if value is not None:
                lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", f"{name}{{{labels}}} {value!r}"]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write the file in one step, for everybody to read: it tells of nobody.

        Raises:
            StorageError: if it cannot be written.
        """
        write_text_atomically(path, self.to_text(), mode=0o644)


def read_last(path: Path, output: str) -> dict[str, float]:
    """Return the values of an output's last job that ended from a file of before; none if there is no such file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found = {}
    for match in filter(None, map(_SAMPLE.fullmatch, text.splitlines())):
        if match[1] in _LAST and match[2] == _escaped(output):
            try:
                found[match[1]] = float(match[3])
            except ValueError:
                return {}  # no file of ours
    return found


def begins_metrics(begin: bytes) -> bool:
    """Whether a file that begins like this holds figures of jobs."""
    return begin.startswith(b"# HELP kerasdr_")


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
