"""A run's process is alive as long as it holds the lock."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kerasdr import file_lock
from kerasdr.cli.main import cli
from kerasdr.errors import KerasdrError
from kerasdr.training.openings import note_opening
from kerasdr.training.run_folder import list_runs, new_run, set_status
from kerasdr.training.run_lock import hold, is_held

fcntl = pytest.importorskip("fcntl", reason="this platform has no flock")

HOLD = """
import sys, time
from pathlib import Path
from kerasdr.training.run_lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def other_process(run: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = new_run(tmp_path / "runs", "small")
    set_status(made, "running")
    return made


def test_running_as_long_as_its_process_lives_and_stopped_when_it_is_killed(run: Path) -> None:
    (before,) = list_runs(run.parents[1])
    assert before.status == "stopped" and is_held(run) is False
    with other_process(run) as process:
        assert is_held(run) is True and is_held(run) is True
        assert [one.status for one in list_runs(run.parents[1])] == ["running"]
        with pytest.raises(KerasdrError, match="another process trains or judges"), hold(run):
            pass
        process.kill()
        process.wait()
        assert is_held(run) is False
        assert [one.status for one in list_runs(run.parents[1])] == ["stopped"]
    with hold(run):
        assert is_held(run) is True
    assert is_held(run) is False


def test_who_looks_does_not_stop_who_begins(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is only held for an instant is waited for."""
    with open(run / "training.lock", "wb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)

        def let_go(seconds: float) -> None:
            fcntl.flock(looking, fcntl.LOCK_UN)

        monkeypatch.setattr(file_lock.time, "sleep", let_go)
        with hold(run):
            assert is_held(run) is True


def test_where_there_are_no_locks_nothing_is_claimed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(file_lock, "_lock", none)
    with hold(run):
        assert is_held(run) is None
    assert [one.status for one in list_runs(run.parents[1])] == ["running"]


def test_the_list_says_what_to_do_and_whether_the_test_part_was_opened(run: Path) -> None:
    from click.testing import CliRunner

    def listed() -> str:
        return CliRunner().invoke(cli, ["runs", "--runs", str(run.parents[1])]).output

    assert f"stopped   `kerasdr train --resume {run}` goes on" in listed()
    set_status(run, "finished")
    (run / "data.json").write_text('{"splits": {"train": {"photographs": 3}}}')
    assert "finished  no test part" in listed()
    (run / "data.json").write_text('{"splits": {"test": {"photographs": 3}}}')
    assert "finished  test part not opened" in listed()
    first = note_opening(run, command="x", bundle="b", predictions_sha256="p")
    assert listed().rstrip().endswith(f"finished  test part opened {first.time}")
    note_opening(run, command="x", bundle="b", predictions_sha256="p", reason="a fault")
    assert f"test part opened {first.time}, 2 times in all" in listed()
    # Early versions kept no ledger.
    (run / "openings.jsonl").unlink()
    (run / "metrics_test.json").write_text(json.dumps({"opened": "2026-01-02 03:04:05"}))
    assert "test part opened 2026-01-02 03:04:05" in listed()
