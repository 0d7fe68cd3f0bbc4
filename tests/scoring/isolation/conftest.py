"""A reading process that does on purpose what a broken decoder does by accident."""

from collections.abc import Callable

import pytest

from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.isolation import reader
from kerasdr.scoring.isolation.messages import Settings

# The content of the file says what is to go wrong; all else is read as ever.
EVIL = """
import ctypes, json, os, signal, sys, threading, time
sys.path[:] = json.loads(sys.argv[1])
import numpy as np
from kerasdr.scoring.isolation import worker
from kerasdr.scoring.isolation.messages import LENGTH, Head
from kerasdr.scoring import photographs
from kerasdr.scoring.photographs import Photograph
load, prepare_all, send = worker.load_photograph, photographs.prepare_all, worker._send
fake = None

def evil(index, entry, *rest, **options):
    global fake
    with open(entry.path, "rb") as file:
        what = file.read(40).split(bytes(1))[0].decode("latin-1")
    if what == "raise":
        with open(entry.path, "rb") as file:
            raise SystemError(file.read().decode("latin-1"))
    elif what == "segv":
        ctypes.string_at(0)
    elif what == "abort":
        os.abort()
    elif what == "exit":
        os._exit(7)
    elif what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "sleep":
        time.sleep(3600)
    elif what == "hang":  # in C, and no other thread may run
        ctypes.PyDLL(None).sleep(3600)
    elif what.startswith("say "):
        fake = what[4:]
        return Photograph(0, "failed", "x")
    return load(index, entry, *rest, **options)

def prepare(data, *rest, **options):
    kept = []
    while data == b"fill":
        kept.append(bytearray(64 << 20))
    return prepare_all(data, *rest, **options)

def lie(connection, number, photograph):
    global fake
    if fake is None:
        return send(connection, number, photograph)
    if fake == "pickle":
        connection.sendall(LENGTH.pack(3) + bytes([128, 4, 46]))
    elif fake == "huge":
        connection.sendall(LENGTH.pack(1 << 31))
    elif fake == "list":
        connection.sendall(LENGTH.pack(2) + b"[]")
    elif fake == "half":
        head = Head(number, "ready", "", "0" * 64).to_bytes()
        connection.sendall(LENGTH.pack(len(head)) + head + bytes(1000))
        os._exit(0)
    elif fake == "other":
        send(connection, number - 1, photograph)
    fake = None

worker.load_photograph, photographs.prepare_all, worker._send = evil, prepare, lie
worker.main()
"""


@pytest.fixture
def evil(monkeypatch: pytest.MonkeyPatch) -> str:
    """The program; lets reading processes go wrong where a file says so."""
    monkeypatch.setattr(reader, "_PROGRAM", EVIL)
    return EVIL


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Makes settings of one recipe of 48 px, with the picture for people unless told otherwise."""

    def make(seconds: float = 20.0, shown: int | None = 0, megapixels: float = 100.0) -> Settings:
        return Settings((get_recipe("clahe-crop", 48),), megapixels, shown, seconds)

    return make
