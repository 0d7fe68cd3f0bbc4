"""What a photograph's first bytes say, read before any pixel is decoded."""

import io
import struct
from dataclasses import dataclass

from kerasdr.errors import KerasdrError
from kerasdr.extras import how_to_install

DICOM_BEGIN = 132
"""Bytes of a DICOM file that tell it from others."""
_SCANS_AT_MOST = 256
# BYTE, SHORT and LONG of EXIF.
_EXIF_NUMBERS = {1: "B", 3: "H", 4: "I"}


class UnreadablePhotograph(KerasdrError):
    """A file that is no photograph we can read; the message says what to do about it, without naming the file."""


class NotReadHere(UnreadablePhotograph):
    """A photograph that lacks nothing but a package that reads it; with that it will be read."""


@dataclass(frozen=True)
class Header:
    """Facts of a picture file.

    Attributes:
        format: ``jpeg``, ``png``, ``tiff``, ``bmp``, ``webp`` or ``dicom``.
        width, height: stored size in pixels, before orientation.
        orientation: EXIF orientation, 1-8; 1 for TIFF, whose decoders bring it upright by themselves.
        cmyk: four colours of print instead of RGB.
        complete: whether the file's end is there; of DICOM only decoding tells.
        frames: pictures of this size in the file, as far as its format tells before decoding.
        note: what a person should know who gets a grade of it, or empty.
        eye: ``left`` or ``right`` where the file says so, or empty.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    cmyk: bool = False
    complete: bool = True
    frames: int = 1
    note: str = ""
    eye: str = ""


def is_dicom(data: bytes) -> bool:
    """Whether a file's first :data:`DICOM_BEGIN` bytes are those of DICOM, whatever stands before its prefix."""
    return data[128:DICOM_BEGIN] == b"DICM"


def read_header(data: bytes, *, max_megapixels: float = 100.0) -> Header:
    """Read a picture's header.

    Args:
        data: the file's bytes.
        max_megapixels: what is not unpacked to more than that, where a header has to be unpacked; no other limit.

    Raises:
        NotReadHere: if it is DICOM, and pydicom is not installed.
        UnreadablePhotograph: if the bytes are empty, no picture, of a format that is not read, or damaged at their head.
    """
    if not data:
        raise UnreadablePhotograph("the file is empty: copy it again from the camera")
    if is_dicom(data):
        return _dicom(data, max_megapixels)
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(data)
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return Header("bmp", abs(width), abs(height), complete=len(data) >= struct.unpack_from("<I", data, 2)[0])
        if data[:4] in (b"II*\0", b"MM\0*") or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
            return _by_pillow(data)
    except (struct.error, IndexError, ValueError) as error:
        raise UnreadablePhotograph("the file is damaged: copy it again from the camera") from error
    raise UnreadablePhotograph(
        "this is not a photograph (JPEG, PNG, TIFF, BMP, WebP or DICOM): check what was saved here"
    )


def _dicom(data: bytes, max_megapixels: float) -> Header:
    try:
        from kerasdr.imaging.dicom import read_dicom_header
    except ModuleNotFoundError as error:
        raise NotReadHere(
            f"this is a DICOM file: install what reads it ({how_to_install('pydicom')}), "
            "or export the photograph as JPEG, PNG or TIFF"
        ) from error
    return read_dicom_header(data, max_megapixels)


def _jpeg(data: bytes) -> Header:
    # Segments are 0xFF, marker, two bytes of length; the picture begins after SOS (0xDA). Thumbnails in EXIF have an end
    # marker of their own, so only one after SOS says that the picture is whole.
    width = height = components = 0
    orientation = 1
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker in (0x01, *range(0xD0, 0xD9)):
            at += 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        body = at + 4
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width, components = struct.unpack_from(">HHB", data, body + 1)
        elif marker == 0xE1 and data[body : body + 6] == b"Exif\0\0":
            orientation = _orientation(data[body : at + 2 + length])
        elif marker == 0xDA:
            break
        elif marker == 0xD9:
            raise ValueError("end before the picture")
        at += 2 + length
    if width == 0 or height == 0:
        raise ValueError("no size")
    # Each scan of a progressive picture is a walk over all of it, and a few bytes are enough for one. Cameras write up to ten.
    # Behind its end there may be anything, such as a film.
    if data.count(b"\xff\xda", at, data.find(b"\xff\xd9", at)) > _SCANS_AT_MOST:
        raise UnreadablePhotograph(f"the picture has more than {_SCANS_AT_MOST} scans: save it anew")
    return Header("jpeg", width, height, orientation, components == 4, data.rfind(b"\xff\xd9") > at)


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation = 1
    at = 8
    while True:
        if at + 8 > len(data):
            return Header("png", width, height, orientation, complete=False)
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"eXIf":
            orientation = _orientation(b"Exif\0\0" + data[at + 8 : at + 8 + length])
        if kind == b"IEND":
            return Header("png", width, height, orientation, complete=at + 12 <= len(data))
        at += 12 + length


def _by_pillow(data: bytes) -> Header:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            orientation = 1 if picture.format == "TIFF" else picture.getexif().get(0x0112, 1)
            orientation = orientation if orientation in range(1, 9) else 1
            # Room was made for the whole file, and the copy broken off: WebP has neither an end nor a check sum to tell.
            complete = picture.format != "WEBP" or any(data[: _riff_end(data)][-_zeros_at_most(*picture.size) :])
            return Header(str(picture.format).lower(), *picture.size, orientation, picture.mode == "CMYK", complete)
    except Image.DecompressionBombError:
        return Header("tiff", 1 << 20, 1 << 20)  # more pixels than any limit lets through
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds on damaged files
        raise ValueError("Pillow cannot open it") from error


def _zeros_at_most(width: int, height: int) -> int:
    # Black below the retina ends as zeros: of 12 and 16 megapixels at most 223 bytes were seen.
    return 256 + width * height // 16384


def _riff_end(data: bytes) -> int:
    return int(8 + struct.unpack_from("<I", data, 4)[0])


def _orientation(exif: bytes) -> int:
    # Read here and not by Pillow, which a machine that only grades need not have. EXIF 2.3: a TIFF of two bytes of byte order,
    # two of 42, four that say where the list of tags is; a tag has 12 bytes: number, type, count, value.
    tiff = exif[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    try:
        if order is None:
            return 1
        start = struct.unpack_from(f"{order}I", tiff, 4)[0]
        for place in range(struct.unpack_from(f"{order}H", tiff, start)[0]):
            at = start + 2 + 12 * place
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, at)
            if tag == 0x0112 and kind in _EXIF_NUMBERS and count == 1:
                value = int(struct.unpack_from(order + _EXIF_NUMBERS[kind], tiff, at + 8)[0])
                return value if value in range(1, 9) else 1
    except struct.error:  # a damaged EXIF block is no reason to refuse the photograph
        pass
    return 1
