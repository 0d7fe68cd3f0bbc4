"""``kerasdr bench`` runs every part and reckons from what it measured; how fast this machine is is no test's business."""

import json
import subprocess
from pathlib import Path

import pytest

from kerasdr.scoring import benchmark
from kerasdr.scoring.benchmark import Benchmark, Spread
from kerasdr.scoring.build import rebuild
from tests.cli.conftest import Kerasdr
from tests.cli.test_bundle import real

__all__ = ["real"]


def test_figures_are_reckoned_from_rates() -> None:
    rates = {
        name: Spread(values)
        for name, values in {
            "decode": (90.0, 100.0, 300.0),
            "networks": (27.5,),
            "networks and Grad-CAM": (25.0,),
            "job": (16.0, 15.0, 18.0),
        }.items()
    }
    measured = Benchmark("openvino", 2, 40, rates, Spread((1.0, 3.0, 2.0)))
    assert measured.bound == pytest.approx(20.0)
    assert measured.share_of_bound == pytest.approx(0.8)
    assert measured.surcharge == pytest.approx(0.1)
    assert measured.hours(16 * 3600 * 5) == pytest.approx(5.0)
    assert str(measured.rates["decode"]).split() == ["100.0", "(90.0", "to", "300.0)"]


def test_the_command(kerasdr: Kerasdr, real: Path, eye: bytes) -> None:
    rebuild(real, ["openvino"])
    Path("in").mkdir()
    for name in ("1_left", "1_right", "2_left"):
        Path(f"in/{name}.png").write_bytes(eye)
    Path("in/bad.png").write_bytes(b"text")
    ran = kerasdr("bench", "in", "--rounds", "1", "--jobs", "2", "--photographs", "500", "--json", "b.json")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert "1 networks, engine openvino, 2 cores, 3 photographs (1 inputs), 1 rounds" in lines[0]
    assert lines[-1] == "  name 24 or more to hear how long a job takes: its start and end weigh on 3"
    for number in range(3, 30):
        Path(f"in/{number}_left.png").write_bytes(eye)
    more = kerasdr("bench", "in", "--rounds", "1", "--jobs", "2", "--photographs", "500").out.splitlines()
    assert more[-1].startswith("  500 photographs like these would take ") and more[-1].endswith(" hours")
    content = json.loads(Path("b.json").read_text())
    assert set(content["rates"]) == {
        *("decode", "prepare", "networks", "networks and Grad-CAM", "job without pictures", "job")
    }
    assert all(value > 0 for values in content["rates"].values() for value in values)
    assert content["share_of_bound"] > 0 and len(content["start_seconds"]) == 3


def test_a_job_that_is_refused_is_told_with_its_reason(
    kerasdr: Kerasdr, real: Path, eye: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.png").write_bytes(eye)
    sums = (real / "SHA256SUMS").read_text()

    def damage(*_: object) -> dict[str, Spread]:
        (real / "SHA256SUMS").write_text("")
        return {}

    # Behind what bench has read of the model, before the processes that read it for themselves.
    monkeypatch.setattr(benchmark, "_rates", damage)
    monkeypatch.setattr(benchmark, "make_engine", lambda *_, **__: None)
    said = kerasdr("bench", "a.png", "--engine", "keras").error
    refused = kerasdr("predict", "a.png", "--model", str(real.parent), "--out", "out.csv").refused
    assert said == f"`kerasdr predict` of one photograph ended with exit code 6: {refused}"

    monkeypatch.setattr(benchmark, "_rates", lambda *_: {})
    ended = subprocess.CompletedProcess([], -9, b"", b"")
    monkeypatch.setattr(benchmark.subprocess, "run", lambda *_, **__: ended)
    (real / "SHA256SUMS").write_text(sums)
    assert kerasdr("bench", "a.png", "--engine", "keras").error.endswith(" ended with exit code -9")


def test_nothing_to_measure_on(kerasdr: Kerasdr, real: Path) -> None:
    Path("bad.png").write_bytes(b"text")
    assert kerasdr("bench", "bad.png").error.startswith("none of the 1 photographs can be graded; bad.png: ")
    assert kerasdr("bench", "gone.png").error.endswith("; gone.png: file not found: check the name")
