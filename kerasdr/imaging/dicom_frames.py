"""The frames of a DICOM file that are encoded: what they say of themselves, read before any of their pixels is decoded."""

import struct

import pydicom
from pydicom import uid
from pydicom.encaps import get_frame

from kerasdr.imaging.dicom import DAMAGED, Layout
from kerasdr.imaging.headers import UnreadablePhotograph

JPEG = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1})
_JPEG_LS = frozenset({uid.JPEGLSLossless, uid.JPEGLSNearLossless})
# Start of the codestream and SIZ, which is always its first segment; ISO 15444-1 A.5.1.
_JPEG_2000 = b"\xff\x4f\xff\x51"
# Start of frame: all kinds of JPEG, and JPEG-LS.
_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
# APP14 as Adobe writes it, of 14 bytes; the last says whether the colours were transformed. Others are not heeded by libjpeg.
_ADOBE = b"\xff\xee\x00\x0eAdobe"
_ADOBE_VERSION_AND_FLAGS = b"\x00\x64\x00\x00\x00\x00"


def encoded_frame(dataset: pydicom.FileDataset, layout: Layout) -> bytes:
    """Return the frame that is wanted, still encoded.

    Raises:
        UnreadablePhotograph: if it is JPEG, JPEG-LS or JPEG 2000 of another size than the DICOM header says, which would be
            decoded to more than was checked, or to lines that are broken at the wrong places.
    """
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    frame = get_frame(
        dataset.PixelData,
        layout.frame,
        number_of_frames=layout.frames,
        extended_offsets=None if None in offsets else offsets,
    )
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in JPEG | _JPEG_LS:
        rows, columns = struct.unpack_from(">HH", _jpeg_header(frame), 1)
    elif syntax in uid.JPEG2000TransferSyntaxes:
        right, bottom, left, top, samples = struct.unpack_from(">4I16xH", frame, frame.index(_JPEG_2000) + 8)
        rows, columns = bottom - top, right - left
        if samples != layout.samples:
            raise UnreadablePhotograph(DAMAGED)
    else:
        return frame
    if (rows, columns) != (layout.rows, layout.columns):
        raise UnreadablePhotograph(DAMAGED)
    return frame


def with_its_colours(frame: bytes, colours: str) -> bytes:
    """Have a JPEG of three colours say which these are, if it does not: else codecs guess, where the DICOM header knows.

    Where the first colour is stored finer than the second, it is brightness, whatever the header says.
    """
    tables = frame[: frame.find(b"\xff\xda")]
    if b"JFIF\0" in tables or _ADOBE in tables:
        return frame
    header = _jpeg_header(frame)
    transformed = b"\0" if colours == "RGB" and header[7:8] == header[10:11] else b"\1"
    return frame[:2] + _ADOBE + _ADOBE_VERSION_AND_FLAGS + transformed + frame[2:]


def _jpeg_header(frame: bytes) -> bytes:
    """Return what JPEG and JPEG-LS say of themselves: bits, rows, columns, number of colours, and three bytes of each."""
    if frame[:2] != b"\xff\xd8":
        raise UnreadablePhotograph(DAMAGED)
    at = 2
    while True:
        while frame[at : at + 2] == b"\xff\xff":
            at += 1
        start, marker, length = struct.unpack_from(">BBH", frame, at)
        if start != 0xFF or marker == 0xDA:  # no marker, or the pixels already
            raise UnreadablePhotograph(DAMAGED)
        if marker in _FRAME:
            return frame[at + 4 : at + 2 + length]
        at += 2 + length
