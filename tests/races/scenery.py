"""What all races need: phantoms in a folder, a bundle that needs no training, a job by a hash, and what it left."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hash_engine import HashEngine

from kerasdr.config import ModelSpec
from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.job import Summary, run_job

SIZE, BATCH = 48, 4


class SlowHash(HashEngine):
    """A hash that takes its time, so that a job is at work for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def predict(self, batch: Batch) -> EngineOutput:
        """Return probabilities and heat maps."""
        time.sleep(self._seconds)
        return super().predict(batch)


def phantoms(count: int, seed: int) -> list[bytes]:
    """Draw gradable phantoms as PNG files, two of each person, left and right."""
    found: list[bytes] = []
    person = 0
    while len(found) < count:
        eyes = draw_person(seed, person, 96)
        person += 1
        if all(eye.quality == "gradable" for eye in eyes):
            found += [cv2.imencode(".png", cv2.cvtColor(eye.image, cv2.COLOR_RGB2BGR))[1].tobytes() for eye in eyes]
    return found[:count]


def hash_bundle(folder: Path) -> Bundle:
    """Write and load a bundle of one single network, whose weights nobody runs."""
    spec = ModelSpec.model_validate({"trunk": "tiny", "weights": "none", "mode": "single"})
    member = BundleMember("only", spec, get_recipe("crop", SIZE), {"0000:count": np.array(7)})
    write_bundle(folder, name="hash", members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
    return load_bundle(folder)


def grade(inputs: list[str], bundle: Bundle, out: Path, seconds: float = 0.0, **options: Any) -> Summary:
    """Do a job by the hash, with reading processes as ever unless ``options`` say otherwise."""
    return run_job(
        inputs, bundle, out, batch_size=BATCH, factory=lambda *_: SlowHash(seconds), engine="openvino", **options
    )


def results(out: Path) -> dict[str, bytes]:
    """Return CSV and pictures by their names."""
    wanted = [path for path in out.rglob("*") if path.is_file() and path.suffix in (".csv", ".png")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(wanted)}
