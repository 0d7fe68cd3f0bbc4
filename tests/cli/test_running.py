"""The options by which jobs are scheduled and monitored, and the commands around them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

Kerasdr = Any  # the fixture, which runs the command
pytestmark = pytest.mark.usefixtures("kerasdr")  # which also makes an empty folder the current one


def events(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "event"} <= set(line) for line in found)
    return found


def metrics(path: str = "k.prom") -> dict[str, str]:
    lines = [line for line in Path(path).read_text().splitlines() if not line.startswith("#")]
    return {line.split("{")[0].removeprefix("kerasdr_job_"): line.split(" ")[-1] for line in lines}


@pytest.fixture
def photographs(kerasdr: Kerasdr, eye: bytes) -> None:
    """In the empty folder of ``kerasdr``: one that can be graded and one that cannot be read, with names that tell."""
    Path("in").mkdir()
    Path("in/jane-doe-1970_left.png").write_bytes(eye)
    Path("in/jane-doe-1970_right.png").write_bytes(b"text")


# Events


@pytest.mark.usefixtures("engines", "photographs")
def test_log_json_writes_nothing_else_and_no_names(kerasdr: Kerasdr, model: str) -> None:
    ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, "--log-json")
    begun, row, ended = events(ran.err)
    assert (ran.code, ran.out) == (3, "")
    assert begun["event"] == "begun" and (begun["listed"], begun["csv"]) == (2, "g.csv")
    assert begun["model"].startswith("fake-1@")
    assert (row["event"], row["row"], row["status"]) == ("row", 2, "failed")
    assert row["sha256"] == Path("g.csv").read_text().splitlines()[2].split(",")[-4][:12]
    assert (ended["event"], ended["exit_code"], ended["graded"], ended["failed"]) == ("ended", 3, 1, 1)
    assert "jane" not in ran.err and "1970" not in ran.err
    # Given again, the failed one is told again, though no network runs.
    assert [line["event"] for line in events(kerasdr(*ran_again(model)).err)] == ["begun", "row", "ended"]


def ran_again(model: str) -> list[str]:
    return ["predict", "in", "--out", "g.csv", "--model", model, "--log-json"]


@pytest.mark.usefixtures("engines", "photographs")
def test_log_adds_to_a_file_and_the_terminal_is_as_without(kerasdr: Kerasdr, model: str) -> None:
    plain = kerasdr("predict", "in", "--out", "g.csv", "--model", model)
    for _ in range(2):
        ran = kerasdr("predict", "in", "--out", "h.csv", "--model", model, "--log", "k.log")
        assert ran.err == plain.err == ""
        assert ran.out.split("; wrote")[0] == plain.out.split("; wrote")[0]
    assert [line["event"] for line in events(Path("k.log").read_text())] == ["begun", "row", "ended"] * 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.usefixtures("engines", "photographs")
def test_a_log_that_finds_the_disk_full_takes_no_exit_code_away(kerasdr: Kerasdr, model: str) -> None:
    ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, "--log", "/dev/full")
    assert ran.code == kerasdr("predict", "in", "--out", "g.csv", "--model", model).code != 1
    assert ran.err == ""


@pytest.mark.usefixtures("engines")
def test_errors_are_events_too(kerasdr: Kerasdr, model: str) -> None:
    ran = kerasdr("predict", "gone", "--out", "g.csv", "--model", "no-model", "--log-json")
    (line,) = events(ran.err)
    assert (ran.code, line["event"], line["exit_code"]) == (6, "error", 6)
    assert line["message"].startswith("no model at no-model: ")
    Path("empty").mkdir()
    ran = kerasdr("predict", "empty", "--out", "g.csv", "--model", model, "--log-json")
    assert (ran.code, events(ran.err)[0]["message"]) == (1, "no photographs in empty: check the path")
    plain = kerasdr("predict", "empty", "--out", "g.csv", "--model", model, "--log", "k.log")
    assert plain.error == "no photographs in empty: check the path"
    assert events(Path("k.log").read_text())[0]["exit_code"] == 1


@pytest.mark.parametrize("option", ["--log", "--metrics"])
@pytest.mark.usefixtures("engines", "photographs")
def test_a_place_that_takes_no_file_is_refused_before_the_work(kerasdr: Kerasdr, model: str, option: str) -> None:
    ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, option, "gone/file.prom")
    assert ran.error == f"cannot write gone/file.prom: No such file or directory; name another place with {option}"
    assert not Path("g.csv").exists()


class Breaks:
    """An engine that breaks, and says so with a name."""

    def predict(self, batch: object) -> object:
        try:
            raise OSError(28, "No space left on device", "/home/jane-doe-1970/cache")
        except OSError as error:
            raise RuntimeError("cannot compile\n/home/jane-doe-1970/cache") from error


@pytest.fixture
def broken(engines: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts an engine that breaks in the place of the fake one, behind the golden photographs."""
    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", lambda *_, **__: Breaks())
    monkeypatch.setattr("kerasdr.scoring.golden_host.check_here", lambda *_, **__: None)


