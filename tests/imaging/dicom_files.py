"""DICOM files made of arrays, as other programs write them; needs pydicom."""

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def dicom(pixels: NDArray[Any] | Sequence[bytes] | None, syntax: str = "ExplicitVRLittleEndian", **tags: Any) -> bytes:
    """Return a DICOM file.

    Args:
        pixels: ``(H, W)`` or ``(H, W, 3)``, of frames ``(N, H, W, 3)``, as they are stored; or encoded frames; or none.
        syntax: keyword of the transfer syntax; RLE and JPEG-LS are encoded here.
        tags: by keyword, over those of an ophthalmic photograph; None leaves one out.
    """
    from pydicom import Dataset, FileMetaDataset, uid
    from pydicom.encaps import encapsulate

    name = getattr(uid, syntax, None) or uid.UID(syntax)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = name
    dataset = Dataset()
    dataset.SOPClassUID = uid.OphthalmicPhotography8BitImageStorage
    dataset.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.Modality = "OP"
    encoded = name in (uid.RLELossless, uid.JPEGLSLossless)
    if isinstance(pixels, np.ndarray):
        samples = 3 if pixels.shape[-1] == 3 else 1
        height, width = pixels.shape[-3:-1] if samples == 3 else pixels.shape[-2:]
        _describe(dataset, height, width, samples, 8 * pixels.itemsize)
        if pixels.ndim - (samples == 3) == 3:
            dataset.NumberOfFrames = len(pixels)
        order = ">" if name == uid.ExplicitVRBigEndian else "<"
        stored = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData = stored + bytes(len(stored) % 2)
    elif pixels is not None:
        dataset.PixelData = encapsulate(list(pixels))
        if len(pixels) > 1:
            dataset.NumberOfFrames = len(pixels)
    for keyword, value in tags.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if dataset.get("BitsAllocated", 8) == 8 or pixels is not None else "OW"
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta = meta
    if encoded:
        meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.compress(name, generate_instance_uid=False)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _describe(dataset: Any, height: int, width: int, samples: int, bits: int) -> None:
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = height, width, samples
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    if samples == 3:
        dataset.PlanarConfiguration = 0


def size_of(pixels: NDArray[Any], **tags: Any) -> dict[str, Any]:
    """Return the tags that :func:`dicom` sets of an array, for frames that are given encoded."""
    from pydicom import Dataset

    dataset = Dataset()
    _describe(dataset, *pixels.shape[:2], 3 if pixels.ndim == 3 else 1, 8 * pixels.itemsize)
    return {element.keyword: element.value for element in dataset} | tags


def jpeg(rgb: NDArray[np.uint8], *, marked: bool = True) -> bytes:
    """Encode as JPEG; ``marked`` with the JFIF marker that tells of YCbCr."""
    data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    if marked:
        return data
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]
