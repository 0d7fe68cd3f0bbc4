"""Photographs good and bad, a bundle without a real network, and an engine that needs no arithmetic library."""

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from tests.scoring.hash_engine import HashEngine

SIZE = 48


def _encode(ending: str, rgb: np.ndarray) -> bytes:
    return cv2.imencode(ending, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.fixture(scope="session")
def eyes() -> list[np.ndarray]:
    """Eight different photographs that can be graded, RGB."""
    drawn = [eye for person in range(10) for eye in draw_person(5, person, 128) if eye.quality == "gradable"]
    return [eye.image for eye in drawn[:8]]


@pytest.fixture(scope="session")
def good(eyes: list[np.ndarray]) -> list[bytes]:
    """Eight different photographs that can be graded, PNG."""
    return [_encode(".png", eye) for eye in eyes]


@pytest.fixture(scope="session")
def bad(eyes: list[np.ndarray]) -> dict[str, bytes]:
    """Files that cannot be graded: ``dark`` is ungradable, the others fail."""
    jpeg = _encode(".jpg", eyes[0])
    # A PNG of a few bytes that would be 7.5 GB of pixels.
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))
    return {
        "empty": b"",
        "text": b"patient did not come\n",
        "cut": jpeg[: len(jpeg) // 2],
        "bomb": bomb,
        "dark": _encode(".png", np.zeros((128, 128, 3), np.uint8)),
    }


class FakeEngine(HashEngine):
    """The engine of hashes, which remembers every batch."""

    def __init__(self, bundle: Bundle, batch_size: int, gradcam: bool) -> None:
        super().__init__(gradcam)
        self.bundle, self.batch_size = bundle, batch_size
        self.batches: list[Batch] = []

    def predict(self, batch: Batch) -> EngineOutput:
        self.batches.append(batch)
        return super().predict(batch)


class Factory:
    """Makes fake engines and keeps them."""

    def __init__(self) -> None:
        self.made: list[FakeEngine] = []

    def __call__(self, bundle: Bundle, batch_size: int, gradcam: bool) -> FakeEngine:
        self.made.append(FakeEngine(bundle, batch_size, gradcam))
        return self.made[-1]

    @property
    def batches(self) -> list[Batch]:
        return [batch for engine in self.made for batch in engine.batches]


@pytest.fixture
def factory() -> Factory:
    return Factory()


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Path]:
    """Writes a bundle whose weights fit no network, which the fake engine does not mind."""

    def make(
        folder: Path,
        *,
        members: Sequence[tuple[str, dict[str, Any], str]] = (
            ("dual", {"mode": "dual"}, "clahe-crop"),
            ("single", {}, "clahe-crop"),
        ),
        **changes: Any,
    ) -> Path:
        made = [
            BundleMember(
                name,
                ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (8,), **model}),
                get_recipe(recipe, SIZE),
                {"0000:conv/kernel": np.arange(12, dtype=np.float32).reshape(3, 4) + place, "0001:count": np.array(7)},
            )
            for place, (name, model, recipe) in enumerate(members)
        ]
        content = {
            "name": "fake-1",
            "members": made,
            "ensemble": EnsembleSpec("soft", (1 / len(made),) * len(made)),
            "validation": {"quadratic_kappa": 0.5},
        }
        write_bundle(folder, **{**content, **changes})
        return folder

    return make


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A dual (both-eyes) and a single member, one recipe."""
    return load_bundle(make_bundle(tmp_path_factory.mktemp("model") / "bundle"))
