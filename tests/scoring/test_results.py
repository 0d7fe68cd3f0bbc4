import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.files import open_atomically, try_to_write
from kerasdr.scoring import results
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.results import (
    check_ledger,
    check_not_listed,
    check_output,
    remove_rests,
    remove_stale,
    room_for,
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_ordinary_outputs_are_let_through() -> None:
    Path("old.csv").write_text("old")
    for out in ("old.csv", "new.csv", "grades", "no/where.csv", "old.csv/in.csv", "../up.csv"):
        check_output(Path(out))
    assert os.listdir() == ["old.csv"]


def test_line_end_in_the_outputs_name_stays_one_line() -> None:
    with pytest.raises(KerasdrError, match=r"^cannot write a\\nb\.png: it is named like a photograph; .* a\\nb\.csv$"):
        check_output(Path("a\nb.png"))


def test_output_is_compared_however_it_is_written() -> None:
    Path("in").mkdir()
    os.symlink("in", "alias")
    check_not_listed(Path("scan"), [Input("in/scan"), Input("scan.png")])
    for out in ("in/scan", "./in//scan", "alias/scan", "in/../in/scan"):
        with pytest.raises(KerasdrError, match="is named both as a photograph and as --out: name another file"):
            check_not_listed(Path(out), [Input("a.png"), Input("in/scan")])


def test_ledger_is_an_ordinary_file_of_its_own() -> None:
    Path("in").mkdir()
    os.symlink("in/real", "link")
    os.mkfifo("pipe")
    for name in ("in", "link", "pipe"):
        with pytest.raises(KerasdrError, match=f"cannot use {name} as a ledger: it is no ordinary file; .* --ledger"):
            check_ledger(Path(name), Path("g.csv"))
    with pytest.raises(KerasdrError, match="is both the CSV and its ledger"):
        check_ledger(Path("in/../g.csv"), Path("g.csv"))
    check_ledger(Path("in/g.ledger"), Path("g.csv"))


def test_listed_ledger_is_named_with_its_option() -> None:
    with pytest.raises(KerasdrError, match=r"named both as a photograph and as --ledger: name another .* --ledger$"):
        check_not_listed(Path("g.ledger"), [Input("g.ledger")], "--ledger")


def test_folder_that_was_made_goes_if_nothing_came_of_it() -> None:
    with pytest.raises(RuntimeError), room_for(Path("new")):
        assert os.listdir() == ["new"] and os.listdir("new") == []
        raise RuntimeError
    assert os.listdir() == []
    with room_for(Path("new")):
        pass
    assert os.listdir() == ["new"]


def test_folder_with_something_in_it_and_folder_of_others_stay() -> None:
    Path("theirs").mkdir()
    with pytest.raises(RuntimeError), room_for(Path("theirs")):
        raise RuntimeError
    with pytest.raises(RuntimeError), room_for(Path("new")):
        Path("new/000001_0123456789ab.png").write_bytes(b"x")
        raise RuntimeError
    assert sorted(os.listdir()) == ["new", "theirs"]


@pytest.mark.parametrize(
    ("code", "left"), [(errno.EDQUOT, 4), (errno.ENOSPC, 4), (errno.ESTALE, 4), (errno.EROFS, 1), (errno.EACCES, 1)]
)
@pytest.mark.parametrize("call", [1, 2, 3])
def test_disk_that_fails_while_a_folder_is_tried(
    call: int, code: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried by a file and itself, and the one above is synced where it is new: 3 calls."""
    calls = 0
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    message = rf"^cannot write to new: {os.strerror(code)}; choose another place with --ledger$"
    with pytest.raises(KerasdrError, match=message) as caught, room_for(Path("new"), "--ledger"):
        raise AssertionError("the work must not begin")
    assert caught.value.exit_code == left
    assert os.listdir() == []


def test_rests_of_killed_jobs_go_and_nothing_else() -> None:
    long = "眼" * 50 + ".csv"
    kept = [
        "g.csv",
        ".g.csv.part",
        ".g.csv.12345678.part.bak",
        ".g.csv.2.abcdefgh.part",
        ".h.csv.abcdefgh.part",
        "a.part",
    ]
    for name in kept:
        Path(name).write_text("x")
    for target in ("g.csv", long):
        with pytest.raises(RuntimeError), files_left(), open_atomically(Path(target)):
            raise RuntimeError
    with pytest.raises(RuntimeError), files_left():
        try_to_write(Path())
    assert len(os.listdir()) == len(kept) + 3
    remove_rests(Path(), "g.csv", long)
    assert sorted(os.listdir()) == sorted(kept)
    remove_rests(Path("nowhere"), "g.csv")


@contextlib.contextmanager
def files_left() -> Iterator[None]:
    """As a kill leaves them: nothing is removed, and a file that is being tried is not finished."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasdr.files.remove", lambda path: None)
        patch.setattr("kerasdr.files.sync_file", lambda file: (_ for _ in ()).throw(RuntimeError))
        yield


def test_old_picture_that_cannot_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("g_gradcam").mkdir()
    Path("g_gradcam/000001_0123456789ab.png").write_bytes(b"x")

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(results, "remove", refuse)
    with pytest.raises(
        KerasdrError, match=r"the CSV is complete, but .*g_gradcam \(Permission denied\): remove them by"
    ):
        remove_stale(Path("g_gradcam"), ())


def test_nothing_is_stale_where_there_is_no_folder() -> None:
    assert remove_stale(Path("g_gradcam"), ()) == 0
    Path("g_gradcam").write_text("a file")
    assert remove_stale(Path("g_gradcam"), ()) == 0
    assert Path("g_gradcam").read_text() == "a file"
