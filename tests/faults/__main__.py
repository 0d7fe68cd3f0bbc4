"""Lets every operation on files of a small job fail, one after another, and sees how the job that comes after it ends.

    python tests/faults                    every operation, every kind of fault, and 2,000 states after a power failure
    python tests/faults --every 10 --states 100

Each trial is a job with one fault (killed right before or right after an operation, or an operation that fails with EIO,
ENOSPC or EACCES, once or from then on) in an empty folder, and then the same command without a fault. It survives if that one
ends with the CSV and the pictures of an undisturbed job, byte for byte, a ledger that is whole and holds each answer once, and
if the faulty job did not say that it was done where it was not.

The faulty job itself ends fitly if it was killed where it was to be killed; else if it leaves with the undisturbed job's exit
code and says nothing but warnings, or with 4 (not finished) or 1 (cannot be done) and says why in one line.
"""

import argparse
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shim import KILL_AFTER, KILL_BEFORE, Shim, build

from kerasdr.errors import ExitCode

sys.path.append(str(Path(__file__).resolve().parents[1] / "scoring"))  # for the engine that its tests use too

_LIBRARY = "KERASDR_FAULTS_LIBRARY"
HOWS: dict[str, tuple[int, bool]] = {
    "killed before": (KILL_BEFORE, False),
    "killed after": (KILL_AFTER, False),
    "EIO, once": (-errno.EIO, False),
    "ENOSPC, once": (-errno.ENOSPC, False),
    "EACCES, once": (-errno.EACCES, False),
    "EIO from then on": (-errno.EIO, True),
    "ENOSPC from then on": (-errno.ENOSPC, True),
}


@dataclass(frozen=True)
class Calm:
    """An undisturbed job: exit code, operations, what it left, its answers, and when each answer was kept."""

    code: int
    operations: int
    results: dict[str, bytes]
    answers: list[str]


def main() -> None:
    """Run the trials, print a table, and leave with 1 if one was not survived."""
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--every", type=int, default=1, help="only every K-th operation")
    parser.add_argument("--states", type=int, default=2000, help="states after a power failure")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kerasdr-faults-") as name:
        folder = Path(name).resolve()
        _with_shim(folder)
        figures = run_trials(
            folder, Shim(Path(os.environ[_LIBRARY])), arguments.every, arguments.states, arguments.seed
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(row["survived"] < row["tried"] or row["unfit"] for row in figures["trials"]))


def _with_shim(folder: Path) -> None:
    """Begin this process anew with the library in front of all others, unless it is."""
    if _LIBRARY in os.environ:
        return
    library = build(Path(tempfile.mkdtemp(prefix="kerasdr-shim-")))
    if library is None:
        sys.exit("no C compiler, or none that makes shared libraries: install gcc")
    environment = {**os.environ, "LD_PRELOAD": str(library), _LIBRARY: str(library)}
    shutil.rmtree(folder, ignore_errors=True)
    os.execve(sys.executable, [sys.executable, str(Path(__file__).parent), *sys.argv[1:]], environment)


def run_trials(folder: Path, shim: Shim, every: int, states: int, seed: int) -> dict[str, object]:
    """Try every ``every``-th operation with each fault, and some states after a power failure; print and return figures."""
    from scene import answered, checked, make_scene, results

    scene = make_scene(folder, shim)
    out, trace = folder / "out", folder / "trace"
    out.mkdir()
    code, operations = scene.run(out, trace=trace)
    assert checked(out) and not scene.said, f"the golden photographs were not checked, or: {scene.said}"
    calm = Calm(code, operations, results(out), answered(out))
    print(
        f"an undisturbed job: {operations} operations, {len(calm.answers)} answers, {len(calm.results)} files, left {code}"
    )
    again, more = scene.run(out)
    assert (again, results(out), answered(out)) == (code, calm.results, calm.answers), "a second run changed something"
    print(f"the same once more: {more} operations, no new answer")
    trials, begun = [], time.monotonic()
    for name, (how, stays) in HOWS.items():
        lost: list[str] = []
        unfit: list[str] = []
        tried = 0
        codes: Counter[int] = Counter()
        # The faulty job may take another way, with more operations than the calm one.
        at = 1
        while at <= operations * 2:
            fresh(out)
            faulty, count = scene.run(out, at, how, stays=stays)
            if 0 <= count < at:
                break  # it met no fault
            tried += 1
            codes[faulty] += 1
            if problem := _unfit(how, faulty, scene.said, calm):
                unfit.append(f"operation {at}: {problem}")
            if faulty == calm.code and results(out) != calm.results:
                lost.append(f"operation {at}: said that it was done")
            elif problem := _after(scene, out, calm):
                lost.append(f"operation {at}: {problem}")
            at += every
        trials.append(_row(name, tried, lost, codes, unfit))
    trials.append(_power(scene, out, trace, calm, states, seed))
    print(f"{time.monotonic() - begun:.0f} s")
    return {"operations": operations, "answers": len(calm.answers), "trials": trials}


