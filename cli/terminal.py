"""What a person at a terminal sees of long work: a bar there, plain lines elsewhere; always on standard error."""

import importlib
import logging
import os
import sys
import tempfile
import time

import click

from kerasdr.reporting import Progress, Reporter

_WIDTH = 28


class TerminalReporter(Reporter):
    """Writes notes and progress to standard error.

    Args:
        quiet: say nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._bar_shown = False

    def note(self, line: str) -> None:
        """Write a line, over a bar if one is there."""
        if self._quiet:
            return
        self._clear()
        click.echo(line, err=True)

    def progress(self, title: str) -> Progress:
        """Return a bar on a terminal; elsewhere a line about every ten seconds of long work, and one at its end."""
        started = time.monotonic()
        last = started

        def bar(done: int, total: int) -> None:
            filled = _WIDTH * done // max(total, 1)
            line = f"{title}  [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}{_left(started, done, total)}"
            click.echo(f"\r\x1b[2K{line}", nl=False, err=True)
            self._bar_shown = True
            if done == total:
                self._clear()

        def lines(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= 10.0 or (done == total and now - started >= 10.0):
                last = now
                click.echo(f"{title}: {done} of {total}{_left(started, done, total)}", err=True)

        if self._quiet:
            return lambda done, total: None
        return bar if self._terminal else lines

    def _clear(self) -> None:
        if self._bar_shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._bar_shown = False


def _left(started: float, done: int, total: int) -> str:
    passed = time.monotonic() - started
    if done == 0 or done == total or passed < 2.0:
        return ""
    seconds = round(passed / done * (total - done))
    return f", {seconds // 60}:{seconds % 60:02d} left"


def load_keras_quietly() -> None:
    """Import Keras and what it computes with, keeping what they write to standard error unless the import fails.

    That is TensorFlow, or JAX where ``KERAS_BACKEND=jax`` says so; JAX then adds in one order on GPUs too, unless ``XLA_FLAGS``
    are given. TensorFlow's libraries write straight to the file descriptor before any setting of theirs can stop them, so
    that is where it is caught.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # It warns of every network that is traced anew, which is what timing several kinds of them does.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    with tempfile.TemporaryFile() as heard:
        kept = os.dup(2)
        os.dup2(heard.fileno(), 2)
        try:
            keras = importlib.import_module("keras")
            framework = "jax" if keras.backend.backend() == "jax" else "tensorflow"
            importlib.import_module(framework)
            if framework == "jax":  # which reads this before it computes for the first time
                os.environ.setdefault("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")
        except BaseException:
            os.dup2(kept, 2)
            heard.seek(0)
            os.write(2, heard.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
