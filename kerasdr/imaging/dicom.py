"""What a DICOM file says of its picture, read and checked before any pixel is decoded; only here, beside it and where
DICOM is written (:mod:`kerasdr.archive`) is pydicom used.

A header is full of names, and pydicom quotes what it finds odd in one: nothing that it warns of or raises leaves these modules.
"""

import contextlib
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pydicom
from pydicom import uid
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.filereader import read_dataset as parse
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from kerasdr.imaging.headers import Header, NotReadHere, UnreadablePhotograph

# For good, as threads that read at once could not take turns at it.
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
logging.getLogger("pydicom").propagate = False

CUT_OFF = "the DICOM file is cut off or holds no picture: copy it again from the archive"
COLOURS = "colours of this kind are not read from DICOM: export the photograph as RGB"
DAMAGED = "the DICOM file is damaged: copy it again from the archive"
FRAMES_NOTE = "frame {} of {} was graded"
OWN = "kerasdr"
"""By which a secondary capture says that it was drawn here, and so is no photograph."""
TEXT_NOTE = "text is burned into the picture, says its header: see that no name is in it before you pass it on"

_PHOTOGRAPHS = frozenset(
    {
        uid.OphthalmicPhotography8BitImageStorage,
        uid.OphthalmicPhotography16BitImageStorage,
        uid.WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
        uid.WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
        uid.VLPhotographicImageStorage,
        uid.SecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
# Secondary captures may say anything or nothing; XC is a camera from outside, FS what is now OP.
_MODALITIES = frozenset({"", "OP", "XC", "OT", "SC", "FS"})
_OTHERS = {
    **dict.fromkeys(("OPT", "OCT", "IVOCT", "OPTENF"), "an OCT"),
    **dict.fromkeys(("CR", "DX", "RF", "XA", "MG", "PX", "IO", "RG"), "an X-ray"),
    **dict.fromkeys(
        ("OPV", "OPM", "OAM", "OPTBSV", "KER", "LEN", "AR", "SRF", "VA", "IOL"), "a measurement of the eye"
    ),
    **dict.fromkeys(("SR", "DOC", "KO", "PR", "AU", "PLAN"), "a report or notes"),
    "CT": "a CT",
    "MR": "an MR",
    "US": "an ultrasound",
    "NM": "a scan of nuclear medicine",
    "PT": "a PET",
    "ECG": "an ECG",
}
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_EYES = {"R": "right", "L": "left"}
_COLOURS = {1: _GREY | {"PALETTE COLOR"}, 3: frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})}
# Three colours of 16 bits.
_BYTES_A_PIXEL = 6
_OTHER_TAGS = 2**24
_PIXELS = Tag("FloatPixelData")


@dataclass(frozen=True)
class Layout:
    """How a DICOM file stores its picture, checked.

    Attributes:
        rows, columns: of a frame, in pixels.
        frames: how many there are.
        frame: place of the representative one, from 0; the first if the file names none.
        colours: its photometric interpretation, such as ``RGB``.
        samples: 1 or 3 a pixel.
        bits: stored a sample, 1-16.
        signed: whether samples are; only of grey pictures.
        note: what a person should know who gets a grade of it, or empty.
        eye: ``left`` or ``right``; empty if the header tells neither.
    """

    rows: int
    columns: int
    frames: int
    frame: int
    colours: str
    samples: int
    bits: int
    signed: bool
    note: str
    eye: str

    @property
    def grey(self) -> bool:
        """Whether samples are brightness."""
        return self.colours in _GREY


@contextlib.contextmanager
def nothing_quoted(said: str = DAMAGED) -> Iterator[None]:
    """Turn whatever pydicom or a codec raises into one line that quotes nothing.

    Args:
        said: the line.
    """
    try:
        yield
    except (UnreadablePhotograph, MemoryError):
        raise
    except Exception:  # of damaged headers every kind is raised
        raise UnreadablePhotograph(said) from None


def read_dicom_header(data: bytes, max_megapixels: float) -> Header:
    """Return what a DICOM file says of its picture.

    Args:
        data: the file's bytes.
        max_megapixels: a deflated file that unpacks to more than such a picture needs is refused.

    Raises:
        UnreadablePhotograph: if it holds no photograph that can be read, with a reason that a person can act on.
    """
    layout = read_layout(read_dataset(data, max_megapixels, pixels=False))
    return Header("dicom", layout.columns, layout.rows, frames=layout.frames, note=layout.note, eye=layout.eye)


def read_dataset(data: bytes, max_megapixels: float, *, pixels: bool) -> pydicom.FileDataset:
    """Parse a DICOM file; what a tag says of lengths takes no memory that the file does not have.

    Args:
        data: the file's bytes.
        max_megapixels: as in :func:`read_dicom_header`.
        pixels: whether the pixels are wanted too, still encoded.

    Raises:
        UnreadablePhotograph: if it cannot be parsed.
    """
    with nothing_quoted():
        if not is_deflated(data):
            return pydicom.dcmread(io.BytesIO(data), stop_before_pixels=not pixels)
        # Unpacked here, as pydicom would unpack all of it, however much that is.
        file = io.BytesIO(data)
        preamble, meta = read_preamble(file, force=False), _read_file_meta_info(file)
        inside = io.BytesIO(_unpacked(file.read(), max_megapixels))
        dataset = parse(inside, False, True, stop_when=None if pixels else _is_pixels)
        return pydicom.FileDataset(inside, dataset, preamble, meta, False, True)


