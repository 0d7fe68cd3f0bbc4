"""A long night: thousands of photographs, kills at random moments, a full disk, an input folder that vanishes.

    python tests/soak                                   5,000 phantoms, 5% of the files broken, 20 kills
    python tests/soak --photographs 300 --kills 5

A calm job and a disturbed one grade the same photographs; the disturbed one is given the same command again after each blow. At
the end CSV and pictures have to be the same bytes, the ledger whole, each answer kept once, and one more run must do nothing.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
from soak_model import make_model

_BAD_EVERY = 20
_SIDE = 256


def main() -> None:
    """Do both jobs, print figures, and leave with 1 if the second did not end like the first."""
    parser = argparse.ArgumentParser(prog="python tests/soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--photographs", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, help="a bundle or run; a small ensemble of random weights if absent")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kerasdr-soak-") as name:
        folder = Path(name).resolve()
        figures = soak(folder, arguments.photographs, arguments.kills, arguments.seed, arguments.model)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if figures["same_bytes"] and not figures["wrong"] else 1)


def soak(folder: Path, photographs: int, kills: int, seed: int, model: Path | None) -> dict[str, object]:
    """Do a calm job and a disturbed one in a folder; print and return figures."""
    chance = random.Random(seed)
    began = time.monotonic()
    draw(folder / "photographs", photographs, seed)
    chosen = (model or make_model(folder / "model")).resolve()
    print(
        f"{photographs} files drawn, one in {_BAD_EVERY} broken, and the model made in {time.monotonic() - began:.0f} s"
    )
    wrong: list[str] = []

    (folder / "calm").mkdir()
    began = time.monotonic()
    calm = start(folder, chosen, "calm").wait()
    seconds = time.monotonic() - began
    expected = results(folder / "calm")
    print(f"calm: {seconds:.0f} s, {photographs / seconds:.1f} files/s, exit code {calm}, {statuses(folder / 'calm')}")
    if calm != 3:
        wrong.append(f"the calm job left with {calm}, not with 3")

    (folder / "out").mkdir()
    blows: Counter[str] = Counter()
    with small_disk(folder / "out", sum(map(len, expected.values())) * 4 // 10) as enlarge:
        if enlarge is None:
            print("no small disk could be mounted (that takes root on Linux): the disk does not get full")
        else:
            code = start(folder, chosen, "out").wait()
            blows["full disk"] += 1
            if code != 4 or (folder / "out" / "grades.csv").exists():
                wrong.append(f"a full disk: left with {code}, not with 4")
            enlarge()
        vanish = {kills // 2}
        for number in range(kills):
            job = start(folder, chosen, "out")
            time.sleep(chance.uniform(0.1, max(1.0, 1.2 * seconds / max(kills, 1))))
            if number in vanish and job.poll() is None:
                (folder / "photographs").rename(folder / "away")
                code = job.wait()
                (folder / "away").rename(folder / "photographs")
                blows["input folder gone"] += 1
                if code != 4:
                    wrong.append(f"the input folder vanished: left with {code}, not with 4")
            elif job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.wait()
                blows["killed"] += 1
            else:
                blows["done before the blow"] += 1
        began = time.monotonic()
        last = start(folder, chosen, "out").wait()
        print(f"{dict(blows)}; the last run: {time.monotonic() - began:.0f} s, exit code {last}")
        found = results(folder / "out")
        same = found == expected
        if last != calm:
            wrong.append(f"the last run left with {last}, not with {calm}")
        began = time.monotonic()
        before = answers(folder)
        again = start(folder, chosen, "out").wait()
        idle = time.monotonic() - began
        if (again, results(folder / "out"), answers(folder)) != (calm, expected, before):
            wrong.append("one more run changed something")
        verified = subprocess.run(
            kerasdr("jobs", "verify", "out/grades.csv"), cwd=folder, capture_output=True, text=True
        )
        if verified.returncode:
            wrong.append(f"jobs verify: {(verified.stdout + verified.stderr).strip()}")
        listed = statuses(folder / "calm")
        answered = listed["graded"] + listed["ungradable"] + failures(folder / "calm")
        if before != answered:
            wrong.append(f"{before} answers were kept for {answered} different photographs")
    print(
        f"same bytes: {same} ({len(found)} files); one more run: {idle:.0f} s, nothing new; {verified.stdout.strip()}"
    )
    for line in wrong:
        print(f"WRONG: {line}")
    return {
        "photographs": photographs,
        "calm_seconds": seconds,
        "blows": dict(blows),
        "same_bytes": same,
        "files": len(found),
        "idle_seconds": idle,
        "wrong": wrong,
    }


def draw(folder: Path, count: int, seed: int) -> None:
    """Draw phantoms of both eyes of people as JPEG files, every twentieth broken in one way or another."""
    from kerasdr.data.phantom.draw import draw_person

    folder.mkdir()
    number = person = 0
    while number < count:
        for eye, side in zip(draw_person(seed, person, _SIDE), ("left", "right"), strict=False):
            if number == count:
                break
            data = cv2.imencode(".jpg", cv2.cvtColor(eye.image, cv2.COLOR_RGB2BGR))[1].tobytes()
            if number % _BAD_EVERY == _BAD_EVERY - 1:
                ways = (b"", data[: len(data) // 2], b"patient did not come\n", data[:-2000] + bytes(2000))
                data = ways[number // _BAD_EVERY % len(ways)] + (
                    b"%d" % number if number // _BAD_EVERY % 4 == 2 else b""
                )
            (folder / f"{person:05d}_{side}.jpg").write_bytes(data)
            number += 1
        person += 1


def kerasdr(*arguments: str) -> list[str]:
    """Return the command line of the command."""
    return [sys.executable, "-m", "kerasdr", *arguments]


def start(folder: Path, model: Path, out: str) -> "subprocess.Popen[bytes]":
    """Begin, or go on with, a job, in a group of processes of its own."""
    command = kerasdr("predict", "photographs", "--out", f"{out}/grades.csv", "--model", str(model), "--quiet")
    return subprocess.Popen(command, cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL)


def results(out: Path) -> dict[str, bytes]:
    """Return CSV and pictures by their names."""
    wanted = [path for path in out.rglob("*") if path.is_file() and path.suffix in (".csv", ".png")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in wanted}


def statuses(out: Path) -> "Counter[str]":
    """Return how many rows of a job's CSV have each status."""
    import csv

    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        return Counter(row["status"] for row in csv.DictReader(file))


def failures(out: Path) -> int:
    """Return how many different files could be read and not decoded."""
    import csv

    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        return len({row["sha256"] for row in csv.DictReader(file) if row["status"] == "failed"} - {""})


def answers(folder: Path) -> int:
    """Return how many answers the disturbed job has kept."""
    from kerasdr.scoring.ledger.store import read_ledger

    return sum(entry.kind == "answer" for entry in read_ledger(folder / "out" / "grades.ledger"))


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[object]:
    """Mount a disk of some bytes, and give what makes it large enough; None where that cannot be done."""
    options = f"size={max(size, 2**20)},mode=0755"
    mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True).returncode
        == 0
    )
    try:
        yield (lambda: subprocess.run(["mount", "-o", "remount,size=90%", str(place)], check=True)) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)


if __name__ == "__main__":
    main()
