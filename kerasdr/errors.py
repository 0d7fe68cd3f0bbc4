"""The one class of error that people meet."""


class KerasdrError(Exception):
    """Something a person can put right; the message is one line and ends with the remedy.

    The library raises it, the command line prints ``error: <message>`` and leaves with exit code 1. Anything else that
    escapes is a fault of kerasdr's own and keeps its traceback.
    """
