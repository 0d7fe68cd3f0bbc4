"""Whose eye a DICOM file shows, as its header says; of one study, as numbers tell people apart in no more than that."""

import io
from typing import NamedTuple

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from kerasdr.files import sha256_of
from kerasdr.imaging.dicom import eye_of, is_deflated, nothing_quoted
from kerasdr.imaging.headers import UnreadablePhotograph, is_dicom

HEADER_BYTES = 2**16
"""How much of a file's beginning is looked at: what names the person and the eye stands before the picture."""
_NAMES = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SOPInstanceUID", "Laterality", "ImageLaterality")
_TAGS: list[BaseTag | int] = [Tag(name) for name in _NAMES]


class Whose(NamedTuple):
    """The eye in a DICOM file.

    The number itself is nowhere kept, and neither is its digest, which a list of numbers would betray.

    Attributes:
        person: digest of the person's number with its issuer and the study: two clinics may have a number 7 each, and
            whoever takes the names from an archive may call everybody ``ANONYMOUS``.
        eye: ``left`` or ``right``.
        picture: digest of the picture's own number, by which copies are known.
    """

    person: str
    eye: str
    picture: str


def whose_eye(begin: bytes) -> Whose | None:
    """Return whose eye a DICOM file shows, or None where its header does not say: then names have to tell.

    Args:
        begin: its first :data:`HEADER_BYTES`.
    """
    if not is_dicom(begin):
        return None
    try:
        with nothing_quoted():
            if is_deflated(begin):  # and cut off here, most of the time
                return None
            header = read_partial(
                io.BytesIO(begin), stop_when=lambda tag, vr, length: tag > _TAGS[-1], specific_tags=_TAGS
            )
            number, issuer, study, picture = (str(header.get(name) or "").strip() for name in _NAMES[:4])
            eye = eye_of(header)
    except (UnreadablePhotograph, MemoryError):  # as a photograph it has a row with the reason
        return None
    if not (number and study and picture and eye):
        return None
    return Whose(_digest(number, issuer, study), eye, _digest(picture))


def _digest(*parts: str) -> str:
    return sha256_of("\0".join(parts).encode("utf-8", "surrogatepass"))