@pytest.mark.usefixtures("photographs", "broken")
def test_what_nobody_foresaw_is_told_in_all_ways(kerasdr: Kerasdr, model: str) -> None:
    arguments = ["predict", "in", "--out", "g.csv", "--model", model, "--metrics", "k.prom"]
    ran = kerasdr(*arguments, "--log", "k.log")
    assert ran.error == (
        "RuntimeError: cannot compile /home/jane-doe-1970/cache; what was kept stands: run the same command again, and "
        "report it if it comes again (its place is in k.log)"
    )
    last = events(Path("k.log").read_text())[-1]
    assert (last["event"], last["exit_code"], last["message"]) == ("error", 1, "RuntimeError")
    assert last["traceback"][-1] == "RuntimeError" and "OSError (No space left on device)" in last["traceback"]
    assert any(re.fullmatch(r"kerasdr\.scoring\.job:\d+ run_job", line) for line in last["traceback"])
    assert "jane" not in Path("k.log").read_text()
    found = metrics()
    assert (found["exit_code"], found["running"]) == ("1", "0.0") and "listed" not in found
    assert kerasdr(*arguments).error.endswith("(its place is found with --log FILE)")


@pytest.mark.usefixtures("photographs", "broken")
def test_what_nobody_foresaw_tells_no_name(kerasdr: Kerasdr, model: str) -> None:
    Path("keys").mkdir()
    Path("results").mkdir()
    arguments = ["predict", "in", "--out", "results/g.csv", "--model", model, "--pseudonymise", "--key", "keys/k"]
    assert kerasdr(*arguments).error.startswith("RuntimeError; what was kept stands: ")
    ran = kerasdr(*arguments, "--log-json")
    assert ran.code == 1 and events(ran.err)[-1]["message"] == "RuntimeError" and "jane" not in ran.err


@pytest.mark.parametrize("option", ["--log", "--metrics"])
@pytest.mark.parametrize(
    "file",
    [
        "in/jane-doe-1970_left.png",
        "g.csv",
        "g.ledger",
        "h.ledger",
        "model/manifest.json",
        "other.prom",
        "new.png.prom",
        "new.png",
    ],
)
@pytest.mark.usefixtures("engines", "photographs")
def test_what_is_something_else_is_never_written_over(kerasdr: Kerasdr, model: str, option: str, file: str) -> None:
    kerasdr("predict", "in", "--out", "h.csv", "--model", model)
    Path("other.prom").write_text("node_load1 0.5\n")
    before = {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert "model/manifest.json" in before, sorted(before)
    ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, option, file)
    if file == "new.png.prom":
        assert ran.code == 3 and Path(file).exists()
        return
    assert ran.usage.startswith("Error: ") and option in ran.usage
    assert {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("engines", "photographs")
def test_files_of_before_empty_ones_and_pipes_are_taken(kerasdr: Kerasdr, model: str) -> None:
    Path("k.log").touch()
    Path("k.prom").touch()
    for log in ("k.log", "k.log", "/dev/null"):
        ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, "--log", log, "--metrics", "k.prom")
        assert (ran.code, ran.err) == (3, "")
    assert metrics()["exit_code"] == "3"


@pytest.mark.usefixtures("engines", "photographs")
def test_two_outputs_are_two_files(kerasdr: Kerasdr, model: str) -> None:
    ran = kerasdr(
        "watch", "in", "--once", "--out", "g.csv", "--model", model, "--log", "x.prom", "--metrics", "./x.prom"
    )
    assert ran.usage == "Error: x.prom is both --metrics and --log: name another file with --metrics"
    ran = kerasdr("predict", "in", "--out", "g.csv", "--model", model, "--metrics", "kerasdr.txt")
    assert ran.usage == (
        "Error: node_exporter reads no kerasdr.txt: give --metrics a name that ends in .prom, such as kerasdr.prom"
    )


