"""What all tests share: small phantoms, drawn once, and a small experiment on them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache folder stays as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def phantom_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms of 30 people at 160 px, layout eyepacs."""
    from kerasdr.data.phantom import write_phantoms

    root = tmp_path_factory.mktemp("data") / "phantoms"
    write_phantoms(root, people=30, seed=7, size=160)
    return root


@pytest.fixture
def small(phantom_root: Path) -> dict[str, Any]:
    """Raw configuration of an experiment of seconds."""
    return {
        "name": "small",
        "data": {
            "layout": "eyepacs",
            "root": str(phantom_root),
            "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
        },
        "imaging": {"recipe": "clahe-crop", "size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [16], "dropout": 0.2},
        "training": {"batch_size": 12},
        "stages": [{"name": "fit", "epochs": 2, "learning_rate": 2e-3}],
        "members": [
            {"name": "dual", "model": {"mode": "dual"}},
            {"name": "single"},
        ],
    }
