"""The errors that people meet, and the exit codes of the command."""

import enum
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """What the command says to whoever started it.

    ``FINISHED``: all that was asked for is done. ``FAILED``: it could not be done. ``USAGE``: it was called wrongly.
    ``SOME_FAILED``: done, and some of it needs a person. ``UNFINISHED``: not done to the end, the same command goes on.
    ``LOCKED``: another job holds the output. ``MODEL_REFUSED``: the model is damaged, none, another, or gives other
    answers here. ``INTERRUPTED``: by a person.
    """

    FINISHED = 0
    FAILED = 1
    USAGE = 2
    SOME_FAILED = 3
    UNFINISHED = 4
    LOCKED = 5
    MODEL_REFUSED = 6
    INTERRUPTED = 130


class KerasdrError(Exception):
    """Something a person can put right; the message is one line and ends with the remedy.

    The library raises it, the command line prints ``error: <message>`` and leaves with :attr:`exit_code`. Anything else that
    escapes is a fault of kerasdr's own and keeps its traceback; of a job of `predict` or `watch` the log tells where it was.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    @property
    def logged(self) -> str:
        """The message as logs have it, which hold no name of a photograph."""
        return str(self)


class StorageError(KerasdrError):
    """A file could not be written: the disk is full, a share is gone, a folder is closed."""


class UnfinishedError(KerasdrError):
    """A job stopped before its end; what it did is kept, and the same command goes on."""

    exit_code = ExitCode.UNFINISHED


class MissingError(UnfinishedError):
    """Photographs of a CSV are not there any more, and nobody said that they may go.

    Args:
        message: for people, with the name of one.
        logged: without it.
    """

    def __init__(self, message: str, logged: str) -> None:
        super().__init__(message)
        self._logged = logged

    @property
    def logged(self) -> str:
        """The message without a name."""
        return self._logged


class LockedError(KerasdrError):
    """Another job holds the output."""

    exit_code = ExitCode.LOCKED


class ModelRefusedError(KerasdrError):
    """A model that must not grade: damaged, none, another than expected, or one that gives other answers here."""

    exit_code = ExitCode.MODEL_REFUSED
