"""Photographs whose reading process took too long or was killed: the machine's fault at first, their own in the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import ExitCode
from kerasdr.scoring import unanswered
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.job import run_job
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.unanswered import Limits

pytestmark = pytest.mark.usefixtures("evil")
KILLED = "the system ended the reading of this file (signal 9), perhaps for lack of memory"
OFTEN = ", in 3 runs: copy it again, or allow more with --photo-timeout and free memory"


@pytest.fixture
def night(bundle: Bundle, factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Summary]:
    """Runs the job of the folder ``in``, which it makes."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return lambda **options: run_job(["in"], bundle, Path("out.csv"), factory=factory, jobs=1, batch_size=2, **options)


def told(summary: Summary) -> dict[str, tuple[str, str]]:
    return {row.image.removeprefix("in/"): (row.status, row.reason) for row in summary.rows}


def test_a_photograph_that_is_lost_in_three_runs_has_failed(night: Callable[..., Summary], good: list[bytes]) -> None:
    Path("in/1_left.png").write_bytes(good[0])
    Path("in/1_right.png").write_bytes(b"kill")  # the partner, which a dual network is to see
    for _ in range(2):
        summary = night()
        assert told(summary)["1_right.png"] == ("waiting", f"{KILLED}: free some, run again")
        assert told(summary)["1_left.png"][0] == "waiting" and summary.exit_code == ExitCode.UNFINISHED
        # A night that does not come to it does not forget.
        assert night(limits=Limits(seconds=0.0)).count("waiting") == 2
    for _ in range(2):
        summary = night()
        assert told(summary) == {"1_left.png": ("graded", ""), "1_right.png": ("failed", KILLED + OFTEN)}
        assert summary.exit_code == ExitCode.SOME_FAILED
    Path("in/1_right.png").write_bytes(good[1])
    assert night().count("graded") == 2


def test_a_photograph_that_could_be_read_in_between_begins_anew(
    night: Callable[..., Summary], good: list[bytes]
) -> None:
    for content, status in [(b"kill", "waiting")] * 2 + [(good[0], "graded")] + [(b"kill", "waiting")] * 2:
        Path("in/a.png").write_bytes(content)
        assert told(night())["a.png"][0] == status


def test_many_in_a_row_are_the_machines_fault(
    night: Callable[..., Summary], good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "LOST_AT_MOST", 3)
    for number in range(8):
        Path(f"in/{number}.png").write_bytes(b"kill")
    Path("in/9.png").write_bytes(good[0])
    summary = night()
    assert summary.how == "readers lost" and summary.exit_code == ExitCode.UNFINISHED
    assert summary.count("waiting") == 9 and told(summary)["9.png"][1].startswith("not reached, as many photographs")
    lost = [reason for _, reason in told(summary).values() if reason.startswith(KILLED)]
    assert 3 <= len(lost) < 8
    nights = 1
    while summary.how != "complete":  # though they are in its way every night, the job comes to its end
        summary = night()
        nights += 1
        assert nights < 12
    assert (summary.count("graded"), summary.count("failed"), summary.exit_code) == (1, 8, ExitCode.SOME_FAILED)
    assert {name for name, (status, _) in told(summary).items() if status == "graded"} == {"9.png"}


def test_others_in_between_show_that_the_machine_can_read(
    night: Callable[..., Summary], good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "LOST_AT_MOST", 2)
    for number in range(3):
        Path(f"in/{2 * number}.png").write_bytes(b"kill")
        Path(f"in/{2 * number + 1}.png").write_bytes(good[number])
    summary = night()
    assert (summary.how, summary.count("graded"), summary.count("waiting")) == ("complete", 3, 3)
