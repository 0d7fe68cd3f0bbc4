"""Training with JAX: it takes the steps that TensorFlow takes, and leaves a run that any engine grades with."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasdr.scoring.bundle import load_bundle
from tests.training.conftest import OFF

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")

# Of both kinds, a trunk with batch norm that is trained, attention, a dual member and cached features.
CONFIG = {
    "name": "both",
    "data": {
        "layout": "eyepacs",
        "phantom": {"people": 16, "seed": 3, "size": 128},
        "split": {"train": 0.6, "validation": 0.4, "test": 0.0},
    },
    "imaging": {"recipe": "crop", "size": 32},
    "augment": OFF,
    "training": {"batch_size": 8, "partner_dropout": 0.0, "checkpoint": "last"},
    "model": {"trunk": "tiny", "weights": "none", "head_units": [8], "dropout": 0.0, "head_norm": True},
    "stages": [{"name": "fit", "epochs": 2, "learning_rate": 5e-3}],
    "members": [
        {"name": "single", "model": {"attention": "cbam"}},
        {"name": "dual", "model": {"mode": "dual"}},
    ],
}


def train(folder: Path, backend: str, *settings: str) -> "subprocess.Popen[str]":
    """Begin to train in a process of its own, since Keras takes one framework a process."""
    (folder / backend).mkdir(parents=True)
    options = [word for setting in settings for word in ("--set", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "kerasdr", "train", str(folder.parent / "both.yaml"), *options],
        cwd=folder / backend,
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_of(training: "subprocess.Popen[str]", folder: Path, backend: str) -> Path:
    """Wait for a training, and return its run's folder."""
    said = training.communicate()[1]
    assert training.returncode == 0, said
    (run,) = (folder / backend / "runs" / "both").iterdir()
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two runs that begin from the weights of a third."""
    folder = tmp_path_factory.mktemp("jax")
    (folder / "both.yaml").write_text(json.dumps(CONFIG))
    before = folder / "before"
    start = run_of(train(before, "tensorflow", "stages.0.epochs=1", "bundle.engines=[]"), before, "tensorflow")
    given = [
        f"members.{place}.model.weights={start}/members/{name}/weights.npz"
        for place, name in enumerate(("single", "dual"))
    ]
    trainings = {backend: train(folder / "after", backend, *given) for backend in ("tensorflow", "jax")}
    return {backend: run_of(training, folder / "after", backend) for backend, training in trainings.items()}


def column(run: Path, member: str, name: str) -> list[float]:
    with open(run / "members" / member / "history.csv", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("member", ["single", "dual"])
def test_jax_takes_the_steps_that_tensorflow_takes(runs: dict[str, Path], member: str) -> None:
    for name in ("loss", "val_loss"):
        ours, theirs = (column(runs[backend], member, name) for backend in ("jax", "tensorflow"))
        assert ours == pytest.approx(theirs, rel=1e-4)
        assert theirs[0] != pytest.approx(theirs[1], rel=1e-3)  # something was learnt


def test_what_jax_trained_is_graded_by_graphs_and_says_the_same(runs: dict[str, Path]) -> None:
    ours, theirs = (load_bundle(runs[backend] / "bundle") for backend in ("jax", "tensorflow"))
    assert set(ours.graphs) == {"openvino"}
    for one, other in zip(ours.members, theirs.members, strict=True):
        assert one.weights.keys() == other.weights.keys()
        for name, weights in one.weights.items():
            np.testing.assert_allclose(weights, other.weights[name], atol=2e-3, err_msg=name)
    assert "jax" in json.loads((runs["jax"] / "environment.json").read_text())["packages"]
