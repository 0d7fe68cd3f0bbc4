"""Signals that let work end after what it has in hand."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def stopping(*signals: signal.Signals) -> Iterator[threading.Event]:
    """Give what the first of some signals sets; the second one then does what it does to any program."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in signals}

    def hear(number: int, frame: object) -> None:
        stop.set()
        _restore(before)

    for number in signals:
        signal.signal(number, hear)
    try:
        yield stop
    finally:
        _restore(before)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
