"""Grading where no address can be reached."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.build import rebuild
from kerasdr.scoring.bundle import BundleMember, write_bundle

CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"  # an address of documentation (RFC 5737)
PREDICT = "import sys; from kerasdr.cli.main import main; sys.argv[0] = 'kerasdr'; main()"


@functools.cache
def without_network() -> list[str]:
    """Return how a program is begun without a network, or nothing if that is not permitted here."""
    for begin in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and subprocess.run([*begin, "true"], capture_output=True).returncode == 0:
            return begin
    return []


def test_predict_grades_without_a_network(tmp_path: Path, eye: bytes) -> None:
    from kerasdr.models import build_classifier, get_weights

    if not (begin := without_network()):
        pytest.skip("unshare is not there, or not permitted")
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,))
    weights = get_weights(build_classifier(spec, 64, seed=1))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 64), weights)
    ensemble = EnsembleSpec("soft", (1.0,))
    write_bundle(tmp_path / "model", name="real-1", members=[member], ensemble=ensemble, validation={})
    rebuild(tmp_path / "model", ["openvino"])
    (tmp_path / "a_left.png").write_bytes(eye)
    connected = subprocess.run([*begin, sys.executable, "-c", CONNECT], capture_output=True, text=True)
    assert connected.returncode != 0 and "Network is unreachable" in connected.stderr
    command = [*begin, sys.executable, "-c", PREDICT, "predict", "a_left.png", "--out", "g.csv", "--model", "model"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("1 listed = 1 graded + ")
    assert len(list((tmp_path / "g_gradcam").iterdir())) == 1
