"""One reading process as the job sees it: started, asked, and given up when it does not answer as it should."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation.messages import (
    HEAD_AT_MOST,
    LENGTH,
    READY,
    OddAnswer,
    Settings,
    photograph_of,
    read_head,
    to_question,
)
from kerasdr.scoring.photographs import Photograph
from kerasdr.scoring.reading import too_slow

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from kerasdr.scoring.isolation.worker import main; main()"
)
_START_SECONDS = 60.0
_BY_ITSELF_SECONDS = 1.0
_END_SECONDS = 2.0
# One thread, and what OpenCV says of damaged files is to be heard whatever this process is told.
_ENVIRONMENT = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "OPENCV_LOG_LEVEL": "ERROR",
}


class NotStarted(Exception):
    """A process that never said that it can begin; the message says what it said instead."""


class Lost(Exception):
    """A process that did not answer and is no more; the message is the reason of the photograph's row.

    Args:
        reason: of the row.
        later: whether it may have been the machine's fault, so that the next run may fare better.
    """

    def __init__(self, reason: str, *, later: bool = False) -> None:
        super().__init__(reason)
        self.later = later


class Reader:
    """A process that reads photographs, one at a time, for one thread at a time.

    It is a fresh Python that loads NumPy, OpenCV and what prepares photographs, and nothing of this process: no copy of its
    memory, its threads or its open files. It starts at once and is waited for when it is first asked.

    Args:
        settings: how photographs are read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._number = 0
        self._ready = False
        self._connection, theirs = socket.socketpair()
        with theirs:
            # -P: where the job was started there may lie photographs, and beside them what is called like a module.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
            )
        with contextlib.suppress(OSError):  # one that has ended already will be found out
            self._send(settings.to_bytes())

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait until the process can begin, if it has not said so yet.

        Raises:
            NotStarted: if it ends before, or takes longer than a minute.
        """
        if self._ready:
            return
        try:
            said = self._receive_frame(time.monotonic() + _START_SECONDS)
        except (OSError, OddAnswer):
            said = b""
        assert self._process.stderr is not None
        if said != READY:
            self.end()
            with self._process.stderr as heard:
                lines = heard.read().decode("utf-8", "replace").split("\n") if not self.alive else []
            raise NotStarted(next((line for line in reversed(lines) if line.strip()), "it said nothing"))
        self._process.stderr.close()
        self._ready = True

    def load(self, index: int, entry: Input) -> Photograph:
        """Read and prepare a photograph.

        Args:
            index: its place in the list of inputs.
            entry: the input.

        Raises:
            Lost: if the process did not answer as it should; it is ended then.
        """
        self._number += 1
        deadline = time.monotonic() + self._settings.seconds
        try:
            self._send(to_question(entry))
            head = read_head(self._receive_frame(deadline), self._number)
            pixels = bytearray(sum(a * b * c for a, b, c in self._settings.shapes()) if head.status == "ready" else 0)
            self._fill(memoryview(pixels), deadline)
        except TimeoutError as error:
            self.end()
            raise Lost(too_slow(self._settings.seconds), later=True) from error
        except OddAnswer as error:
            self.end()
            raise Lost(
                "decoding this file went wrong (the answer made no sense): copy it again, or report this file"
            ) from error
        except OSError as error:
            self.end()
            raise self._lost() from error
        return photograph_of(index, head, pixels, self._settings)

    def hang_up(self) -> None:
        """Tell the process that it is no longer needed, and any thread that waits for its answer that none will come."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """End the process. One that the system cannot end yet, such as one that waits for a lost share, is left to it."""
        self.hang_up()
        self._connection.close()
        # One that has crashed is to be found with the signal of its own, and a sound one ends by itself.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_BY_ITSELF_SECONDS)
            return
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)

    def _lost(self) -> Lost:
        code = self._process.returncode
        if code is not None and code == -signal.SIGKILL:
            return Lost(
                "the system ended the reading of this file (signal 9), perhaps for lack of memory: free some, run again",
                later=True,
            )
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return Lost(f"decoding this file crashed{how}: copy it again, or report this file")

    def _send(self, body: bytes) -> None:
        self._connection.settimeout(self._settings.seconds)
        self._connection.sendall(LENGTH.pack(len(body)) + body)

    def _receive_frame(self, deadline: float) -> bytes:
        length = bytearray(LENGTH.size)
        self._fill(memoryview(length), deadline)
        size = LENGTH.unpack(length)[0]
        if size > HEAD_AT_MOST:
            raise OddAnswer("too long")
        body = bytearray(size)
        self._fill(memoryview(body), deadline)
        return bytes(body)

    def _fill(self, view: memoryview, deadline: float) -> None:
        while view:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
            count = self._connection.recv_into(view)
            if not count:
                raise ConnectionResetError
            view = view[count:]
