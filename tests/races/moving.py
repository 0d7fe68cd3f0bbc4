"""Photographs that are written, cut, completed, replaced, renamed and removed while a job reads them."""

import os
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scenery import grade, hash_bundle, phantoms, results

from kerasdr.files import sha256_of
from kerasdr.scoring.ledger.audit import read_output, verify

_WAYS = ("slowly written", "cut and completed", "replaced", "written over", "renamed", "removed")


def race_changes(folder: Path, files: int, chance: random.Random) -> dict[str, Any]:
    """Change photographs while a job reads them, then do the job again in peace.

    Args:
        folder: empty.
        files: how many photographs.
        chance: says which is changed how.
    """
    bundle = hash_bundle(folder / "model")
    inputs = folder / "in"
    inputs.mkdir()
    drawn = phantoms(2 * files, 4)
    old, new = drawn[:files], drawn[files:]
    ways = [chance.choice(_WAYS) for _ in range(files)]
    names = [inputs / f"{number:05d}.png" for number in range(files)]
    for name, data, way in zip(names, old, ways, strict=True):
        name.write_bytes(data[: len(data) // 3] if way == "slowly written" else data)
    legal = {sha256_of(data) for data in drawn}
    done = threading.Event()

    def disturb() -> None:
        order = list(range(files))
        chance.shuffle(order)
        for number in order:
            if done.is_set():
                return
            _change(names[number], old[number], new[number], ways[number])

    out = folder / "out"
    out.mkdir()
    codes, waited = [], []
    for _ in range(2):  # the second meets what the first left to be done, and more of the same
        done.clear()
        disturber = threading.Thread(target=disturb)
        disturber.start()
        summary = grade([str(inputs)], bundle, out / "grades.csv", 0.02, accept_missing=True)
        codes.append(int(summary.exit_code))
        waited.append(summary.count("waiting"))
        done.set()
        disturber.join()
    wrong: list[str] = []
    statuses: Counter[str] = Counter()
    for answer in read_output(out / "grades.csv").book.answers.values():
        statuses[answer.row.status] += 1
        if answer.row.status in ("graded", "ungradable") and answer.seen.sha256 not in legal:
            wrong.append(f"an answer is of bytes {answer.seen.sha256[:12]}, which no photograph had as a whole")
    for name, data, way in zip(names, old, ways, strict=True):
        if way in ("slowly written", "cut and completed") and name.exists() and name.stat().st_size < len(data):
            name.write_bytes(data)
    last = grade([str(inputs)], bundle, out / "grades.csv", accept_missing=True)
    calm = folder / "calm"
    calm.mkdir()
    whole = grade([str(inputs)], bundle, calm / "grades.csv")
    if results(out) != results(calm):
        wrong.append("after a run in peace the bytes are others than those of a new job")
    if any(row.status != "graded" for row in whole.rows) or last.exit_code != 0:
        wrong.append("the photographs in peace were not all graded")
    output = read_output(out / "grades.csv")
    found = verify(output)
    if found.damaged or not found.csv_is:
        wrong.append("the ledger is damaged, or the CSV is another")
    keys = [entry.content["key"] for entry in output.entries if entry.kind == "answer"]
    if len(set(keys)) != len(keys):
        wrong.append("a photograph was graded twice")
    return {
        "photographs": files,
        "changed while they were read": dict(Counter(ways)),
        "answers of the disturbed runs by status": dict(statuses),
        "waiting after each": waited,
        "exit codes": [*codes, int(last.exit_code)],
        "wrong": wrong,
    }


def _change(name: Path, old: bytes, new: bytes, way: str) -> None:
    try:
        if way == "slowly written":
            size = name.stat().st_size
            with open(name, "ab", buffering=0) as file:
                for start in range(size, len(old), max(1, len(old) // 5)):
                    file.write(old[start : start + max(1, len(old) // 5)])
                    time.sleep(0.002)
        elif way == "cut and completed":
            with open(name, "r+b", buffering=0) as file:
                file.truncate(len(old) // 2)
                time.sleep(0.004)
                file.seek(len(old) // 2)
                file.write(old[len(old) // 2 :])
        elif way == "replaced":
            beside = name.with_suffix(".part")
            beside.write_bytes(new)
            os.replace(beside, name)
        elif way == "written over":
            with open(name, "r+b", buffering=0) as file:
                file.write(new[: len(new) // 2])
                time.sleep(0.002)
                file.write(new[len(new) // 2 :])
                file.truncate(len(new))
        elif way == "renamed":
            name.rename(name.with_name(f"moved-{name.name}"))
        else:
            name.unlink()
    except FileNotFoundError:  # the second time
        pass
