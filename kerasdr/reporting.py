"""How long work tells what it is doing, without knowing who listens."""

from collections.abc import Callable
from pathlib import Path

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` while something runs."""


class Reporter:
    """Hears of long work and says nothing; the command line has one that writes to the terminal."""

    def note(self, line: str) -> None:
        """Take one line about what has happened."""

    def progress(self, title: str) -> Progress:
        """Return a function to be called with ``(done, total)`` as the work named ``title`` goes on."""
        return lambda done, total: None


class FileReporter(Reporter):
    """Passes everything on and keeps the lines in a file, which is a run's log."""

    def __init__(self, inner: Reporter, path: Path) -> None:
        self._inner = inner
        self._path = path

    def note(self, line: str) -> None:
        """Append the line to the file and pass it on."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._inner.note(line)

    def progress(self, title: str) -> Progress:
        """Pass on: bars are for terminals, not for files."""
        return self._inner.progress(title)
