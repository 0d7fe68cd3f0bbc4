"""Discs of known place, encoded pictures, and the real photographs where they are at hand."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encodes an array or a Pillow picture in a format that Pillow names."""
    from PIL import Image

    def encode(picture: Any, kind: str, **options: Any) -> bytes:
        image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def draw_disc() -> Callable[..., NDArray[np.uint8]]:
    """Draws a disc with some structure on black: ``(height, width, x, y, radius, light)``."""

    def draw(
        height: int, width: int, x: float, y: float, radius: float, light: float = 180.0, background: float = 0.0
    ) -> NDArray[np.uint8]:
        rows, columns = np.mgrid[:height, :width]
        inside = np.hypot(columns - x, rows - y) <= radius
        texture = 1 + 0.1 * np.sin(columns / 11) * np.cos(rows / 7)
        values = np.where(inside, light * texture, background)[..., None] * np.array([1.0, 0.6, 0.3])
        return np.clip(values, 0, 255).astype(np.uint8)

    return draw


@pytest.fixture
def highres() -> list[Path]:
    """Real photographs at the camera's own size."""
    files = sorted((REAL / "highres").glob("*.jpeg"))
    if not files:
        pytest.skip("the photographs of full size are not beside the checkout")
    return files


@pytest.fixture
def eyepacs() -> list[Path]:
    """720 real photographs of screening."""
    files = sorted((REAL / "eyepacs" / "train").glob("*.jpeg"))
    if not files:
        pytest.skip("the EyePACS photographs are not beside the checkout")
    return files
