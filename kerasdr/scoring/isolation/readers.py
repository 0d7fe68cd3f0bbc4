"""The reading processes of a job: one for each thread that reads, replaced when one is lost."""

import os
import threading
import time
from queue import SimpleQueue
from types import TracebackType

from kerasdr.errors import KerasdrError
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.reader import Lost, NotStarted, Reader
from kerasdr.scoring.photographs import Photograph, load_photograph

PHOTO_SECONDS = 30.0
"""How long a photograph may take if nobody says otherwise."""
_STARTS = 3


class Readers:
    """Reads photographs in other processes; use it as a context, which ends them.

    On a platform without POSIX processes photographs are read in this process, without limits.

    Args:
        settings: how photographs are read.
        count: processes: as many as there are threads that call :meth:`load`.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._closed = False
        self._all: set[Reader] = set()
        self._free: SimpleQueue[Reader] = SimpleQueue()
        self._here = os.name != "posix"
        if not self._here:
            try:
                for _ in range(count):
                    self._free.put(self._start())
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> "Readers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def load(self, index: int, entry: Input) -> Photograph:
        """Read and prepare one photograph; whatever is wrong with it becomes its reason.

        Args:
            index: its place in the list of inputs.
            entry: the input.

        Raises:
            KerasdrError: if no process can be started.
        """
        if entry.problem:
            return Photograph(index, "waiting" if entry.later else "failed", entry.problem)
        if self._here:
            settings = self._settings
            asked = settings.recipes, settings.max_megapixels, settings.shown
            return load_photograph(index, entry, *asked, grade_anyway=settings.grade_anyway)
        reader = self._free.get()
        try:
            reader = self._ready(reader)
            return reader.load(index, entry)
        except Lost as error:
            reader = self._replace(reader)  # now, so that the next photograph need not wait for a process to start
            return Photograph(index, "waiting" if error.later else "failed", str(error), lost=int(error.later))
        finally:
            self._free.put(reader)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            readers = list(self._all)
        for reader in readers:
            reader.hang_up()
        for reader in readers:
            reader.end()

    def _ready(self, reader: Reader) -> Reader:
        said = ""
        for start in range(_STARTS):
            if self._closed:
                raise Lost("the job has ended")
            if start or not reader.alive:
                time.sleep(0.5 * start)
                reader = self._replace(reader)
            try:
                reader.wait_until_ready()
                return reader
            except NotStarted as error:
                said = str(error)
        raise KerasdrError(
            f"the process that reads photographs cannot be started ({said}): check the installation and free memory"
        )

    def _replace(self, reader: Reader) -> Reader:
        with self._lock:
            self._all.discard(reader)
            return reader if self._closed else self._start()

    def _start(self) -> Reader:
        try:
            reader = Reader(self._settings)
        except OSError as error:
            raise KerasdrError(
                f"the process that reads photographs cannot be started ({error.strerror}): free memory, or end others"
            ) from error
        self._all.add(reader)
        return reader
