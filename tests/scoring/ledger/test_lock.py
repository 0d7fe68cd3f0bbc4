import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kerasdr import file_lock
from kerasdr.errors import ExitCode, LockedError, StorageError, UnfinishedError
from kerasdr.scoring.ledger.lock import hold, holder_of, lock_path

HOLDER = """
import sys
from pathlib import Path
from kerasdr.scoring.ledger.lock import hold
with hold(Path(sys.argv[1]), "x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(path: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=pipe, stdout=pipe, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str], how: int) -> None:
    holder.send_signal(how)
    holder.wait()
    for stream in (holder.stdin, holder.stdout):
        if stream is not None:
            stream.close()


def test_lock_goes_with_the_work(tmp_path: Path) -> None:
    path = lock_path(tmp_path / "g.ledger")
    assert path.name == "g.ledger.lock"
    for _ in range(2):
        with hold(path, "g.ledger"):
            assert path.is_file()
        assert not path.exists()


def test_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = start(path)
    try:
        with pytest.raises(LockedError) as caught, hold(path, "g.ledger"):
            raise AssertionError("two hold it")
    finally:
        end(holder, signal.SIGTERM)
    assert caught.value.exit_code == ExitCode.LOCKED == 5
    words = f"another job holds g.ledger: process {holder.pid} on {socket.gethostname()} since "
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_lock_of_a_process_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    end(start(path), signal.SIGKILL)
    assert path.exists()
    began = time.monotonic()
    with hold(path, "g.ledger"):
        assert f"process {os.getpid()} " in path.read_text()
    assert time.monotonic() - began < 1.0
    assert not path.exists()


def test_who_only_looks_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder_of(path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(300):
            path.touch()  # as a job that was killed leaves it
            with hold(path, "out.csv"):
                pass
    finally:
        stop.set()
        looking.join()


def test_a_child_that_was_forked_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path, "g.ledger"):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
    try:
        with hold(path, "g.ledger"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_many_locks_of_one_process_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered for a fork stays as long as the process."""
    registered: list[object] = []
    monkeypatch.setattr(os, "register_at_fork", lambda **what: registered.append(what))
    for _ in range(3):
        with hold(tmp_path / "one", "g"), hold(tmp_path / "other", "g"):
            pass
    assert registered == []


def test_file_that_its_holder_removed_meanwhile_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened before and locked after its holder removed it: that would be a lock that nobody else sees."""
    path, plain, times = tmp_path / "lock", file_lock._lock, []

    def late(descriptor: int) -> None:
        if not times:
            path.unlink()
        times.append(descriptor)
        plain(descriptor)

    monkeypatch.setattr(file_lock, "_lock", late)
    with hold(path, "g.ledger"):
        assert len(times) == 2 and path.exists()
        with pytest.raises(LockedError), hold(path, "g.ledger"):
            pass


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    words = r"^cannot lock g by \S+: No such file or directory; check the folder"
    with pytest.raises(StorageError, match=words), hold(tmp_path / "no/lock", "g"):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "lock").symlink_to("mine")
    with pytest.raises(StorageError, match="cannot lock"), hold(tmp_path / "lock", "g"):
        pass
    assert (tmp_path / "mine").read_text() == "kept"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_takes_no_lock_is_a_job_that_goes_on_later(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("kerasdr.scoring.ledger.lock.os.open", fail)
    with pytest.raises(UnfinishedError, match="cannot lock g by"), hold(tmp_path / "lock", "g"):
        pass
