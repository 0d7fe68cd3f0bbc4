import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasdr.scoring.grading import Outcome
from kerasdr.scoring.ledger.answers import Seen
from kerasdr.scoring.ledger.chain import Head
from kerasdr.scoring.operation.event_log import EventLog, begins_a_log
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.rows import Row

ROWS = (
    Row("john-smith.png", "graded", grade=3, referable=True, sha256="a" * 64),
    Row("=cmd.png", "failed", reason="the file is empty", sha256="b" * 64),
    Row("jane\ndoe.png", "waiting", reason="not reached", sha256=""),
    Row("x.png", "ungradable", reason="too dark", sha256="c" * 64),
)


def test_a_log_whose_first_line_a_full_disk_cut_is_a_log() -> None:
    whole = (json.dumps({"time": "2026-01-02T03:04:05.678+00:00", "event": "begun"}) + "\n").encode()
    assert all(begins_a_log(whole[:length]) for length in range(1, len(whole) + 1))
    assert not any(map(begins_a_log, (b"image,status\n", b"[[[[", b'{"event": "x"}', b"\x89PNG")))


def log() -> tuple[EventLog, io.StringIO]:
    stream = io.StringIO()
    return EventLog(stream, lambda: datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)), stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_rows_that_fail_are_told_once_by_number_and_never_by_name() -> None:
    events, stream = log()
    events.kept([Outcome(1, ROWS[1], Seen("b" * 64)), Outcome(0, ROWS[0], Seen("a" * 64))])
    events.ended(Summary(ROWS, Path("g.csv"), None, Path("g.ledger"), Head(7, "d" * 64)), 2.34567)
    assert lines(stream) == [
        {
            "time": "2026-01-02T03:04:05.678+00:00",
            "event": "row",
            "row": 2,
            "status": "failed",
            "sha256": "bbbbbbbbbbbb",
            "reason": "the file is empty",
        },
        {
            "time": "2026-01-02T03:04:05.678+00:00",
            "event": "row",
            "row": 3,
            "status": "waiting",
            "sha256": "",
            "reason": "not reached",
        },
        {
            "time": "2026-01-02T03:04:05.678+00:00",
            "event": "ended",
            "how": "complete",
            "exit_code": 4,
            "seconds": 2.346,
            "listed": 4,
            "graded": 1,
            "ungradable": 1,
            "failed": 1,
            "waiting": 1,
            "referable": 1,
            "ledger": "7:" + "d" * 32,
        },
    ]
    assert not any(name in stream.getvalue() for name in ("john", "cmd", "jane", "x.png"))


def test_what_a_job_did_not_come_to_is_one_line() -> None:
    reason = "not reached within the time limit: run again"
    left = [Row(f"{number}.png", "waiting", reason=reason) for number in range(1000)]
    events, stream = log()
    events.ended(Summary([*ROWS, *left], Path("g.csv"), None, Path("g.ledger"), Head(7, "d" * 64), "time limit"), 1.0)
    told = [{name: value for name, value in line.items() if name != "time"} for line in lines(stream)]
    assert [(one["event"], one.get("row")) for one in told[:2]] == [("row", 2), ("row", 3)]
    assert told[2] == {"event": "rows", "rows": 1000, "status": "waiting", "reason": reason}
    assert (told[3]["event"], told[3]["waiting"], len(told)) == ("ended", 1001, 4)


def test_the_next_job_tells_its_rows_again() -> None:
    events, stream = log()
    for _ in range(2):
        events.ended(Summary(ROWS[1:2], Path("g.csv"), None, Path("g.ledger"), Head(7, "d" * 64)), 1.0)
    assert [line["event"] for line in lines(stream)] == ["row", "ended"] * 2


def test_one_event_is_one_line_whatever_it_holds() -> None:
    events, stream = log()
    events.write("note", message="a\nb\u2028\udcff\x00ä")
    assert len(stream.getvalue().splitlines()) == 1 and stream.getvalue().isascii()
    assert lines(stream)[0]["message"] == "a\nb\u2028\udcff\x00ä"


def test_a_log_that_takes_nothing_more_is_no_reason_to_stop() -> None:
    class Pipe(io.StringIO):
        tries = 0

        def flush(self) -> None:
            self.tries += 1
            raise BrokenPipeError

    pipe = Pipe()
    events = EventLog(pipe)
    events.write("one")
    events.write("two")
    assert pipe.tries == 1
