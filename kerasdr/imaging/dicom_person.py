"""Whose eye a DICOM file shows, as its header says."""

import io
from typing import NamedTuple

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from kerasdr.files import sha256_of
from kerasdr.imaging.dicom import nothing_quoted
from kerasdr.imaging.headers import UnreadablePhotograph, is_dicom

HEADER_BYTES = 2**16
"""How much of a file's beginning is looked at: what names the person and the eye stands before the picture."""
_EYES = {"R": "right", "L": "left"}
_NAMES = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "Laterality", "ImageLaterality")
_TAGS: list[BaseTag | int] = [Tag(name) for name in _NAMES]


class Whose(NamedTuple):
    """The eye in a DICOM file: digests of the person's number with its issuer, and of the study, and ``left`` or ``right``.

    The number itself is nowhere kept, and neither is its digest, which a list of numbers would betray.
    """

    person: str
    eye: str
    study: str


def whose_eye(begin: bytes) -> Whose | None:
    """Return whose eye a DICOM file shows, or None where its header does not say: then names have to tell.

    Args:
        begin: its first :data:`HEADER_BYTES`.
    """
    if not is_dicom(begin):
        return None
    try:
        with nothing_quoted():
            header = read_partial(
                io.BytesIO(begin), stop_when=lambda tag, vr, length: tag > _TAGS[-1], specific_tags=_TAGS
            )
            number, issuer, study = (str(header.get(name) or "").strip() for name in _NAMES[:3])
            eye = _EYES.get(str(header.get("ImageLaterality") or header.get("Laterality") or ""), "")
    except (UnreadablePhotograph, MemoryError):  # as a photograph it has a row with the reason
        return None
    if not number or not eye:
        return None
    return Whose(_digest(number, issuer), eye, _digest(study))


def _digest(*parts: str) -> str:
    return sha256_of("\0".join(parts).encode("utf-8", "surrogatepass"))
