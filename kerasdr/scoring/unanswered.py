"""What is left of a job: photographs whose answer the ledger has are taken out before the engine, as far as limits let it."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.grading import Outcome, Request, row_without_grade
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.ledger.answers import Seen
from kerasdr.scoring.ledger.record import COMPLETE, Found, Record
from kerasdr.scoring.photographs import Photograph

TOO_LONG = "time limit"
TOO_MANY = "too many failed"
STOPPED = "stopped"
LOST = "readers lost"
LOST_AT_MOST = 20
"""So many photographs whose reading was lost one after the other are the machine's fault, and the job stops."""
LOST_RUNS = 3
"""A photograph whose reading was lost in so many runs is said to have failed."""
NOT_REACHED = {
    TOO_LONG: "not reached within the time limit: run again",
    TOO_MANY: "not reached, as too many photographs failed: see why, and run again",
    STOPPED: "not reached, as the job was stopped: run again",
    LOST: "not reached, as many photographs in a row could not be read on this machine: check its memory and disks, and "
    "run again",
}
"""Reason of what a job that ended before its end did not come to, by how it ended."""


@dataclass(frozen=True)
class Limits:
    """When a job is to stop before its end.

    Attributes:
        seconds: after which no new photographs are taken; None for no limit.
        max_failed: the job stops when more have failed that did not fail before; None for no limit.
        clock: seconds that never go back.
        patient: a photograph whose reading is lost waits, however often; for who tries again soon and not the next night.
        stopped: asked before each photograph whether somebody wants the job to end; None if nobody can.
    """

    seconds: float | None = None
    max_failed: int | None = None
    clock: Callable[[], float] = time.monotonic
    stopped: Callable[[], bool] | None = None
    patient: bool = False


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
        self._lost_in_a_row = 0
        self._lock = threading.Lock()
        self._lost: dict[int, Photograph] = {}
        self._found: list[Found] = []
        self._claimed: dict[Seen, list[tuple[int, tuple[int, ...]]]] = {}
        self.how = COMPLETE

    def unanswered(self, requests: Generator[Request]) -> Generator[Request]:
        """Yield those whose answer is not known, and of several with the same bytes the first; stop at the limits."""
        with contextlib.closing(requests):
            while not self.is_over() and (request := next(requests, None)) is not None:
                if not request.photograph.ready:
                    failed = request.photograph.status == "failed"
                    self._failed += failed and not self._record.failed_before(request.photograph)
                    yield request
                elif request.seen in self._claimed:
                    self._claimed[request.seen].append((request.photograph.index, request.partner_places))
                elif (answer := self._record.find(request.seen)) and answer.row.status == "graded":
                    self._found.append(Found(request.photograph.index, request.partner_places, answer))
                else:
                    self._claimed[request.seen] = []
                    yield request

    def judged(self, photograph: Photograph) -> Photograph:
        """Return a photograph that was read, or one that was lost as its row is to tell of it; called from any thread.

        One that is lost is not read again by this job: see :meth:`lost`.
        """
        if not photograph.lost:
            self.heard(photograph.sha256)
            return photograph
        runs = self._record.lost_before(photograph.index) + (not self._limits.patient)
        if runs < LOST_RUNS:
            with self._lock:
                self._lost_in_a_row += 1
            judged = replace(photograph, lost=runs)
        else:  # it is known to do that here, so it says nothing of the machine
            what = photograph.reason.partition(":")[0]
            reason = f"{what}, in {LOST_RUNS} runs: copy it again, or allow more with --photo-timeout and free memory"
            judged = replace(photograph, status="failed", reason=reason, lost=LOST_RUNS)
        self._lost[photograph.index] = judged
        return judged

    def heard(self, sha256: str) -> None:
        """Take that a photograph was read, if its SHA-256 is known: the machine can read."""
        if sha256:
            self._lost_in_a_row = 0

    def lost(self, place: int) -> Photograph | None:
        """Return what this job has lost of an input, if anything."""
        return self._lost.get(place)

    def is_over(self) -> bool:
        """Whether a limit was reached, so that no new photograph is to be taken; called from any thread."""
        limits = self._limits
        if limits.max_failed is not None and self._failed > limits.max_failed:
            self.how = TOO_MANY
        elif limits.seconds is not None and limits.clock() - self._began >= limits.seconds:
            self.how = TOO_LONG
        elif limits.stopped is not None and limits.stopped():
            self.how = STOPPED
        elif self._lost_in_a_row >= LOST_AT_MOST:
            self.how = LOST
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

    def finish(self, inputs: Sequence[Input], bundle: Bundle) -> None:
        """Keep what is left to be kept; what was not come to waits.

        Args:
            inputs: of the job.
            bundle: what grades them.
        """
        while self._found:
            self.keep(())
        if len(self._record.places) == len(inputs):
            self.how = COMPLETE  # the limit came with the end
            return
        left = [place for place in range(len(inputs)) if place not in self._record.places]
        self._record.keep(self._left(place, bundle) for place in left)

    def _left(self, place: int, bundle: Bundle) -> Outcome:
        photograph = self._lost.get(place) or Photograph(
            place, "waiting", NOT_REACHED.get(self.how, ""), lost=self._record.lost_before(place)
        )
        return Outcome(place, row_without_grade(photograph, "", bundle), Seen(""), lost=photograph.lost)
