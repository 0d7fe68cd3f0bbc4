"""The same photographs with other numbers of threads, other batch sizes and in another order, by OpenVINO."""

import random
from pathlib import Path
from typing import Any

from scenery import phantoms
from soak_model import make_model

from kerasdr.machine import available_cores
from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.job import run_job

_PHOTOGRAPHS = 24


def race_orders(folder: Path, runs: int, chance: random.Random) -> dict[str, Any]:
    """Grade the same photographs again and again, and count answers that differ in a byte.

    Args:
        folder: empty.
        runs: how often.
        chance: says how.
    """
    (folder / "in").mkdir()
    for number, data in enumerate(phantoms(_PHOTOGRAPHS, 6)):
        (folder / "in" / f"{number // 2}_{'left' if number % 2 == 0 else 'right'}.png").write_bytes(data)
    inputs = sorted(str(path) for path in (folder / "in").iterdir())
    bundle = load_bundle(make_model(folder / "model"))
    first: dict[str, tuple[str, ...]] = {}
    wrong: list[str] = []
    tried: set[tuple[int, int]] = set()
    for number in range(runs):
        threads, batch = chance.randint(1, max(2, available_cores())), chance.randint(1, 32)
        tried.add((threads, batch))
        order = list(inputs)
        if number:
            chance.shuffle(order)
        out = folder / f"out{number}"
        out.mkdir()
        summary = run_job(
            order,
            bundle,
            out / "grades.csv",
            batch_size=batch,
            jobs=threads,
            factory=lambda bundle, batch_size, gradcam, threads=threads: make_engine(
                bundle, batch_size, gradcam, engine="openvino", cores=threads
            ),
            engine="openvino",
        )
        for row, cells in zip(summary.rows, _lines(out / "grades.csv"), strict=True):
            picture = (out / row.gradcam).read_bytes() if row.gradcam else b""
            answer = (*cells, picture.hex())
            if first.setdefault(row.image, answer) != answer:
                wrong.append(f"{row.image}: {threads} threads, batches of {batch}")
    return {
        "runs": runs,
        "threads and batch sizes": len(tried),
        "photographs": _PHOTOGRAPHS,
        "graded": sum(row.status == "graded" for row in summary.rows),
        "wrong": wrong,
    }


def _lines(path: Path) -> list[tuple[str, ...]]:
    import csv

    with open(path, encoding="utf-8", newline="") as file:
        return [tuple(row) for row in list(csv.reader(file))[1:]]
