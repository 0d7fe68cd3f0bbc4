"""SHA-256 of a job's photographs, whose pixels may not be needed: a file that cannot be read in time is left behind."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from kerasdr.files import sha256_of
from kerasdr.scoring.inputs import Input, read_bytes
from kerasdr.scoring.photographs import Photograph
from kerasdr.scoring.reading import too_slow

ReadDigests = Callable[[Sequence[Input]], list[str]]
"""Takes inputs; returns the SHA-256 of each, empty where it cannot be read."""

DigestInputs = Callable[[Sequence[Input], ReadDigests], list[str]]
"""Takes inputs, and what reads those whose SHA-256 is not known otherwise; returns the SHA-256 of all, likewise."""

_LOOK_SECONDS = 0.5


class Hears(Protocol):
    """What is told how the reading goes, such as :class:`kerasdr.scoring.unanswered.Work`; called from any thread."""

    def is_over(self) -> bool:
        """Whether none is to be read any more."""

    def heard(self, sha256: str) -> None:
        """Take that a photograph was read, if its SHA-256 is known."""

    def judged(self, photograph: Photograph) -> object:
        """Take that reading a photograph took too long."""


def digest_of(entry: Input) -> str:
    """Return the SHA-256 of an input, empty where it cannot be read."""
    try:
        return "" if entry.problem else sha256_of(read_bytes(entry.path, listed=entry.listed))
    except Exception:  # reading it for its pixels will tell what is wrong
        return ""


class DigestReader:
    """Reads the digests of a job's inputs.

    They are read by threads of this process, as nothing is decoded and a process of their own would take longer to start
    than a night's photographs to hash. A thread that waits for a lost share cannot be ended: it is left alone, another takes
    its place, and the job does not wait for it, nor does Python at its end.

    Args:
        inputs: of the job.
        seconds: that reading one may take.
        workers: how many are read at a time.
        work: of the job: none is read once it is over, and it hears of those that were lost.
        digest: reads one; it raises nothing.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        seconds: float,
        workers: int,
        work: Hears,
        digest: Callable[[Input], str] = digest_of,
    ) -> None:
        self._places = {entry.path: place for place, entry in enumerate(inputs)}
        self._seconds = seconds
        self._workers = workers
        self._work = work
        self._digest = digest

    def read(self, inputs: Sequence[Input]) -> list[str]:
        """Return the SHA-256 of each of some inputs, empty where it cannot be read and for all that come after a limit."""
        digests = [""] * len(inputs)
        left = iter(range(len(inputs)))
        taking = threading.Lock()
        since: dict[int, float] = {}
        done: SimpleQueue[tuple[int, str]] = SimpleQueue()

        def read() -> None:
            while True:
                with taking:
                    number = next(left, None)
                if number is None:
                    return
                since[number] = time.monotonic()
                digest = "" if self._work.is_over() else self._digest(inputs[number])
                if since.pop(number, None) is None:
                    return  # too late: another thread has taken this one's place
                done.put((number, digest))

        def start() -> None:
            threading.Thread(target=read, daemon=True).start()

        for _ in range(min(self._workers, len(inputs))):
            start()
        waiting = len(inputs)
        try:
            while waiting:
                try:
                    number, digests[number] = done.get(timeout=min(_LOOK_SECONDS, self._seconds))
                    self._work.heard(digests[number])
                    waiting -= 1
                except Empty:
                    for number in self._too_slow(since):
                        place = self._places[inputs[number].path]
                        self._work.judged(Photograph(place, "waiting", too_slow(self._seconds), lost=1))
                        waiting -= 1
                        start()
        finally:
            with taking:
                left = iter(())
        return digests

    def _too_slow(self, since: dict[int, float]) -> list[int]:
        now = time.monotonic()
        late = [number for number, began in list(since.items()) if now - began > self._seconds]
        return [number for number in late if since.pop(number, None) is not None]
