import errno
import os
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.results import check_not_listed, check_output, remove_stale, room_for


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


def test_folders_that_were_made_go_if_nothing_came_of_it() -> None:
    with pytest.raises(RuntimeError), room_for(Path("new/out.csv"), Path("new/out_gradcam")):
        assert os.listdir("new") == ["out_gradcam"]
        raise RuntimeError
    assert os.listdir() == []


def test_folders_with_something_in_them_and_folders_of_others_stay() -> None:
    Path("new").mkdir()
    with pytest.raises(RuntimeError), room_for(Path("new/out.csv"), Path("new/out_gradcam")):
        raise RuntimeError
    assert os.listdir("new") == []
    with pytest.raises(RuntimeError), room_for(Path("new/out.csv"), Path("new/out_gradcam")):
        Path("new/out_gradcam/000001_0123456789ab.png").write_bytes(b"x")
        raise RuntimeError
    assert os.listdir("new") == ["out_gradcam"]


@pytest.mark.parametrize("call", [1, 2, 3, 4, 5])
def test_disk_that_fails_while_folders_are_tried(call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two folders are tried, each by a file and itself, and the first is made durable where it is new: 5 calls."""
    calls = 0
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    message = rf"^cannot write to \S+: {os.strerror(errno.EDQUOT)}; choose another place with --out$"
    with pytest.raises(KerasdrError, match=message), room_for(Path("new/out.csv"), Path("new/out_gradcam")):
        raise AssertionError("the work must not begin")
    assert os.listdir() == []


def test_old_picture_that_cannot_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("g_gradcam").mkdir()
    Path("g_gradcam/000001_0123456789ab.png").write_bytes(b"x")

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(
        KerasdrError, match=r"the CSV is complete, but .*g_gradcam \(Permission denied\): remove them by"
    ):
        remove_stale(Path("g_gradcam"), ())


def test_nothing_is_stale_where_there_is_no_folder() -> None:
    remove_stale(Path("g_gradcam"), ())
    Path("g_gradcam").write_text("a file")
    remove_stale(Path("g_gradcam"), ())
    assert Path("g_gradcam").read_text() == "a file"
