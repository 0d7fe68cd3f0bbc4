"""The errors that people meet."""

from typing import ClassVar


class KerasdrError(Exception):
    """Something a person can put right; the message is one line and ends with the remedy.

    The library raises it, the command line prints ``error: <message>`` and leaves with :attr:`exit_code`. Anything else that
    escapes is a fault of kerasdr's own and keeps its traceback.
    """

    exit_code: ClassVar[int] = 1


class BundleRefused(KerasdrError):
    """A model that is not to grade: damaged, another than asked for, or one that gives other answers here."""

    exit_code = 6
