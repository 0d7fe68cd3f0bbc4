"""Scoring does not need TensorFlow in memory unless the Keras engine is what runs it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from kerasdr import load_bundle, run_job
from kerasdr.scoring.engine import EngineOutput

class Engine:
    def predict(self, batch):
        n = len(batch)
        return EngineOutput(np.tile([0.1, 0.1, 0.6, 0.1, 0.1], (n, 1)), np.ones((n, 4, 4), np.float32))

folder = Path(sys.argv[1])
bundle = load_bundle(folder / "bundle")
summary = run_job([str(folder / "a.png")], bundle, folder / "out.csv", factory=lambda *options: Engine())
print(summary.sentence())
heavy = {"tensorflow", "keras", "keras_cv", "tf_keras_vis", "sklearn", "matplotlib", "scipy", "click"}
print(sorted(heavy & set(sys.modules)))
"""


def test_other_engine_needs_no_keras(tmp_path: Path, make_bundle: Callable[..., Path], good: list[bytes]) -> None:
    make_bundle(tmp_path / "bundle")
    (tmp_path / "a.png").write_bytes(good[0])
    ran = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "1 listed = 1 graded + 0 ungradable + 0 failed; 1 referable (grade 2 or worse)",
        "[]",
    ]
