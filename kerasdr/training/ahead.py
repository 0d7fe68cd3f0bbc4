"""Batches made by a thread of their own, ahead of the training step that takes them."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item], count: int = 4) -> Iterator[Item]:
    """Yield items in their order, up to ``count`` of them made before they are asked for.

    An exception that making one raises is raised where that one is asked for. The thread ends when the items do, or when the
    iterator is closed or forgotten.

    Args:
        items: made in a thread.
        count: how many may wait, at least 1.
    """
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(count)
    stop = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
        except BaseException as error:  # it belongs to whoever asks for the item
            put((False, error))
            return
        put((False, None))

    threading.Thread(target=make, daemon=True, name="batches").start()
    try:
        while True:
            there, item = ready.get()
            if there:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
