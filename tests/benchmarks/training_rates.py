"""Training of whole networks against a plain script, in processes of their own: repeatable sums are a switch of the process."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasdr.config import Experiment, resolve
from kerasdr.reporting import Reporter
from kerasdr.scoring.benchmark import Spread

WAYS = ("kerasdr", "kerasdr, not repeatable", "plain script")
VALIDATION = 4
"""An epoch ends with a photograph of validation for so many of training, and with a checkpoint."""
_EPOCHS = 3


def training_rates(
    photographs: Sequence[Path], trunks: Sequence[str], rounds: int, steps: int
) -> dict[str, dict[str, list[float]]]:
    """Measure samples a second by trunk and way, over the epochs after the first, and print them."""
    print(
        "Training the whole network at 224 px, batch 24, samples/s; the plain script decodes photographs of 1024 px "
        "anew each epoch; both validate on a quarter as many and keep the best weights; not repeatable is "
        "training.deterministic=false"
    )
    measured: dict[str, dict[str, list[float]]] = {}
    for trunk in trunks:
        rates: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                command = [sys.executable, __file__, trunk, way, str(steps), *map(str, photographs)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                rates[way].append(json.loads(done.stdout.splitlines()[-1]))
        plain = statistics.median(rates["plain script"])
        for way, values in rates.items():
            times = statistics.median(values) / plain
            print(f"  {trunk:<14}{way:<26}{Spread(tuple(values))}   {times:.2f} times the plain script", flush=True)
        measured[trunk] = rates
    print()
    return measured


def _experiment(trunk: str, repeatable: bool) -> Experiment:
    return resolve(
        {
            "name": "x",
            "model": {"trunk": trunk, "weights": "none"},
            "augment": {"brightness": 0, "contrast": 0},
            "imaging": {"size": 224},
            "stages": [{"name": "fit", "epochs": _EPOCHS}],
            "training": {"deterministic": repeatable, "jit_compile": False},
        }
    )


class _Ends(Reporter):
    """Remembers when each epoch ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def note(self, line: str) -> None:
        if "validation: loss" in line:
            self.times.append(time.perf_counter())


def _rate(experiment: Experiment, steps: int) -> float:
    from kerasdr.training.member import fit_member
    from kerasdr.training.samples import Samples

    member = experiment.members[0]
    n = steps * member.training.batch_size
    held_out = n // VALIDATION
    images = np.random.default_rng(0).integers(0, 256, (n, 224, 224, 3), dtype=np.uint8)
    rows = np.arange(n)
    train = Samples(rows, np.full(n, -1), rows % 5, rows.astype(str))
    validation = Samples(rows[:held_out], np.full(held_out, -1), rows[:held_out] % 5, rows[:held_out].astype(str))
    with tempfile.TemporaryDirectory() as folder:
        ends = _Ends()
        fit_member(member, images, train, validation, Path(folder), ends)
    return (_EPOCHS - 1) * n / (ends.times[-1] - ends.times[0])


def _child(trunk: str, way: str, steps: str, *photographs: str) -> None:
    if way == "plain script":
        from plain_training import plain_rate

        member = _experiment(trunk, repeatable=False).members[0]
        rate = plain_rate([Path(name) for name in photographs], member, int(steps), VALIDATION)
    else:
        rate = _rate(_experiment(trunk, repeatable=way == "kerasdr"), int(steps))
    print(json.dumps(rate))


if __name__ == "__main__":
    _child(*sys.argv[1:])
