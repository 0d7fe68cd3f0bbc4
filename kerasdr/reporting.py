"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` while something runs."""


def plural(count: int, one: str, many: str = "") -> str:
    """Return the word for so many of something.

    Args:
        count: how many.
        one: the word for one.
        many: for several and for none; with an s if empty.
    """
    return one if count == 1 else many or f"{one}s"


class Reporter:
    """Hears of long work and says nothing; the command line has one that writes to the terminal."""

    def note(self, line: str) -> None:
        """Take one line about what has happened."""

    def progress(self, title: str) -> Progress:
        """Return a function to be called with ``(done, total)`` as the work named ``title`` goes on."""
        return lambda done, total: None

    def begin(self, run: Path) -> None:
        """Take the folder of a training that begins or goes on; its configuration and its data are written there by now."""

    def epochs(self, member: str, history: Sequence[Mapping[str, Any]]) -> None:
        """Take a member's history so far, one mapping an epoch: when its training begins or goes on, and after each epoch.

        What was told before may be told again, so that a listener that missed some of it, or heard of epochs that were lost
        with a crash, can put itself right.
        """

    def end(self, run: Path) -> None:
        """Take the folder of a training that is finished."""

    def stop(self, run: Path) -> None:
        """Take the folder of a training that ended before it was finished, by an error or Ctrl-C."""


class PassingReporter(Reporter):
    """Passes everything on; those that keep something of it begin here."""

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner

    def note(self, line: str) -> None:
        """Pass on."""
        self._inner.note(line)

    def progress(self, title: str) -> Progress:
        """Pass on."""
        return self._inner.progress(title)

    def begin(self, run: Path) -> None:
        """Pass on."""
        self._inner.begin(run)

    def epochs(self, member: str, history: Sequence[Mapping[str, Any]]) -> None:
        """Pass on."""
        self._inner.epochs(member, history)

    def end(self, run: Path) -> None:
        """Pass on."""
        self._inner.end(run)

    def stop(self, run: Path) -> None:
        """Pass on."""
        self._inner.stop(run)


class FileReporter(PassingReporter):
    """Keeps the lines in a file, which is a run's log; bars are for terminals, not for files."""

    def __init__(self, inner: Reporter, path: Path) -> None:
        super().__init__(inner)
        self._path = path

    def note(self, line: str) -> None:
        """Append the line to the file and pass it on."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._inner.note(line)
