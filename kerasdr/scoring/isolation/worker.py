"""The process that reads, decodes, judges and prepares photographs: a path in, an answer out, until the job hangs up."""

import signal
import socket
from dataclasses import replace

import cv2

from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation.complaints import DAMAGED, Complaints
from kerasdr.scoring.isolation.limits import alarm, end_with_the_parent, limit_memory
from kerasdr.scoring.isolation.messages import LENGTH, READY, Head, Settings, arrays_of, from_question
from kerasdr.scoring.photographs import Photograph, load_photograph


def main(descriptor: int = 0) -> None:
    """Answer questions that come over a socket.

    Args:
        descriptor: of the socket.
    """
    for told in (signal.SIGINT, signal.SIGTERM):  # the job is told too, and ends this process
        signal.signal(told, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    with socket.socket(fileno=descriptor) as connection:
        settings = Settings.from_bytes(_receive(connection))
        end_with_the_parent(descriptor)
        complaints = Complaints()
        limit_memory(settings.memory)
        connection.sendall(LENGTH.pack(len(READY)) + READY)
        number = 0
        while True:
            entry = from_question(_receive(connection))
            number += 1
            with alarm(settings.seconds):
                photograph = _load(entry, settings, complaints)
            _send(connection, number, photograph)


def _load(entry: Input, settings: Settings, complaints: Complaints) -> Photograph:
    asked = settings.recipes, settings.max_megapixels, settings.shown
    loaded = load_photograph(0, entry, *asked, grade_anyway=settings.grade_anyway)
    if complaints.damage() and loaded.status not in ("failed", "waiting"):
        return replace(loaded, status="failed", reason=DAMAGED, images=(), display=None)
    return loaded


def _receive(connection: socket.socket) -> bytes:
    length = LENGTH.unpack(_receive_exactly(connection, LENGTH.size))[0]
    return _receive_exactly(connection, length)


def _receive_exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = connection.recv(length - len(data))
        if not more:
            raise SystemExit(0)  # the job is over
        data += more
    return data


def _send(connection: socket.socket, number: int, photograph: Photograph) -> None:
    told = photograph.status, photograph.reason, photograph.sha256, photograph.figures, photograph.eye
    head = Head(number, *told).to_bytes()
    connection.sendall(LENGTH.pack(len(head)) + head)
    if photograph.ready:
        for array in arrays_of(photograph):
            connection.sendall(array.data.cast("B"))
