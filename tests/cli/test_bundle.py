"""``kerasdr bundle``: what a model carries, and its graphs."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, load_bundle, write_bundle
from tests.cli.conftest import Kerasdr


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of one untrained network in ``runs/a/one``, which is chosen."""
    from kerasdr.models import build_classifier, get_weights

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 48), get_weights(build_classifier(spec, 48, seed=1)))
    folder = tmp_path / "runs" / "a" / "one" / "bundle"
    folder.parent.mkdir(parents=True)
    write_bundle(folder, name="real-1", members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
    (tmp_path / "runs" / "chosen").write_text("a/one\n")
    return folder


def test_show_and_build(kerasdr: Kerasdr, real: Path, eye: bytes) -> None:
    before = kerasdr("bundle", "show")
    assert before.code == 0
    assert before.out.splitlines()[:3] == [
        f"{load_bundle(real).label}: 1 networks, combined by soft",
        "  only: tiny, single, clahe-crop at 48 px, weight 1.00",
        "  engine on this machine: keras",
    ]
    Path("a.png").write_bytes(eye)
    assert kerasdr("predict", "a.png", "--out", "keras.csv").code == 0
    built = kerasdr("bundle", "build", "runs/a/one", "--engine", "openvino", "--engine", "onnxruntime")
    label = load_bundle(real).label
    assert (built.code, built.err) == (0, "")
    assert [line.split(";")[0].rsplit(" ", 2)[0::2] for line in built.out.splitlines()] == [
        [f"{label}: graphs for openvino", "float32"],
        [f"{label}: graphs for onnxruntime", "float32"],
    ]
    after = kerasdr("bundle", "show", "runs/chosen").out
    assert "  graphs for openvino 2" in after and "  engine on this machine: openvino" in after
    rows = {}
    for engine in ("openvino", "onnxruntime"):
        assert kerasdr("predict", "a.png", "--out", f"{engine}.csv", "--engine", engine).code == 0
        rows[engine] = Path(f"{engine}.csv").read_text().splitlines()[1].split(",")
    keras = Path("keras.csv").read_text().splitlines()[1].split(",")
    for row in rows.values():
        assert row[2] == keras[2]
        assert np.array(row[4:9], float) == pytest.approx(np.array(keras[4:9], float), abs=1e-5)
        assert cv2.imread(row[12]) is not None


def test_what_cannot_be_built(kerasdr: Kerasdr, real: Path) -> None:
    assert kerasdr("bundle", "build", "runs/none").error.startswith("no model at runs/none: train one")
    assert kerasdr("bundle", "build", "--engine", "tensorrt").usage.startswith("Error: Invalid value for '--engine'")
    manifest = json.loads((real / "manifest.json").read_text())
    (real / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json was changed since it was written" in kerasdr("bundle", "build").refused
    assert "manifest.json was changed since it was written" in kerasdr("bundle", "show").refused


def test_a_lower_precision_needs_the_run_and_its_data(kerasdr: Kerasdr, real: Path) -> None:
    said = kerasdr("bundle", "build", "runs/a/one", "--precision", "int8").error
    assert said.startswith("runs/a/one is no run with data to judge int8 by: name the run's folder")
    usage = kerasdr("bundle", "build", "--precision", "int8", "--engine", "onnxruntime").usage
    assert usage == "Error: --precision int8 is for the engine openvino alone"


def test_an_engine_that_the_model_has_no_graphs_for(kerasdr: Kerasdr, real: Path, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--engine", "openvino")
    warning, said = ran.err.splitlines()
    assert ran.code == 1 and "carries no golden photographs" in warning
    assert "has no graphs for the engine openvino: make them with `kerasdr bundle build --engine openvino`" in said
    assert not Path("out.csv").exists()
