"""Lower precision of a run's graphs: judged on validation people, and what is graded by them."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import resolve
from kerasdr.errors import KerasdrError
from kerasdr.no_telemetry import import_openvino
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.engine_openvino import OpenVINOEngine
from kerasdr.scoring.graphs import Precision
from kerasdr.training import precision as module
from kerasdr.training.experiment import train
from kerasdr.training.held_out import ask_members, open_run, open_test_part
from kerasdr.training.precision import lower_precision

pytestmark = pytest.mark.slow


@pytest.fixture
def has_bfloat16() -> None:
    """Skips on a processor that cannot run it."""
    openvino = import_openvino()

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")


class Heard(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    """A finished run of a dual and a single network."""
    raw = {
        "name": "small",
        "data": {"root": str(phantom_root)},
        "imaging": {"size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [16], "dropout": 0.2},
        "training": {"batch_size": 12},
        "stages": [{"name": "fit", "epochs": 2, "learning_rate": 2e-3}],
        "members": [{"name": "dual", "model": {"mode": "dual"}}, {"name": "single"}],
        "ensemble": {"methods": ["soft"]},
    }
    return train(resolve(raw), tmp_path_factory.mktemp("work") / "runs", Reporter()).run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    folder = tmp_path / "runs" / "small" / "one"
    shutil.copytree(trained, folder)
    return folder


def inputs(run: Path) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (5, 48, 48, 3), dtype=np.uint8)
    return {"image": images, "partner": images[::-1].copy(), "partner_present": np.ones((5, 1), np.float32)}


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_what_validation_does_not_notice_is_taken(
    precision: Precision, run: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if precision == "bfloat16":
        request.getfixturevalue("has_bfloat16")
    monkeypatch.setattr(module, "LARGEST_LOSS", 2.0)  # an untrained network's kappa is a matter of luck
    before, heard, given = load_bundle(run), Heard(), inputs(run)
    plain = OpenVINOEngine(before, 5, keep_compiled=False).run(0, given)[0]
    weights = dict(before.members[1].weights)
    after = lower_precision(run, precision, heard)
    graphs = after.graphs["openvino"]
    assert graphs.precision == precision and after.digest != before.digest
    assert set(graphs.validation_kappa) == {"float32", precision}
    assert any("validation photographs: " in line for line in heard.lines)
    lower = OpenVINOEngine(after, 5, keep_compiled=False).run(0, given)[0]
    assert np.abs(plain - lower).max() < 0.2
    if precision == "int8":
        assert np.abs(plain - lower).max() > 1e-6  # it is another network
        assert any(line.startswith("dual: calibrating int8 on ") for line in heard.lines)
    assert all(np.array_equal(after.members[1].weights[name], a) for name, a in weights.items())


def test_calibration_sees_training_photographs_and_nothing_else(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_LOSS", 2.0)
    monkeypatch.setattr(module, "_CALIBRATED_ON", 7)
    opened = open_run(run, Reporter())
    parts = dict(zip(opened.data.table["image_id"], opened.data.table["split"], strict=True))
    calibration, seen = module._calibration, []

    def watched(feed: Any, samples: Any) -> Any:
        chosen = calibration(feed, samples)
        assert len(chosen) == 7
        pictures = {feed.inputs(np.array([row]), np.array([-1]))["image"].tobytes(): row for row in samples.rows}
        seen.extend(opened.data.table["image_id"].iloc[pictures[part["image"].tobytes()]] for part in chosen)
        return chosen

    monkeypatch.setattr(module, "_calibration", watched)
    lower_precision(run, "int8", Reporter())
    assert len(seen) == 14 and {parts[name] for name in seen} == {"train"}


def test_what_costs_kappa_is_left(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([0.700, 0.695])  # in float32, then lower
    monkeypatch.setattr(module, "quadratic_kappa", lambda grades, predicted: next(told))
    before = load_bundle(run).digest
    with pytest.raises(KerasdrError, match=r"int8 costs 0.005 of kappa or more on \d+ validation photographs \(0.7000"):
        lower_precision(run, "int8", Reporter())
    assert load_bundle(run).digest == before
    told = iter([0.700, 0.6951])
    assert lower_precision(run, "int8", Reporter()).graphs["openvino"].precision == "int8"


def test_the_test_part_is_graded_at_the_bundles_precision(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_run(run, Reporter())
    plain = ask_members(opened, opened.data.table, Reporter())[1]
    monkeypatch.setattr(module, "LARGEST_LOSS", 2.0)
    lower = replace(opened, bundle=lower_precision(run, "int8", Reporter()))
    asked = ask_members(lower, lower.data.table, Reporter())[1]
    assert asked.shape == plain.shape and 0 < np.abs(asked - plain).max() < 0.2


def test_what_was_opened_before_says_by_what_it_was_graded(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_test_part(run, Reporter())
    assert "other graphs" not in open_test_part(run, Reporter()).opened
    monkeypatch.setattr(module, "LARGEST_LOSS", 2.0)
    before = load_bundle(run).digest[:12]
    lower_precision(run, "int8", Reporter())
    again = open_test_part(run, Reporter())
    assert again.metrics == first.metrics
    assert again.opened.endswith(f" and graded by {before}; the model has other graphs since")


def test_a_processor_without_bfloat16_cannot_judge_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = import_openvino()

    monkeypatch.setattr(openvino.Core, "get_property", lambda *arguments: ["FP32", "INT8"])
    with pytest.raises(KerasdrError, match="this processor has no bfloat16, so that it cannot be judged here"):
        lower_precision(run, "bfloat16", Reporter())


def test_without_nncf(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nncf", None)
    with pytest.raises(KerasdrError, match=r"int8 needs NNCF, which is not installed: pip install 'kerasdr\[int8\]'"):
        lower_precision(run, "int8", Reporter())


def test_changed_data_are_refused(run: Path, phantom_root: Path, tmp_path: Path) -> None:
    shutil.copytree(phantom_root, tmp_path / "other")
    config = (run / "config.yaml").read_text().replace(str(phantom_root), str(tmp_path / "other"))
    (run / "config.yaml").write_text(config)
    labels = tmp_path / "other" / "trainLabels.csv"
    labels.write_text(re.sub(r",0\b", ",1", labels.read_text(), count=1))
    with pytest.raises(KerasdrError, match="the photographs or labels have changed since"):
        lower_precision(run, "int8", Reporter())
