"""PNG files of the pictures: pixels and nothing else."""

import struct
import zlib

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2  # filter type: each byte less the one above it
# ISA-L's fast levels, measured on phantoms and real photographs: a quarter of the time that zlib takes at its fastest, and
# libpng with it, for fewer bytes. Level 0 saves no time and costs a third more bytes.
_LEVEL = 1


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture ``(H, W, 3)`` uint8 RGB as a PNG file.

    Its chunks are IHDR, one IDAT and IEND: no time, no text, no profile (PNG specification, third edition, W3C 2025).
    OpenCV's own encoder gives the same pixels in four times as long.

    Raises:
        ValueError: if it is no such picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise ValueError(f"a picture is (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
    height, width, _ = picture.shape
    rows = picture.reshape(height, -1)
    lines = np.empty((height, 1 + rows.shape[1]), np.uint8)
    lines[:, 0] = _UP
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])  # modulo 256, as the format has it
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    parts = ((b"IHDR", header), (b"IDAT", isal_zlib.compress(lines, _LEVEL)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