def _unfit(how: int, code: int, said: str, calm: Calm) -> str:
    """Return what is wrong with how a job with a fault ended, if anything.

    Args:
        how: the fault.
        code: that it left with.
        said: what it wrote to standard error.
        calm: the undisturbed job.
    """
    if how in (KILL_BEFORE, KILL_AFTER):
        return "" if code == -signal.SIGKILL else f"left with {code}, and was to be killed"
    lines = said.splitlines()
    if odd := [line for line in lines if not line.startswith(("error: ", "warning: "))]:
        return f"left with {code} and said {odd[-1]!r}"
    errors = sum(line.startswith("error: ") for line in lines)
    wanted = {calm.code: 0, int(ExitCode.UNFINISHED): 1, int(ExitCode.FAILED): 1}.get(code)
    return "" if errors == wanted else f"left with {code} and {errors} lines of errors"


def _after(scene: "Scene", out: Path, calm: Calm) -> str:  # type: ignore[name-defined]  # noqa: F821
    """Run the job again without a fault, and return what is wrong with how it ends, if anything."""
    from scene import answered, results

    from kerasdr.errors import KerasdrError

    try:
        before = answered(out)
    except KerasdrError as error:
        return f"the ledger is damaged: {error}"
    code, _ = scene.run(out)
    if code != calm.code:
        return f"the next job left with {code}"
    if scene.said:
        return f"the next job said {scene.said!r}"
    if results(out) != calm.results:
        return "the next job ended with other bytes"
    after = answered(out)
    if sorted(after) != sorted(calm.answers):
        return f"{len(after)} answers are kept, not {len(calm.answers)} different ones"
    if after[: len(before)] != before:
        return "answers that were kept are gone"
    left = [path.name for path in out.rglob("*") if path.name.startswith(".") and path.is_file()]
    return f"{', '.join(left)} left behind" if left else ""


def _power(scene: "Scene", out: Path, trace: Path, calm: Calm, states: int, seed: int) -> dict[str, object]:  # type: ignore[name-defined]  # noqa: F821
    """Let a job begin on states that a disk may hold after the power failed during an undisturbed one."""
    from scene import answered
    from states import crash, read_trace

    from kerasdr.errors import KerasdrError

    operations = read_trace(trace)
    lost: list[str] = []
    promised = []
    for at in _kept_at(operations):  # what a transaction kept is on the disk from then on
        fresh(out)
        crash(operations, at, out, out, seed)
        promised.append((at, len(answered(out))))
    assert promised[-1][1] == len(calm.answers), "the record of operations does not give what the job left"
    for number in range(states):
        fresh(out)
        after = number % len(operations) + 1
        crash(operations, after, out, out, seed * 1_000_003 + number)
        try:
            there = len(answered(out))
        except KerasdrError as error:
            lost.append(f"after operation {after}: the ledger is damaged: {error}")
            continue
        kept = max((answers for at, answers in promised if at <= after), default=0)
        if there < kept:
            lost.append(f"after operation {after}: {there} answers, where {kept} were kept")
        elif problem := _after(scene, out, calm):
            lost.append(f"after operation {after}: {problem}")
    return _row("power failure", states, lost, Counter())


def _kept_at(operations: "list[Operation]") -> list[int]:  # type: ignore[name-defined]  # noqa: F821
    """Return after which operations a transaction was on the disk: its journal is gone, and the folder synced."""
    kept, gone = [], False
    for operation in operations:
        if operation.kind == "unlink" and operation.path.endswith("-journal"):
            gone = True
        elif operation.kind == "fsync" and gone:
            kept.append(operation.number)
            gone = False
    return kept


def _row(name: str, tried: int, lost: list[str], codes: Counter[int], unfit: Sequence[str] = ()) -> dict[str, object]:
    left = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
    ended = f"  {tried - len(unfit):5} ended fitly   exit codes {left}" if left else ""
    print(f"{name:22} {tried:5} tried  {tried - len(lost):5} survived{ended}", flush=True)
    for line in [*lost[:10], *unfit[:10]]:
        print(f"    {line}")
    told: dict[str, object] = {"fault": name, "tried": tried, "survived": tried - len(lost), "lost": lost}
    return {**told, "unfit": list(unfit), "exit_codes": dict(codes)}


def fresh(out: Path) -> None:
    """Empty a folder."""
    shutil.rmtree(out)
    out.mkdir()


if __name__ == "__main__":
    main()
