"""Phantoms as files: JPEG and PNG that say of themselves that they are synthetic, and masks."""

import struct
import zlib
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

STATEMENT: Final = (
    "Synthetic photographs drawn by kerasdr. No person was photographed; lesions and grades are invented."
)


def encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of an RGB picture ``(H, W, 3)`` with a comment that says that it is synthetic."""
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    comment = STATEMENT.encode("ascii")
    # A comment segment (COM) right behind the start of the image.
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]


def encode_png(image: NDArray[np.unsignedinteger]) -> bytes:
    """Return a PNG of an RGB picture ``(H, W, 3)``, of 8 or 16 bits, with a comment that says that it is synthetic."""
    data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    text = b"tEXtComment\0" + STATEMENT.encode("ascii")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    # The header is the first chunk always: 8 bytes of signature, 25 of header.
    return data[:33] + chunk + data[33:]


def encode_mask(labels: NDArray[np.uint8]) -> bytes:
    """Return a grey PNG of label values ``(H, W)``."""
    # Masks are almost all zeros, so OpenCV's own choice, run lengths, is both quick and small.
    return cv2.imencode(".png", labels)[1].tobytes()
