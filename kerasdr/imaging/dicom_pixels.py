"""The pixels of a DICOM file as those of any photograph: upright 8-bit RGB, whatever they were stored as."""

from dataclasses import replace

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels import apply_color_lut, apply_rescale, apply_windowing, get_decoder

from kerasdr.imaging.decode import decode_stored
from kerasdr.imaging.dicom import (
    COLOURS,
    CUT_OFF,
    DAMAGED,
    Layout,
    no_decoder,
    nothing_quoted,
    read_dataset,
    read_layout,
)
from kerasdr.imaging.dicom_frames import JPEG, encoded_frame, with_its_colours
from kerasdr.imaging.headers import UnreadablePhotograph, read_header

_JPEG_2000 = frozenset({uid.JPEG2000, uid.JPEG2000Lossless})


def decode_dicom(data: bytes, max_megapixels: float, min_side: int | None) -> NDArray[np.uint8]:
    """Decode the representative frame of a DICOM file whose header was checked, or its first.

    Brightness goes from 0 to 255 over the range of the bits stored, after the rescaling and the first window that a grey
    picture brings; MONOCHROME1 is inverted.

    Args:
        data: the file's bytes.
        max_megapixels: as in :func:`kerasdr.imaging.dicom.read_dicom_header`.
        min_side: as in :func:`kerasdr.imaging.decode.decode`, of JPEG.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        UnreadablePhotograph: with a reason that a person can act on.
    """
    dataset = read_dataset(data, max_megapixels, pixels=True)
    layout = read_layout(dataset)
    with nothing_quoted():
        if not dataset.get("PixelData"):
            raise UnreadablePhotograph(CUT_OFF)
        syntax = dataset.file_meta.TransferSyntaxUID
        shown = _brightness(dataset, layout) if layout.grey else None
        pixels: NDArray[np.generic]
        if syntax in JPEG and layout.bits <= 8:
            rgb = _jpeg(dataset, layout, min_side if shown is None else None)
            pixels = rgb[..., 0] if layout.samples == 1 else rgb
        else:
            pixels = _by_pydicom(dataset, layout, syntax)
        if layout.colours == "PALETTE COLOR":
            pixels = _coloured(pixels, dataset)
            shown = None if pixels.dtype == np.uint8 else _even(16)
        elif pixels.dtype != np.uint8 and shown is None:
            shown = _even(layout.bits)
        if shown is not None:
            pixels = _looked_up(shown, pixels, _lowest(layout))
        if pixels.ndim == 2:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), np.uint8)
        return np.asarray(pixels, np.uint8)


def _jpeg(dataset: pydicom.FileDataset, layout: Layout, min_side: int | None) -> NDArray[np.uint8]:
    """Decode a frame as the JPEG file that it is, with the checks that those have."""
    frame = encoded_frame(dataset, layout)
    if frame[:3] != b"\xff\xd8\xff":
        raise UnreadablePhotograph(DAMAGED)
    if layout.samples == 3:
        frame = with_its_colours(frame, layout.colours)
    return decode_stored(frame, replace(read_header(frame), orientation=1), min_side)  # DICOM knows nothing of EXIF


def _by_pydicom(dataset: pydicom.FileDataset, layout: Layout, syntax: uid.UID) -> NDArray[np.generic]:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise no_decoder(syntax) from None
    if not syntax.is_encapsulated:
        # Two pixels share the colours of one: four samples for two.
        samples = 2 if layout.colours == "YBR_FULL_422" else layout.samples
        expected = layout.rows * layout.columns * samples * layout.frames * dataset.BitsAllocated // 8
        if len(dataset.PixelData) < expected:
            raise UnreadablePhotograph(CUT_OFF)
    plugins = set(decoder.available_plugins)
    if syntax in JPEG or (syntax in _JPEG_2000 and layout.samples == 3 and layout.bits > 8):
        plugins.discard("pillow")  # which takes 8 bits alone of these
    if syntax.is_encapsulated and not plugins:
        raise no_decoder(syntax)
    if syntax.is_encapsulated:
        encoded_frame(dataset, layout)
    pixels, _ = decoder.as_array(dataset, index=layout.frame, raw=False)
    return pixels


def _coloured(pixels: NDArray[np.generic], dataset: pydicom.FileDataset) -> NDArray[np.generic]:
    """Return what a palette has for pixels, ``(H, W, 3)`` uint8 or uint16."""
    for colour in ("Red", "Green", "Blue", "Alpha"):
        _check_segments(dataset.get(f"Segmented{colour}PaletteColorLookupTableData") or b"", dataset)
    found: NDArray[np.generic] = apply_color_lut(pixels, dataset)[..., :3]
    # PS3.3 C.7.6.3.1.6: entries of 8 bits are written into 16 by some, the high ones being nothing.
    return found.astype(np.uint8) if dataset.RedPaletteColorLookupTableDescriptor[2] == 8 else found


def _check_segments(data: bytes, dataset: pydicom.FileDataset) -> None:
    """Refuse a packed palette, PS3.3 C.7.9.2, that unpacks to more than there can be values, or copies from itself."""
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    kind = "u1" if dataset.RedPaletteColorLookupTableDescriptor[2] == 8 else "<u2" if little else ">u2"
    segments, at, entries = np.frombuffer(data, kind).tolist(), 0, 0
    while at + 1 < len(segments):
        opcode, length = segments[at : at + 2]
        if opcode > 1:
            raise UnreadablePhotograph(COLOURS)
        at += 2 + (1 if opcode else length)
        entries += length
    if entries > 2**16:
        raise UnreadablePhotograph(DAMAGED)


def _even(bits: int) -> NDArray[np.uint8]:
    """Return what each stored value is shown as, 0 to 255 over the whole range, ``(2 ** bits,)`` uint8."""
    return np.rint(np.arange(1 << bits) * (255.0 / ((1 << bits) - 1))).astype(np.uint8)


def _lowest(layout: Layout) -> int:
    return -(1 << (layout.bits - 1)) if layout.signed else 0


def _looked_up(shown: NDArray[np.uint8], pixels: NDArray[np.generic], lowest: int) -> NDArray[np.uint8]:
    """Return what stored values are shown as; those beyond the table's ends as these."""
    found = np.empty(pixels.shape, np.uint8)
    for line, stored in zip(found, pixels, strict=True):  # as NumPy makes eight bytes of each place that it looks up
        np.take(shown, np.asarray(stored, np.int32) - lowest, mode="clip", out=line)
    return found


def _brightness(dataset: pydicom.FileDataset, layout: Layout) -> NDArray[np.uint8]:
    """Return what each stored value of a grey picture is shown as, from the lowest on, ``(2 ** bits,)`` uint8."""
    values = np.arange(1 << layout.bits, dtype=np.float64) + _lowest(layout)
    rescaled = np.asarray(apply_rescale(values, dataset), np.float64)
    low, high = np.sort(rescaled[[0, -1]])
    if not low < high:
        raise UnreadablePhotograph(DAMAGED)
    windowed = np.asarray(apply_windowing(rescaled, dataset), np.float64)
    if rescaled[0] > rescaled[-1] and "WindowWidth" in dataset:  # pydicom goes from the highest down then
        windowed = low + high - windowed
    shown = np.rint(np.clip((windowed - low) / (high - low), 0.0, 1.0) * 255.0).astype(np.uint8)
    return 255 - shown if layout.colours == "MONOCHROME1" else shown
