"""Bytes to pixels: one upright 8-bit RGB array, or a reason why not."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.headers import Header, UnreadablePhotograph, read_header

__all__ = ["UnreadablePhotograph", "decode"]

_NO_MEMORY = -4  # cv2.Error.StsNoMem
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def decode(data: bytes, *, max_megapixels: float = 100.0, min_side: int | None = None) -> NDArray[np.uint8]:
    """Decode a photograph.

    EXIF orientation is applied. Grey becomes three equal channels, palettes and CMYK become RGB, transparent parts black.
    16-bit pictures are scaled to 8 by the range of the bit depth (10, 12, 14 or 16) that their brightest value needs. Of
    a file with several frames the first is taken, of DICOM the representative one; see :mod:`kerasdr.imaging.dicom_pixels`.

    Args:
        data: the file's bytes: JPEG, PNG, TIFF, BMP, WebP or DICOM.
        max_megapixels: a picture with more, in all its frames, is refused before it is decoded.
        min_side: let a JPEG be decoded at 1/2, 1/4 or 1/8 of its size, the smallest whose short side is at least this.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    header = read_header(data, max_megapixels=max_megapixels)
    megapixels = header.width * header.height * header.frames / 1e6
    if megapixels > max_megapixels:
        times = f" in {header.frames} frames" if header.frames > 1 else ""
        raise UnreadablePhotograph(
            f"the picture is {header.width} x {header.height} px{times}, more than {max_megapixels:g} megapixels: "
            "save it smaller, or raise max_megapixels"
        )
    if header.format == "dicom":
        from kerasdr.imaging.dicom_pixels import decode_dicom

        return np.ascontiguousarray(decode_dicom(data, max_megapixels, min_side))
    return decode_stored(data, header, min_side)


def decode_stored(data: bytes, header: Header, min_side: int | None) -> NDArray[np.uint8]:
    """Decode a picture whose header was read, and is small enough; the rest is as in :func:`decode`."""
    if not header.complete:
        raise UnreadablePhotograph("the file is cut off: copy it again from the camera")
    pixels = _decode_cmyk(data) if header.cmyk else _decode_cv(data, header, min_side)
    return np.ascontiguousarray(_upright(pixels, header.orientation))


def _decode_cv(data: bytes, header: Header, min_side: int | None) -> NDArray[np.uint8]:
    flags = cv2.IMREAD_UNCHANGED
    if header.format == "jpeg":
        flags = cv2.IMREAD_COLOR
        if min_side is not None:
            short = min(header.width, header.height)
            flags = next((flag for factor, flag in reversed(_REDUCED.items()) if short // factor >= min_side), flags)
    if flags != cv2.IMREAD_UNCHANGED:  # which ignores orientation by itself
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from error
        raise UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera") from error
    if pixels is None or pixels.size == 0:
        raise UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera")
    if header.format == "jpeg" and _is_grey(pixels[-1]) and not _is_grey(pixels[0]):
        raise UnreadablePhotograph("the lower part of the picture is missing: copy it again from the camera")
    if header.format == "tiff" and pixels.dtype == np.uint8 and pixels.ndim == 3:
        pixels = pixels[..., :3]  # libtiff has multiplied the colours by their opacity already
    return _rgb(_eight_bits(pixels))


def _is_grey(line: NDArray[np.generic]) -> bool:
    """Whether a line of pixels is what libjpeg puts in the place of data that are not there."""
    return bool((line == 128).all())


def _decode_cmyk(data: bytes) -> NDArray[np.uint8]:
    # OpenCV does not undo Adobe's inversion of CMYK reliably; Pillow does.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return np.asarray(picture.convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds on damaged files
        raise UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera") from error


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    if pixels.dtype == np.uint16:
        top = int(pixels.max(initial=0))
        bits = next(bits for bits in (8, 10, 12, 14, 16) if top < 1 << bits)
        scaled = np.asarray(pixels, np.float32) * (255.0 / ((1 << bits) - 1))
        return np.rint(scaled).astype(np.uint8)
    raise UnreadablePhotograph(f"pixels of type {pixels.dtype} are not read: save the picture with 8 or 16 bits")


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
    if channels == 2:  # grey and alpha
        grey = np.rint(pixels[..., 0] * (pixels[..., 1] / 255.0)).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    if channels == 4:
        alpha = pixels[..., 3:]
        colours = pixels[..., :3]
        if alpha.min() < 255:
            colours = np.rint(colours * (alpha / 255.0)).astype(np.uint8)
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_BGR2RGB), np.uint8)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    # EXIF 2.3: where the stored first row and first column belong.
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
