"""PNG files: the pixels that were given, to any reader, and nothing else."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from kerasdr.scoring.png import SIGNATURE, encode_png


def chunks(png: bytes) -> list[bytes]:
    """Return the kinds of a PNG's chunks, whose checksums fit, up to its very end."""
    assert png.startswith(SIGNATURE)
    kinds, place = [], len(SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kinds.append(png[place + 4 : place + 8])
        (crc,) = struct.unpack_from(">I", png, place + 8 + length)
        assert crc == zlib.crc32(png[place + 4 : place + 8 + length])
        place += length + 12
    assert place == len(png)
    return kinds


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (9, 1, 3), (600, 1118, 3)])
@pytest.mark.parametrize("kind", ["noise", "flat", "steps"])
def test_any_reader_gets_the_pixels_back(shape: tuple[int, ...], kind: str) -> None:
    random = np.random.default_rng(1)
    picture = {
        "noise": random.integers(0, 256, shape, np.uint8),
        "flat": np.full(shape, 255, np.uint8),
        "steps": (np.indices(shape).sum(axis=0) % 256).astype(np.uint8),
    }[kind]
    png = encode_png(picture)
    back = cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
    assert back.shape == shape and (back == picture).all()
    assert chunks(png) == [b"IHDR", b"IDAT", b"IEND"]
    assert encode_png(picture[:, ::1]) == png


def test_a_view_is_as_good_as_a_copy() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (20, 30, 3), np.uint8)
    assert encode_png(picture[::2, 5:, ::-1]) == encode_png(picture[::2, 5:, ::-1].copy())


@pytest.mark.parametrize(
    ("shape", "kind"), [((4, 4), np.uint8), ((4, 4, 4), np.uint8), ((4, 4, 3), np.float32), ((0, 4, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused(shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        encode_png(np.zeros(shape, kind))
