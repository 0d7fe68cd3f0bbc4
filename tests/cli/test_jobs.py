import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kerasdr.scoring.ledger.lock import hold
from kerasdr.scoring.ledger.store import read_ledger

Kerasdr = Any  # the fixture, which runs the command


@pytest.fixture
def done(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> str:
    """Two jobs in ``out.csv``, of which the second finds a photograph replaced; returns the end of the ledger."""
    Path("in").mkdir()
    Path("in/a.png").write_bytes(eye)
    Path(os.fsdecode(b"in/\xff.png")).write_bytes(eye)
    Path("in/x.png").write_bytes(b"text")
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3
    Path("in/a.png").write_bytes(eye + b"2")
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert ran.code == 3 and len(engines) == 2
    return str(re.search(r"ledger (\d+:[0-9a-f]{32})\n$", ran.out)[1])  # type: ignore[index]


def damage(*statements: str) -> None:
    connection = sqlite3.connect("out.ledger")
    for statement in ("DROP TRIGGER no_update", "DROP TRIGGER no_delete", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_list_and_show(kerasdr: Kerasdr, done: str) -> None:
    ran = kerasdr("jobs", "list", "out.csv")
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    line = r"{}  \d{{4}}-\d\d-\d\dT[\d:]+\+00:00  \S+  fake-1@[0-9a-f]{{12}}  {} new; complete: 3 listed = "
    counts = re.escape("2 graded + 0 ungradable + 1 failed + 0 waiting")
    assert re.fullmatch(line.format(1, 2) + counts, first) and re.fullmatch(line.format(2, 1) + counts, second)
    assert kerasdr("jobs", "list", "out.ledger").out == ran.out
    shown = kerasdr("jobs", "show", "out.csv").out
    assert shown.startswith("job       2 of 2\nbegan     2")
    assert "answers   1 new, 1 older one superseded\n" in shown and "engine keras" in shown
    assert "answers   2 new, 0 older" in kerasdr("jobs", "show", "out.csv", "1").out
    assert kerasdr("jobs", "show", "out.csv", "3").error.startswith("there are 2 jobs: name one of them")


def test_verify_what_is_whole(kerasdr: Kerasdr, done: str) -> None:
    ran = kerasdr("jobs", "verify", "out.csv", "--head", done)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"out.csv is as it was written, with 2 pictures; ledger {done}\n"
    Path("moved").mkdir()
    for name in ("out.csv", "out.ledger", "out_gradcam"):
        Path(name).rename(f"moved/{name}")
    assert kerasdr("jobs", "verify", "moved/out.ledger", "--head", done).code == 0


def test_verify_tells_of_a_changed_csv_and_rebuilds_it(kerasdr: Kerasdr, done: str) -> None:
    before = Path("out.csv").read_bytes()
    first = "1 row changed, the first in line"
    for content, where in (
        (before.replace(b"0.7", b"0.8", 1), f" ({first} 2: in/a.png was changed)"),
        (before[:-1], rf" ({first} 4: in/\xff.png was changed)"),
        (b"".join(before.splitlines(True)[:2]), " (2 rows missing, the first in line 3: in/x.png is missing)"),
        (None, ""),
    ):
        if content is None:
            Path("out.csv").unlink()
        else:
            Path("out.csv").write_bytes(content)
        what = "is missing" if content is None else "is not what the last job wrote"
        words = f"out.csv {what}{where}: run the same `kerasdr predict` again, which mends it"
        assert kerasdr("jobs", "verify", "out.csv").error == words
        ran = kerasdr("jobs", "verify", "out.csv", "--rebuild")
        assert ran.code == 0 and ran.out.startswith("out.csv was written anew, with 2 pictures")
        assert Path("out.csv").read_bytes() == before


def test_rebuild_waits_for_no_job(kerasdr: Kerasdr, done: str) -> None:
    Path("out.csv").write_text("changed")
    with hold(Path("out.ledger.lock"), "out.csv"):
        assert "another job holds out.csv: process" in kerasdr("jobs", "verify", "out.csv", "--rebuild").left(5)
        assert Path("out.csv").read_text() == "changed"
        assert "is not what the last job wrote" in kerasdr("jobs", "verify", "out.csv").error  # which only reads
    assert kerasdr("jobs", "verify", "out.csv", "--rebuild").code == 0
    assert not Path("out.ledger.lock").exists()


def test_verify_tells_of_damaged_pictures(kerasdr: Kerasdr, done: str, model: str) -> None:
    first, second = sorted(Path("out_gradcam").iterdir())
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    error = kerasdr("jobs", "verify", "out.csv").error
    assert error.startswith(f"1 of 2 pictures is missing or changed, the first {first.name}: run the same")
    second.unlink()
    assert "2 of 2 pictures are missing or changed" in kerasdr("jobs", "verify", "out.csv").error
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3
    assert kerasdr("jobs", "verify", "out.csv").code == 0


def test_every_damage_of_the_ledger_is_located(kerasdr: Kerasdr, done: str) -> None:
    count = int(done.split(":")[0])
    whole = Path("out.ledger").read_bytes()
    assert count == len(read_ledger(Path("out.ledger"))) == 12
    for number in range(1, count + 1):
        damage(f"UPDATE entries SET body = body || ' ' WHERE sequence = {number}")
        assert f"entry {number} was changed" in kerasdr("jobs", "verify", "out.csv").error
        Path("out.ledger").write_bytes(whole)
        damage(f"DELETE FROM entries WHERE sequence = {number}")
        error = kerasdr("jobs", "verify", "out.csv", "--head", done).error
        assert f"entry {number} is missing" in error or (number == count and f"entry {number} was cut off" in error)
        Path("out.ledger").write_bytes(whole)
        damage(f"DELETE FROM entries WHERE sequence >= {number}")
        error = kerasdr("jobs", "verify", "out.csv", "--head", done).error
        told = f"entry {number} was cut off" if number == count else f"entry {number} to entry {count} were cut off"
        assert told in error
        Path("out.ledger").write_bytes(whole)


def test_a_damaged_ledger_stops_the_next_job(kerasdr: Kerasdr, engines: list[Any], done: str, model: str) -> None:
    damage("UPDATE entries SET body = replace(body, 'graded', 'failed') WHERE kind = 'answer'")
    before = Path("out.ledger").read_bytes()
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert "the ledger out.ledger is damaged: entry 4 was changed; keep it as evidence" in ran.error
    assert Path("out.ledger").read_bytes() == before and len(engines) == 2


def test_export_as_csv(kerasdr: Kerasdr, done: str) -> None:
    ran = kerasdr("jobs", "export", "out.csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [(row["run"], row["image"], row["status"], row["grade"]) for row in rows] == [
        ("1", "in/x.png", "failed", ""),
        ("1", "in/a.png", "graded", "3"),
        ("1", r"in/\xff.png", "graded", "3"),
        ("2", "in/a.png", "graded", "3"),
    ]
    old, new = rows[1], rows[3]
    assert old["superseded_by"] == new["entry"] and new["superseded_by"] == ""
    assert old["sha256"] != new["sha256"] and old["picture"] == rows[2]["picture"] != new["picture"]
    assert all(row["user"] and row["time"].endswith("+00:00") for row in rows)
    assert rows[0]["reason"].startswith("this is not a photograph")
    kerasdr("jobs", "export", "out.csv", "--out", "trail.csv")
    assert Path("trail.csv").read_text() == ran.out


def test_export_as_json_has_exact_names(kerasdr: Kerasdr, done: str) -> None:
    lines = [json.loads(line) for line in kerasdr("jobs", "export", "out.csv", "--format", "json").out.splitlines()]
    assert [line["image"] for line in lines] == ["in/x.png", "in/a.png", {"base64": "aW4v/y5wbmc="}, "in/a.png"]
    assert lines[1]["prob_referable"] == pytest.approx(0.9)


@pytest.mark.parametrize("command", ["list", "show", "verify", "export"])
def test_no_ledger(kerasdr: Kerasdr, command: str) -> None:
    Path("text.ledger").write_text("text")
    assert kerasdr("jobs", command, "absent.csv").error.startswith("no ledger absent.ledger: name a CSV of")
    assert "is no ledger of kerasdr" in kerasdr("jobs", command, "text.ledger").error


def test_verify_of_another_csv_and_another_head(kerasdr: Kerasdr, done: str) -> None:
    assert kerasdr("jobs", "verify", "other.csv", "--ledger", "out.ledger").error.startswith(
        "no job in out.ledger ended"
    )
    assert "is no end of a ledger" in kerasdr("jobs", "verify", "out.csv", "--head", "12").error
    count, digest = done.split(":")
    other = f"{count}:{'0' * len(digest)}"
    assert f"entry {count} or one before it was replaced" in kerasdr("jobs", "verify", "out.csv", "--head", other).error


# predict, where it meets its ledger


def test_the_same_command_again_loads_no_engine(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    first = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    before = Path("out.csv").read_bytes()
    again = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    assert (first.code, again.code, len(engines)) == (0, 0, 1)
    assert again.out.split("; ledger ")[0] == first.out.split("; ledger ")[0]
    assert Path("out.csv").read_bytes() == before


def test_exit_codes_of_locks_and_limits(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    arguments = ("predict", "a.png", "b.png", "c.png", "--out", "out.csv", "--model", model, "--batch-size", "1")
    with hold(Path("out.ledger.lock"), "out.csv"):
        ran = kerasdr(*arguments)
    assert f"another job holds out.csv: process {os.getpid()} on " in ran.left(5)
    ran = kerasdr(*arguments, "--limit-time", "0s")
    assert ran.code == 4 and "0 graded + 0 ungradable + 0 failed + 3 waiting; " in ran.out
    ran = kerasdr(*arguments, "--max-failed", "0")
    assert ran.code == 4 and "1 graded + 0 ungradable + 1 failed + 1 waiting; " in ran.out
    ran = kerasdr(*arguments, "--limit-time", "1.5h", "--max-failed", "2")
    assert ran.code == 3 and "1 graded + 0 ungradable + 2 failed + 0 waiting; " in ran.out
    for text in ("6", "h", "-1s", "1d", "nan"):
        assert "is no time: give a number and s, m or h" in kerasdr(*arguments, "--limit-time", text).usage


def test_ledger_elsewhere(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    Path("b.db").write_text("mine")
    arguments = ("predict", "a.png", "--out", "out.csv", "--model", model, "--ledger")
    assert "b.db is no ledger of kerasdr: name another with --ledger" in kerasdr(*arguments, "b.db").error
    assert Path("b.db").read_text() == "mine"
    assert kerasdr(*arguments, "kept/jobs.ledger").code == 0
    assert not Path("out.ledger").exists()
    assert kerasdr("jobs", "verify", "out.csv", "--ledger", "kept/jobs.ledger").code == 0
    assert kerasdr("jobs", "verify", "kept/jobs.ledger").code == 0
    assert "both the CSV and its ledger" in kerasdr(*arguments, "out.csv").error
    assert "a.png is named both as a photograph and as --ledger" in kerasdr(*arguments, "a.png").error


def test_the_lock_tells_a_job_at_work_from_one_that_was_killed(kerasdr: Kerasdr, done: str, model: str) -> None:
    Path("in/b.png").write_bytes(Path("in/a.png").read_bytes() + b"3")
    program = "from kerasdr.cli.main import main\nimport kerasdr.scoring.job as job\n"
    wait = "def wait(self, *rest):\n    print('here', flush=True)\n    import time; time.sleep(60)\njob._Job.grade = wait\n"
    command = [sys.executable, "-c", f"{program}{wait}main()", "predict", "in", "--out", "out.csv", "--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        at_work = kerasdr("jobs", "list", "out.csv").out.splitlines()[-1], kerasdr("jobs", "show", "out.csv").out
        process.kill()
    assert at_work[0].endswith("  0 new; at work") and "ended     at work\n" in at_work[1]
    killed = kerasdr("jobs", "list", "out.csv").out.splitlines()[-1]
    assert killed.endswith("  0 new; not ended: killed") and Path("out.ledger.lock").exists()
    with hold(Path("out.ledger.lock"), "out.csv"):  # by another job, which has not begun
        assert kerasdr("jobs", "list", "out.csv").out.splitlines()[-1] == killed
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3


def test_one_is_one(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    assert kerasdr("predict", "a.png", "--out", "out.csv", "--model", model).code == 0
    assert "as it was written, with 1 picture; ledger" in kerasdr("jobs", "verify", "out.csv").out
    assert kerasdr("jobs", "show", "out.csv", "2").error.startswith("there is 1 job: name one")
    next(Path("out_gradcam").iterdir()).unlink()
    assert kerasdr("jobs", "verify", "out.csv").error.startswith("1 of 1 picture is missing or changed, the first ")
