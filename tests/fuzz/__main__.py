"""``make fuzz``: the real command on thousands of files that are no sound photographs, and what became of them.

Exit code 1 if a file has no row of its own, or one of which a part is missing was not refused.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from corpus import Hostile, hostile_files, judge_rows


def main() -> int:
    """Make the files, run the command, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--model", type=Path, help="a bundle; one of a small network with random weights is made if absent"
    )
    parser.add_argument("--photo-timeout", type=float, default=10.0)
    parser.add_argument("--keep", type=Path, help="a folder to make the files in, and to leave them in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        files = write_files(folder / "in", hostile_files(options.seed, options.files))
        model = options.model or make_model(Path(temporary) / "bundle")
        command = [
            sys.executable,
            "-m",
            "kerasdr",
            "predict",
            "in",
            "--out",
            "out.csv",
            "--model",
            str(model.absolute()),
        ]
        command += ["--photo-timeout", str(options.photo_timeout), "--quiet"]
        started = time.perf_counter()
        job = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        memory = Memory(job.pid)
        _, heard = job.communicate()
        seconds = time.perf_counter() - started
        with open(folder / "out.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    reasons = Counter(row["reason"] for row in rows)
    crashes = sum(count for reason, count in reasons.items() if "crashed" in reason or "(signal" in reason)
    late = sum(count for reason, count in reasons.items() if "took more than" in reason)
    for reason, count in reasons.most_common():
        print(f"{count:6d}  {reason or '(graded)'}")
    slowest = f"{seconds:.1f} s, {len(files) / seconds:.0f} files/s"
    print(f"{len(files)} files, {len(rows)} rows, exit code {job.returncode}, {slowest}")
    print(f"{dict(Counter(row['status'] for row in rows))}; {crashes} crashes, {late} too late")
    print(f"peak memory: job {memory.parent // 2**20} MB, a reading process {memory.worker // 2**20} MB")
    wrong = judge_rows(files, rows) + ([f"standard error: {heard}"] if heard else [])
    wrong += [f"exit code {job.returncode}"] if job.returncode not in (0, 3) else []
    print(*(f"WRONG {line}" for line in wrong), sep="\n")
    return 1 if wrong else 0


def write_files(folder: Path, made: Iterable[Hostile]) -> list[Hostile]:
    """Write files and return what they are, without their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file in made:
        path = folder / file.name
        path.write_bytes(file.data)
        if file.sparse:
            os.truncate(path, file.sparse)
        written.append(Hostile(file.name, b"", file.whole))
    return written


def make_model(folder: Path) -> Path:
    """Write a bundle of a small network with random weights."""
    from kerasdr.config import ModelSpec
    from kerasdr.ensembles import EnsembleSpec
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.models import build_classifier, get_weights
    from kerasdr.scoring.build import rebuild
    from kerasdr.scoring.bundle import BundleMember, write_bundle

    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 96), get_weights(build_classifier(spec, 96, seed=1)))
    write_bundle(folder, name="fuzz", members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
    rebuild(folder, ["openvino"])
    return folder


class Memory:
    """Watches how much memory a process and those that it started hold at most (Linux; 0 elsewhere)."""

    def __init__(self, pid: int) -> None:
        self.parent = self.worker = 0
        self._pid = pid
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while (held := _peak(self._pid)) is not None:
            self.parent = max(self.parent, held)
            for task in Path(f"/proc/{self._pid}/task").glob("*/children"):
                try:
                    children = task.read_text().split()
                except OSError:
                    continue
                self.worker = max([self.worker, *(_peak(int(child)) or 0 for child in children)])
            time.sleep(0.05)


def _peak(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) * 1024 if lines else None


if __name__ == "__main__":
    sys.exit(main())