# Metrics


@pytest.mark.usefixtures("engines", "photographs")
def test_metrics_tell_of_the_last_job(kerasdr: Kerasdr, model: str) -> None:
    before = time.time()
    arguments = ["predict", "in", "--out", "g.csv", "--metrics", "k.prom", "--model"]
    kerasdr(*arguments, model)
    found = metrics()
    assert {name: found[name] for name in ("listed", "graded", "failed", "exit_code", "running")} == {
        "listed": "2",
        "graded": "1",
        "failed": "1",
        "exit_code": "3",
        "running": "0.0",
    }
    assert before <= float(found["last_end_timestamp_seconds"]) <= time.time()
    assert float(found["images_per_second"]) > 0
    refused = kerasdr(*arguments, "no-model")
    assert refused.code == 6
    assert metrics()["exit_code"] == "6" and "listed" not in metrics()


@pytest.mark.usefixtures("engines", "photographs")
def test_a_second_job_leaves_the_figures_of_the_first(kerasdr: Kerasdr, model: str) -> None:
    from kerasdr.scoring.ledger.lock import hold

    arguments = ["predict", "in", "--out", "g.csv", "--metrics", "k.prom", "--model", model]
    kerasdr(*arguments)
    before = Path("k.prom").read_bytes()
    with hold(Path("g.ledger.lock"), "g.csv"):
        assert kerasdr(*arguments).code == 5
    assert Path("k.prom").read_bytes() == before


