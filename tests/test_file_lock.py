import errno
import os
import threading
import time
from pathlib import Path

import pytest

from kerasdr import file_lock
from kerasdr.file_lock import HeldError, NoLocksError, let_go, look, take


def test_one_holds_it_and_its_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(FileNotFoundError):
        look(path)
    held = take(path)
    assert look(path) == ""
    os.write(held, b"me\n")
    assert look(path) == "me"
    with pytest.raises(HeldError) as caught:
        take(path)
    assert caught.value.holder == "me"
    let_go(held)
    assert look(path) is None and path.exists()
    let_go(take(path))


def test_whoever_looks_is_waited_for_and_a_holder_who_ends_too(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = take(path)
    ending = threading.Timer(0.2, let_go, [held])
    ending.start()
    let_go(take(path))
    ending.join()


def test_nothing_stays_open_whatever_becomes_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    path = tmp_path / "lock"
    before = sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []
    held = take(path)
    with pytest.raises(HeldError):
        take(path)
    look(path)
    let_go(held)
    let_go(held)  # as a child does that has let go of it already
    assert before == (sorted(os.listdir("/proc/self/fd")) if before else [])


def test_a_file_system_without_locks_is_told_from_a_folder_that_takes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "none/lock")

    def none(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(file_lock, "_lock", none)
    with pytest.raises(NoLocksError) as caught:
        take(tmp_path / "lock")
    assert caught.value.errno == errno.ENOLCK and caught.value.strerror == os.strerror(errno.ENOLCK)
    with pytest.raises(OSError, match="No locks"):
        look(tmp_path / "lock")
