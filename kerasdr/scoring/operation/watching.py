"""A folder into which photographs come: each is graded once it is whole, by jobs that are those of ``kerasdr predict``.

The folder is looked at again and again, as shares tell nobody what happens in them. A photograph is taken when two looks in a
row saw the same size, time of change and inode.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from kerasdr.errors import KerasdrError, LockedError, MissingError, UnfinishedError
from kerasdr.files import printable_path
from kerasdr.reporting import plural
from kerasdr.scoring.digests import DigestInputs, ReadDigests
from kerasdr.scoring.inputs import Input, list_inputs
from kerasdr.scoring.operation.parts import Select, Selection
from kerasdr.scoring.outcome import Summary

State = tuple[int, int, int, int]
"""Size, time of change in ns, inode and device."""

RunJob = Callable[[Select, DigestInputs], Summary]
"""Grades what is selected of the folder, with the given way to come to digests."""

_LONGEST_PAUSE = 3600.0
_LOOKING = 8


@dataclass(frozen=True)
class Look:
    """What a look at the folder saw.

    Attributes:
        inputs: the photographs.
        states: of each by its path; None where there is nothing that could change, such as a link to nothing.
        away: why the folder cannot be had; empty if it can.
    """

    inputs: Sequence[Input] = ()
    states: Mapping[str, State | None] = field(default_factory=dict)
    away: str = ""


def look_at(folder: str, skip: Sequence[Path]) -> Look:
    """Look at a folder.

    Args:
        folder: which.
        skip: folders in it that are not searched.
    """
    shown = printable_path(folder)
    try:
        if not os.listdir(folder):
            return Look(away=f"{shown} is empty")
        inputs = list_inputs([folder], skip)
    except OSError as error:
        return Look(away=f"{shown} cannot be had ({error.strerror})")
    except KerasdrError:
        return Look(away=f"{shown} holds no photographs")
    if any(entry.later for entry in inputs):  # part of it is away: what is left is not all that is there
        return Look(away=f"a folder in {shown} cannot be had")
    return Look(inputs, {entry.path: state_of(entry) for entry in inputs})


def state_of(entry: Input) -> State | None:
    """Return what tells whether a file has changed; None where it cannot be had."""
    try:
        found = os.stat(entry.path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def unchanged(before: Look, now: Look) -> Look:
    """Return the photographs that are as they were at the look before."""
    same = [entry for entry in now.inputs if before.states.get(entry.path, ...) == now.states[entry.path]]
    return Look(same, {entry.path: now.states[entry.path] for entry in same})


class Digests:
    """SHA-256 of photographs, each read once as long as its state stays the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[State, str]] = {}

    def __call__(self, inputs: Sequence[Input], read: ReadDigests) -> list[str]:
        """Return the digests of inputs, empty where they cannot be read.

        Args:
            inputs: which.
            read: reads those of inputs that are new or changed.
        """
        with ThreadPoolExecutor(_LOOKING) as pool:  # a share takes its time
            states = list(pool.map(state_of, inputs))
        known = {}
        for entry, state in zip(inputs, states, strict=True):
            held = self._known.get(entry.path)
            if state is not None and held is not None and held[0] == state:
                known[entry.path] = held
        missing = [entry for entry in inputs if entry.path not in known]
        state_by_path = {entry.path: state for entry, state in zip(inputs, states, strict=True)}
        for entry, digest in zip(missing, read(missing), strict=True):
            state = state_by_path[entry.path]
            # Looked at before it was read, and again behind it.
            if digest and state is not None and state_of(entry) == state:
                known[entry.path] = state, digest
        self._known = known
        return [known[entry.path][1] if entry.path in known else "" for entry in inputs]


class Watch:
    """Looks at a folder until it is told to stop, and has what came graded.

    Args:
        folder: which.
        skip: folders in it that are not searched, such as the one of the pictures.
        run: grades.
        every: seconds between two looks.
        stop: set when it is to end.
        note: takes a line about what has happened.
    """

    def __init__(
        self,
        folder: str,
        skip: Sequence[Path],
        run: RunJob,
        *,
        every: float,
        stop: threading.Event,
        note: Callable[[str], None],
    ) -> None:
        self._folder, self._skip, self._run = folder, skip, run
        self._every, self._stop, self._note = every, stop, note
        self._digests = Digests()
        self._before = Look()
        self._done: Look | None = None
        self._away = ""
        self._missing: MissingError | None = None
        self._pause = self._until_again = 0.0
        self.summary: Summary | None = None

    def once(self) -> int:
        """Grade what is whole at the second of two looks, and return how many photographs were not.

        Raises:
            UnfinishedError: if there is nothing to be had, so that nothing is known of what there is.
            MissingError: if many photographs of the CSV are not there any more.
        """
        self.look(waits=False)
        if not self._stop.wait(self._every):
            self.look(waits=False)
        self._check_whole()
        return len(self._before.inputs) - (len(self._done.inputs) if self._done else 0)

    def until_stopped(self) -> None:
        """Look again and again; what is in the folder at the end and has no row yet is taken by the next watch.

        While another job holds the output, photographs wait for it.

        Raises:
            UnfinishedError: if the folder could not be had at the end.
            MissingError: if many photographs of the CSV were not there any more at the end.
        """
        held = ""
        while True:
            try:
                self.look()
            except LockedError as error:
                if str(error) != held:
                    held = str(error)
                    self._note(f"waiting: {held}")
            if self._stop.wait(self._every):
                self._check_whole()
                return

    def _check_whole(self) -> None:
        """Refuse to end as if all were well where the folder, or much of it, could not be had."""
        if self._away:
            raise UnfinishedError(
                f"{self._away}: connect the share, or check the name, and give the same command again"
            )
        if self._missing is not None:
            raise self._missing

    def look(self, *, waits: bool = True) -> None:
        """Look once, and grade if that is due; ``waits`` if there will be other looks, which is told where it matters."""
        now = look_at(self._folder, self._skip)
        if now.away:
            if waits and now.away != self._away:
                self._note(f"{now.away}: waiting for photographs")
            self._away, self._before = now.away, Look()
            return
        if self._away:
            count = len(now.inputs)
            self._note(f"{printable_path(self._folder)} has {count} {plural(count, 'photograph')}")
            self._away = ""
        whole = unchanged(self._before, now)
        self._before = now
        self._until_again -= self._every
        changed = self._is_new(whole, now)
        if whole.inputs and (changed or (self._pause and self._until_again <= 0)):
            self._grade(whole, changed)

    def _is_new(self, whole: Look, now: Look) -> bool:
        """Whether photographs came, changed or went; one that is just changing keeps its row until it is whole again."""
        done = {} if self._done is None else self._done.states
        came = any(done.get(path, ...) != state for path, state in whole.states.items())
        return came or not done.keys() <= now.states.keys()

    def _grade(self, whole: Look, changed: bool) -> None:
        # Not listed again: in between the share may go away, and what is there then is no reason to forget the rest.
        before, self._missing = self._missing, None
        try:
            self.summary = self._run(lambda listed: Selection(whole.inputs), self._digests)
        except MissingError as error:
            self._missing = error
            if before is None or before.logged != error.logged:
                self._note(f"waiting: {error.logged}")
        self._done = whole
        if self._missing is None and self.summary is not None and not self.summary.count("waiting"):
            self._pause = 0.0
        else:  # tried again without haste, as each try is an entry in the ledger
            self._pause = self._every if changed or not self._pause else min(2 * self._pause, _LONGEST_PAUSE)
            self._until_again = self._pause
