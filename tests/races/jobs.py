"""Several jobs on one output at once, one of which may be killed."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenery import grade, hash_bundle, phantoms, results

from kerasdr.errors import ExitCode, KerasdrError
from kerasdr.scoring.ledger.audit import read_output, verify

Left = tuple[int, float]
"""An exit code, and when."""

_PHOTOGRAPHS = 8
_SLOW = 0.15


def race_jobs(folder: Path, rounds: int, chance: random.Random) -> dict[str, Any]:
    """Let jobs race for one output, round after round.

    Args:
        folder: empty.
        rounds: how often.
        chance: says how many jobs there are, when they begin and when the holder is killed.
    """
    bundle = hash_bundle(folder / "model")
    (folder / "in").mkdir()
    for number, data in enumerate(phantoms(_PHOTOGRAPHS, 3)):
        (folder / "in" / f"{number // 2}_{'left' if number % 2 == 0 else 'right'}.png").write_bytes(data)
    calm = folder / "calm"
    calm.mkdir()
    grade([str(folder / "in")], bundle, calm / "grades.csv", isolate=False)
    expected = results(calm)
    wrong: list[str] = []
    codes: Counter[str] = Counter()
    slowest_to_leave = slowest_after_a_kill = 0.0

    for number in range(rounds):
        out = folder / f"out{number}"
        out.mkdir()

        def job(seconds: float, out: Path = out) -> int:
            try:
                grade([str(folder / "in")], bundle, out / "grades.csv", seconds, isolate=False)
            except KerasdrError as error:
                if error.exit_code == ExitCode.LOCKED and "process" not in str(error):
                    return 99  # it has to say who holds the output
                return int(error.exit_code)
            return 0

        racing = {}
        for _ in range(chance.randint(2, 8)):
            racing[_forked(lambda: job(_SLOW))] = time.monotonic()
            time.sleep(chance.choice([0.0, 0.0, 0.01, 0.05]))
        kill = number % 2 == 0
        if kill:
            time.sleep(chance.uniform(0.0, 0.3))
        left: dict[int, Left] = {}
        if kill:
            # Whoever is still there after the others had time to leave is the holder.
            _collect(racing, left, 5.0, until=1)
            for process in set(racing) - set(left):
                os.kill(process, signal.SIGKILL)
        _collect(racing, left, 30.0)
        for process, (code, ended) in left.items():
            codes[str(code)] += 1
            if code == int(ExitCode.LOCKED):
                slowest_to_leave = max(slowest_to_leave, ended - racing[process])
            elif code not in (0, -signal.SIGKILL):
                wrong.append(f"round {number}: a job left with {code}")
        if not kill and not any(code == 0 for code, _ in left.values()):
            wrong.append(f"round {number}: nobody did the work")
        began = time.monotonic()
        last = _forked(lambda: job(0.0))
        after: dict[int, Left] = {}
        _collect({last: began}, after, 30.0)
        if kill:
            slowest_after_a_kill = max(slowest_after_a_kill, time.monotonic() - began)
        output = read_output(out / "grades.csv")
        found = verify(output)
        if after[last][0] != 0 or results(out) != expected or found.damaged or not found.csv_is:
            wrong.append(f"round {number}: the job after it left with {after[last][0]}, or other bytes")
        if len(output.book.answers) != _PHOTOGRAPHS:
            wrong.append(f"round {number}: {len(output.book.answers)} answers for {_PHOTOGRAPHS} photographs")
    return {
        "rounds": rounds,
        "jobs by exit code": dict(codes),
        "seconds until a job without the output left, at most": round(slowest_to_leave, 2),
        "seconds of the whole job after a kill, at most": round(slowest_after_a_kill, 2),
        "wrong": wrong,
    }


def _forked(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 98
        try:
            code = work()
        finally:
            os._exit(code)
    return child


def _collect(racing: dict[int, float], left: dict[int, Left], seconds: float, until: int = 0) -> None:
    """Wait until all but so many have left, or the time is over."""
    end = time.monotonic() + seconds
    while len(racing) - len(left) > until and time.monotonic() < end:
        for process in set(racing) - set(left):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                left[process] = os.waitstatus_to_exitcode(status), time.monotonic()
        time.sleep(0.005)
