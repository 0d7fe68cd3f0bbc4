"""Kills a job before its first, second, ... file operation, statement or batch, and gives the same command again.

A program of its own: ``python killed_jobs.py INPUTS BUNDLE WORK [STEP]``. It starts no thread itself and forks a process for
each job, so that a job costs no start of Python. What it prints is one line of JSON.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hash_engine import HashEngine

from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.job import run_job
from kerasdr.scoring.ledger import store
from kerasdr.scoring.ledger.audit import read_output, verify

BATCH = 2


class Killer:
    """Ends this process, as a power cut would, before the ``call``-th thing that it is told of."""

    def __init__(self, call: int) -> None:
        self.left = call

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return called


class Counting(HashEngine):
    """Notes each photograph that it graded in a file, whatever becomes of the process."""

    def __init__(self, bundle: Bundle, batch_size: int, gradcam: bool) -> None:
        super().__init__(gradcam)

    def predict(self, batch: Any) -> Any:
        output = super().predict(batch)
        with open("predicted", "ab", buffering=0) as file:
            file.write(b"x" * len(batch))
        return output


def job(inputs: str, bundle: Path, killer: Killer | None) -> int:
    """Run a job in a process of its own and return how it ended."""
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    try:
        if killer is not None:
            for module, name in ((os, "fsync"), (os, "replace"), (os, "unlink"), (tempfile, "mkstemp"), (store, "run")):
                setattr(module, name, killer.before(getattr(module, name)))
            Counting.predict = killer.before(Counting.predict)  # type: ignore[method-assign]
        run_job([inputs], load_bundle(bundle), Path("out.csv"), batch_size=BATCH, factory=Counting)
        os._exit(0)
    finally:
        os._exit(1)


def made() -> dict[str, bytes]:
    """What a job made, but for the ledger, whose times differ."""
    names = [path for path in Path().rglob("*") if path.is_file()]
    return {
        str(path): b"" if path.suffix == ".ledger" else path.read_bytes() for path in names if path.name != "predicted"
    }


def main() -> None:
    inputs, bundle, work = (Path(argument).resolve() for argument in sys.argv[1:4])
    step = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    found: dict[str, Any] = {"kills": 0, "wrong": [], "most again": 0}

    def start(name: str) -> None:
        (work / name).mkdir()
        os.chdir(work / name)

    start("undisturbed")
    assert job(str(inputs), bundle, None) == 0
    whole, least = made(), Path("predicted").stat().st_size
    answers = len(read_output(Path("out.csv")).book.answers)
    for call in range(1, 100_000, step):
        start(str(call))
        if job(str(inputs), bundle, Killer(call)) != signal.SIGKILL:
            break
        found["kills"] += 1
        ended = job(str(inputs), bundle, None)
        output = read_output(Path("out.csv"))
        verified = verify(output)
        again = Path("predicted").stat().st_size - least
        found["most again"] = max(found["most again"], again)
        right = ended == 0 and made() == whole and verified.csv_is and not verified.damaged
        if not right or len(output.book.answers) != answers or again > BATCH:
            found["wrong"].append(call)
    print(json.dumps({**found, "files": len(whole), "answers": answers}))


if __name__ == "__main__":
    main()
