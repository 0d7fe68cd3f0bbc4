"""What is left of a job: photographs whose answer the ledger has are taken out before the engine, as far as limits let it."""

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kerasdr.files import sha256_of
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.scoring.grading import Outcome, Request
from kerasdr.scoring.inputs import Input, read_bytes
from kerasdr.scoring.ledger.answers import Seen
from kerasdr.scoring.ledger.record import COMPLETE, Found, Record
from kerasdr.scoring.rows import Row

TOO_LONG = "time limit"
TOO_MANY = "too many failed"
STOPPED = "stopped"
_REASONS = {
    TOO_LONG: "not reached within the time limit: run again",
    TOO_MANY: "not reached, as too many photographs failed: see why, and run again",
    STOPPED: "not reached, as the job was stopped: run again",
}


DigestInputs = Callable[[Sequence[Input], int], list[str]]
"""Takes inputs and a number of threads; returns the SHA-256 of each, empty where it cannot be read."""


@dataclass(frozen=True)
class Limits:
    """When a job is to stop before its end.

    Attributes:
        seconds: after which no new photographs are taken; None for no limit.
        max_failed: the job stops when more have failed; None for no limit.
        clock: seconds that never go back.
        stopped: asked before each photograph whether somebody wants the job to end; None if nobody can.
    """

    seconds: float | None = None
    max_failed: int | None = None
    clock: Callable[[], float] = time.monotonic
    stopped: Callable[[], bool] | None = None


class Work:
    """The photographs that a job has to grade, and what becomes of them.

    Args:
        record: of the job.
        limits: when it is to stop.
        began: when it began, by the clock of the limits.
    """

    def __init__(self, record: Record, limits: Limits, began: float) -> None:
        self._record = record
        self._limits = limits
        self._began = began
        self._failed = 0
        self._found: list[Found] = []
        self._claimed: dict[Seen, list[tuple[int, tuple[int, ...]]]] = {}
        self.how = COMPLETE

    def unanswered(self, requests: Generator[Request]) -> Generator[Request]:
        """Yield those whose answer is not known, and of several with the same bytes the first; stop at the limits."""
        with contextlib.closing(requests):
            while not self._is_over() and (request := next(requests, None)) is not None:
                if not request.photograph.ready:
                    self._failed += request.photograph.status == "failed"
                    yield request
                elif request.seen in self._claimed:
                    self._claimed[request.seen].append((request.photograph.index, request.partner_places))
                elif answer := self._record.find(request.seen):
                    self._found.append(Found(request.photograph.index, request.partner_places, answer))
                else:
                    self._claimed[request.seen] = []
                    yield request

    def is_stopped(self) -> bool:
        """Whether somebody wants the job to end."""
        return self._limits.stopped is not None and self._limits.stopped()

    def _is_over(self) -> bool:
        limits = self._limits
        if limits.max_failed is not None and self._failed > limits.max_failed:
            self.how = TOO_MANY
        elif limits.seconds is not None and limits.clock() - self._began >= limits.seconds:
            self.how = TOO_LONG
        elif self.is_stopped():
            self.how = STOPPED
        return self.how != COMPLETE

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes, whose pictures are on the disk, and what was found since; photographs of the same bytes follow.

        Raises:
            UnfinishedError: if they cannot be kept.
        """
        found, self._found = self._found, []
        self._record.keep(outcomes, found)
        for outcome in outcomes:
            same = self._claimed.pop(outcome.seen, []) if outcome.row.status == "graded" else []
            if same:
                answer = self._record.answer(outcome.seen)
                self._found += [Found(index, partners, answer) for index, partners in same]

    def finish(self, inputs: Sequence[Input], model: str) -> None:
        """Keep what is left to be kept; what was not come to waits.

        Args:
            inputs: of the job.
            model: label of the bundle.
        """
        while self._found:
            self.keep(())
        if len(self._record.places) == len(inputs):
            self.how = COMPLETE  # the limit came with the end
            return
        reason = _REASONS.get(self.how, "")
        self._record.keep(
            Outcome(place, Row(image="", status="waiting", reason=reason, model=model), Seen(""))
            for place in range(len(inputs))
            if place not in self._record.places
        )


def digest_inputs(inputs: Sequence[Input], workers: int, stop: Callable[[], bool] | None = None) -> list[str]:
    """Return the SHA-256 of each input's bytes, empty where they cannot be read; all that is left once ``stop`` says so."""

    def digest(entry: Input) -> str:
        try:
            unread = entry.problem or (stop is not None and stop())
            return "" if unread else sha256_of(read_bytes(entry.path, listed=entry.listed))
        except (UnreadablePhotograph, MemoryError):
            return ""

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(digest, inputs))
