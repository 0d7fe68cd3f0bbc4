"""The command line in this process, with an engine that needs no network."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.golden import make_golden


@dataclass(frozen=True)
class Ran:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error that people can mend."""
        return self.left(1)

    @property
    def refused(self) -> str:
        """The one line that says why a model is not to grade."""
        return self.left(6)

    def left(self, code: int) -> str:
        """The one line of an error with some exit code, beside which a key may have been made."""
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: made the key ")]
        assert self.code == code and len(lines) == 1 and lines[0].startswith("error: "), (self.code, self.err)
        assert self.out == ""
        return lines[0].removeprefix("error: ")

    @property
    def usage(self) -> str:
        """The last line of a complaint about usage."""
        assert self.code == 2 and self.err.startswith("Usage: kerasdr"), (self.code, self.err)
        return self.err.splitlines()[-1]


Kerasdr = Callable[..., Ran]


@pytest.fixture
def kerasdr(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Kerasdr:
    """Runs the command in an empty folder; errors go the way they go in a terminal."""
    from kerasdr.cli.main import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["kerasdr", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run


class FakeEngine:
    """Grade 3, always."""

    def predict(self, batch: Batch) -> EngineOutput:
        n = len(batch)
        return EngineOutput(np.tile([0.05, 0.05, 0.1, 0.7, 0.1], (n, 1)), np.ones((n, 4, 4), np.float32))


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, bool, str, int | None]]:
    """Puts the fake engine in the place of Keras and lists what was asked for: bundle, batch size, Grad-CAM, name, cores."""
    asked: list[tuple[str, int, bool, str, int | None]] = []

    def make(bundle: Bundle, batch_size: int, gradcam: bool, *, engine: str, cores: int | None) -> FakeEngine:
        asked.append((bundle.name, batch_size, gradcam, engine, cores))
        return FakeEngine()

    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", make)
    monkeypatch.setattr("kerasdr.cli.job_options.load_keras_quietly", lambda: None)
    return asked


@pytest.fixture(scope="session")
def eye() -> bytes:
    """A photograph that can be graded, PNG."""
    picture = cv2.cvtColor(draw_person(5, 0, 128)[0].image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture
def model(tmp_path: Path, eye: bytes) -> str:
    """A bundle in the folder ``model``, with golden photographs that the fake engine answers."""
    spec = ModelSpec(trunk="tiny", weights="none")
    member = BundleMember("only", spec, get_recipe("clahe-crop", 48), {"0000:a": np.zeros(2, np.float32)})
    soft = EnsembleSpec("soft", (1.0,))
    golden = make_golden(Bundle("fake-1", "", (member,), soft, 100.0, {}), FakeEngine(), {"1.png": eye}, "fake")
    write_bundle(tmp_path / "model", name="fake-1", members=[member], ensemble=soft, validation={}, golden=golden)
    return "model"