@pytest.mark.usefixtures("engines", "photographs")
def test_metrics_are_written_while_a_job_runs_and_their_loss_is_no_reason_to_stop(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.cli import job_telling
    from kerasdr.errors import StorageError
    from kerasdr.scoring.operation.metrics import Metrics

    monkeypatch.setattr(job_telling, "_METRICS_SECONDS", 0.0)
    monkeypatch.setattr(job_telling, "_LOG_SECONDS", 0.0)
    written: list[tuple[float, float]] = []

    def write(self: Metrics, path: Path) -> None:
        running = self.running
        written.append((running.get("kerasdr_job_running_done", -1), self.last.get("kerasdr_job_listed", -1)))
        if len(written) == 4:
            raise StorageError("full")

    monkeypatch.setattr(Metrics, "write", write)
    arguments = ["predict", "in", "--out", "g.csv", "--metrics", "k.prom", "--model", model, "--batch-size", "1"]
    ran = kerasdr(*arguments, "--log-json")
    assert written == [(0, -1), (1, -1), (2, -1), (-1, 2)]
    told = events(ran.err)
    assert [line["done"] for line in told if line["event"] == "progress"] == [1, 2]
    assert (ran.code, told[-1]["event"], told[-1]["message"]) == (3, "warning", "no more metrics: full")


# The end of a job


@pytest.mark.usefixtures("engines", "photographs")
def test_all_that_a_job_writes_at_its_end_it_writes_while_it_holds_its_output(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.errors import LockedError
    from kerasdr.scoring import summary
    from kerasdr.scoring.ledger.lock import hold
    from kerasdr.scoring.operation.event_log import EventLog
    from kerasdr.scoring.operation.metrics import Metrics

    held: list[str] = []

    def watched(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            with pytest.raises(LockedError), hold(Path("g.ledger.lock"), "g.csv"):
                pass
            held.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    watched(summary, "write_summary")
    watched(EventLog, "ended")
    watched(Metrics, "write")
    ways = ["--metrics", "k.prom", "--log", "k.log", "--model", model]
    assert kerasdr("predict", "in", "--out", "g.csv", *ways).code == 3
    assert held == ["write", "ended", "write", "write_summary"]
    held.clear()
    Path("in/new.png").write_bytes(Path("in/jane-doe-1970_left.png").read_bytes() + b"new")
    assert kerasdr("watch", "in", "--out", "g.csv", "--once", "--every", "0s", *ways).code == 3
    assert held == ["write", "ended", "write", "write_summary"]


@pytest.mark.usefixtures("engines")
def test_many_that_are_missing_end_the_job_with_4_and_logs_hold_no_name(
    kerasdr: Kerasdr, model: str, eye: bytes
) -> None:
    Path("in").mkdir()
    for number in range(9):
        Path(f"in/jane-{number}_left.png").write_bytes(eye + b"%d" % number)
    arguments = ["predict", "in", "--out", "g.csv", "--model", model, "--no-gradcam"]
    assert kerasdr(*arguments).code == 0
    before = Path("g.csv").read_bytes()
    for number in range(6):
        Path(f"in/jane-{number}_left.png").unlink()
    said = kerasdr(*arguments, "--log", "k.log").left(4)
    assert said.startswith(
        "6 of 9 photographs that have an answer in g.csv are not found any more (in/jane-0_left.png is one)"
    )
    told = events(Path("k.log").read_text())[-1]
    assert (told["event"], told["exit_code"]) == ("error", 4) and "(row 1 is one)" in told["message"]
    assert "jane" not in Path("k.log").read_text() + kerasdr(*arguments, "--log-json").err
    assert Path("g.csv").read_bytes() == before
    assert kerasdr("jobs", "health", "g.csv").err == (
        "the last job of g.csv did not come to its end (photographs are missing): give the same command again\n"
    )
    ran = kerasdr(*arguments, "--accept-missing")
    assert ran.code == 0 and "; 6 of the job before are not there any more; wrote g.csv" in ran.out
    assert Path("g.csv").read_text().count("\n") == 1 + 3


# Parts


@pytest.mark.usefixtures("engines")
def test_parts_and_their_merge(kerasdr: Kerasdr, model: str, eye: bytes) -> None:
    Path("in").mkdir()
    for person in range(6):
        for side in ("left", "right"):
            Path(f"in/{person}_{side}.png").write_bytes(eye)
    counts = []
    for number in (1, 2):
        ran = kerasdr("predict", "in", "--out", f"{number}.csv", "--model", model, "--part", f"{number}/2")
        counts.append(len(Path(f"{number}.csv").read_text().splitlines()) - 1)
        assert (ran.code, ran.err) == (
            0,
            f"part {number} of 2: {counts[-1]} of 12 photographs; the other part is {3 - number}\n",
        )
    assert sum(counts) == 12 and 0 < counts[0] < 12
    assert kerasdr("merge", "g.csv", "1.csv").error == "part 2 is missing of 2: run it with --part, and name its CSV"
    ran = kerasdr("merge", "g.csv", "2.csv", "1.csv")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("12 listed = 12 graded + 0 ungradable + 0 failed + 0 waiting; 12 referable")
    whole = kerasdr("predict", "in", "--out", "w.csv", "--model", model)
    assert whole.code == 0
    assert Path("g.csv").read_text() == Path("w.csv").read_text().replace("w_gradcam/", "g_gradcam/")
    assert kerasdr("predict", "in", "--out", "x.csv", "--part", "3/2").usage == (
        "Error: Invalid value for '--part': '3/2' is no part: give its number, from 1, and how many there are, such as 2/5"
    )


# Health


@pytest.mark.usefixtures("engines", "photographs")
def test_health(kerasdr: Kerasdr, model: str) -> None:
    assert kerasdr("jobs", "health", "g.csv").error.startswith("no ledger g.ledger: ")
    kerasdr("predict", "in", "--out", "g.csv", "--model", model)
    ran = kerasdr("jobs", "health", "g.csv", "--max-age", "26h")
    assert (ran.code, ran.err) == (0, "")
    assert re.fullmatch(r"the last job of g\.csv ended \d+ s ago: 2 listed, 1 failed\n", ran.out)
    assert kerasdr("jobs", "health", "g.ledger").code == 0
    time.sleep(2.1)
    ran = kerasdr("jobs", "health", "g.csv", "--max-age", "1s")
    assert (ran.code, ran.out) == (1, "")
    assert re.fullmatch(r"the last job of g\.csv ended \d+ s ago, more than 1 s: see what starts it\n", ran.err)
    kerasdr("predict", "in", "--out", "g.csv", "--model", model, "--limit-time", "0s")
    ran = kerasdr("jobs", "health", "g.csv")
    assert ran.code == 1 and "did not come to its end (time limit)" in ran.err


# Watching


@pytest.mark.usefixtures("photographs")
def test_watch_once(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    arguments = ["watch", "in", "--out", "g.csv", "--model", model, "--once", "--every", "0s"]
    ran = kerasdr(*arguments)
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith("2 listed = 1 graded + 0 ungradable + 1 failed + 0 waiting; 1 referable")
    assert len(engines) == 1
    before = Path("g.csv").read_bytes()
    assert kerasdr("predict", "in", "--out", "g.csv", "--model", model).code == 3
    assert Path("g.csv").read_bytes() == before
    assert (
        kerasdr("watch", "gone", *arguments[2:]).left(4).startswith("gone cannot be had (No such file or directory): ")
    )


SLOW = """
import time
from tests_cli_engine import FakeEngine
import kerasdr.scoring.engines as engines
class Slow(FakeEngine):
    def predict(self, batch):
        time.sleep(0.3)
        return super().predict(batch)
engines.make_engine = lambda bundle, batch_size, gradcam, **options: Slow()
engines.choose_engine = lambda bundle, name="auto": "openvino"
import kerasdr.cli.job_telling as telling
telling._LOG_SECONDS = 0.0
from kerasdr.cli.main import main
main()
"""

ENGINE = """
import numpy as np
from kerasdr.scoring.engine import EngineOutput
class FakeEngine:
    def predict(self, batch):
        n = len(batch)
        return EngineOutput(np.tile([0.05, 0.05, 0.1, 0.7, 0.1], (n, 1)), np.ones((n, 4, 4), np.float32))
"""


@pytest.mark.parametrize(
    ("command", "number"), [("watch", signal.SIGTERM), ("watch", signal.SIGINT), ("predict", signal.SIGTERM)]
)
def test_a_signal_ends_a_job_after_the_batch_in_hand(
    kerasdr: Kerasdr, model: str, command: str, number: signal.Signals
) -> None:
    import cv2

    from kerasdr.data.phantom.draw import draw_person

    Path("in").mkdir()
    for person in range(20):
        picture = cv2.cvtColor(draw_person(5, person, 96)[0].image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(f"in/{person:02d}.png", picture)
    Path("tests_cli_engine.py").write_text(ENGINE)
    given = [sys.executable, "-c", SLOW, command, "in", "--out", "g.csv", "--model", model, "--batch-size", "2"]
    given += ["--log-json", *(["--every", "0.1s"] if command == "watch" else [])]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(given, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        assert (first["event"], first["listed"]) == ("begun", 20)
        assert json.loads(process.stderr.readline())["event"] == "progress"  # one batch is done
        process.send_signal(number)
        began = time.monotonic()
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5.0
    assert process.returncode == 4, err
    ended = events(err)[-1]
    assert (ended["event"], ended["how"], ended["listed"]) == ("ended", "stopped", 20)
    rows = Path("g.csv").read_text().splitlines()[1:]
    statuses = [row.split(",")[1] for row in rows]
    assert len(rows) == 20 and ended["waiting"] == statuses.count("waiting")
    assert 2 <= ended["waiting"] <= 18
    assert not Path("g.ledger.lock").exists()


def test_watch_that_is_stopped_while_its_folder_is_away_ends_with_4(kerasdr: Kerasdr, model: str) -> None:
    Path("tests_cli_engine.py").write_text(ENGINE)
    command = [sys.executable, "-c", SLOW, "watch", "in", "--out", "g.csv", "--model", model, "--every", "0.1s"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        away = "in cannot be had (No such file or directory)"
        assert process.stderr.readline() == f"{away}: waiting for photographs\n"
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 4
    assert err == f"error: {away}: connect the share, or check the name, and give the same command again\n"


def test_a_model_that_is_changed_meanwhile_is_not_taken_up(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from kerasdr.scoring.operation import watching

    Path("in").mkdir()
    Path("in/a.png").write_bytes(eye)
    real, looks = watching.look_at, []

    def look_at(*arguments: Any) -> Any:
        looks.append(1)
        if len(looks) == 2:
            shutil.rmtree(model)
        return real(*arguments)

    monkeypatch.setattr(watching, "look_at", look_at)
    ran = kerasdr("watch", "in", "--out", "g.csv", "--model", model, "--once", "--every", "0s")
    assert ran.code == 0 and len(engines) == 1
    assert ",fake-1@" in Path("g.csv").read_text()


@pytest.mark.usefixtures("engines", "photographs")
def test_a_second_watch_of_one_output_leaves(kerasdr: Kerasdr, model: str) -> None:
    from kerasdr.scoring.ledger.lock import hold

    arguments = ["watch", "in", "--out", "new/g.csv", "--model", model, "--once", "--every", "0s"]
    assert kerasdr(*arguments).code == 3
    with hold(Path("new/g.csv.watch.lock"), "x"):
        assert kerasdr(*arguments).left(5).startswith("another job holds new/g.csv: process ")
    assert sorted(os.listdir("new")) == ["g.csv", "g.ledger", "g.summary.json", "g_gradcam"]