def is_deflated(data: bytes) -> bool:
    """Whether all that stands behind a DICOM file's own group is packed, as pydicom would find it."""
    file = io.BytesIO(data)
    read_preamble(file, force=False)
    return bool(_read_file_meta_info(file).get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian)


def _unpacked(packed: bytes, max_megapixels: float) -> bytes:
    limit = int(_BYTES_A_PIXEL * max_megapixels * 1e6) + _OTHER_TAGS
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    inside = unpacking.decompress(packed, limit)
    if len(inside) == limit:
        raise UnreadablePhotograph(
            f"the DICOM file unpacks to more than a picture of {max_megapixels:g} megapixels takes: "
            "export it smaller, or raise max_megapixels"
        )
    if not unpacking.eof:
        raise UnreadablePhotograph(CUT_OFF)
    return inside


def _fill_in(dataset: pydicom.FileDataset) -> None:
    grey = dataset.get("PhotometricInterpretation") in _GREY  # of others neither is looked at
    for pair in (("WindowCenter", "WindowWidth"), ("RescaleSlope", "RescaleIntercept")) if grey else ():
        if any(_is_empty(dataset, keyword) for keyword in pair):
            for keyword in pair:
                dataset.pop(keyword, None)
    for keyword, value in (
        ("BitsStored", dataset.get("BitsAllocated")),
        ("PixelRepresentation", 0),
        ("PlanarConfiguration", 0),
    ):
        if _is_empty(dataset, keyword) and value is not None:
            setattr(dataset, keyword, value)


def _is_empty(dataset: pydicom.FileDataset, keyword: str) -> bool:
    value = dataset.get(keyword)
    first = next(iter(value), None) if isinstance(value, MultiValue) else value
    return first is None or not str(first).strip()


def _is_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag >= _PIXELS


def read_layout(dataset: pydicom.FileDataset) -> Layout:
    """Return how a file stores its picture; what the dataset leaves out or empty is filled in, or taken out, for pydicom.

    Raises:
        UnreadablePhotograph: if it holds no photograph, or one of a kind that is not read.
    """
    with nothing_quoted():
        _check_kind(dataset)
        _fill_in(dataset)
        if not dataset.get("Rows") or not dataset.get("Columns"):
            raise UnreadablePhotograph(CUT_OFF)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        number = dataset.get("NumberOfFrames")
        frames = 1 if number in (None, "") else int(number)
        if min(rows, columns, frames) < 1:
            raise UnreadablePhotograph(DAMAGED)
        samples, colours = int(dataset.get("SamplesPerPixel") or 1), str(dataset.PhotometricInterpretation)
        allocated, signed = int(dataset.BitsAllocated), bool(int(dataset.PixelRepresentation))
        bits = int(dataset.BitsStored)
        if colours not in _COLOURS.get(samples, ()) or (signed and colours not in _GREY):
            raise UnreadablePhotograph(COLOURS)
        if allocated not in (8, 16) or not 1 < bits <= allocated:
            raise UnreadablePhotograph("pixels of this depth are not read from DICOM: export 8 or 16 bits")
        if not _is_empty(dataset, "HighBit") and int(dataset.HighBit) != bits - 1:
            raise UnreadablePhotograph(
                "pixels whose bits are not stored from the lowest on are not read: export 8 or 16 bits"
            )
        wanted = int(dataset.get("RepresentativeFrameNumber") or 1)
        frame = wanted if 1 <= wanted <= frames else 1
        notes = [FRAMES_NOTE.format(frame, frames)] if frames > 1 else []
        if dataset.get("BurnedInAnnotation") == "YES":
            notes.append(TEXT_NOTE)
        eye = eye_of(dataset)
        return Layout(rows, columns, frames, frame - 1, colours, samples, bits, signed, "; ".join(notes), eye)


def eye_of(header: pydicom.Dataset) -> str:
    """Return ``left`` or ``right`` as a header says, or an empty string if it says neither, or both eyes."""
    return _EYES.get(str(header.get("ImageLaterality") or header.get("Laterality") or ""), "")


def _check_kind(dataset: pydicom.FileDataset) -> None:
    kind = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""
    modality = str(dataset.get("Modality") or "")
    if kind == uid.MediaStorageDirectoryStorage:
        raise UnreadablePhotograph("this is the directory of a DICOM disk, not a photograph: name the disk's folder")
    if kind == uid.EncapsulatedPDFStorage:
        raise UnreadablePhotograph("this DICOM file holds a PDF, not a photograph: export the photograph itself")
    if dataset.get("SecondaryCaptureDeviceManufacturer") == OWN:
        raise UnreadablePhotograph("this is a Grad-CAM picture that kerasdr drew: export the photograph itself")
    if (kind and kind not in _PHOTOGRAPHS) or modality not in _MODALITIES:
        other = _OTHERS.get(modality, "something else")
        raise UnreadablePhotograph(f"this DICOM file holds no photograph but {other}: export the photograph of the eye")


def no_decoder(syntax: str) -> NotReadHere:
    """Return what is to be said of a file whose compression nothing here can undo.

    Args:
        syntax: its transfer syntax; named only if the standard knows it, as it may hold anything.
    """
    known = uid.UID(syntax).name if syntax in uid.UID_dictionary else "in an unknown way"
    return NotReadHere(
        f"the DICOM file is compressed ({known}), which nothing installed here undoes: "
        "export it with 8 bits, or uncompressed"
    )
