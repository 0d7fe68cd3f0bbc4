"""What is taken from a DICOM file into what is written about it: whose it is, of which study, and how it is referred to."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pydicom
from pydicom import Dataset
from pydicom.charset import python_encoding
from pydicom.multival import MultiValue

from kerasdr.archive.numbers import uid_of
from kerasdr.imaging.dicom import DAMAGED, nothing_quoted, read_dataset, read_layout
from kerasdr.imaging.headers import UnreadablePhotograph

# Patient and study alone: what all that is written of one study has to have alike.
_COPIED = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
_EMPTY_TOO = frozenset(_COPIED) - {"IssuerOfPatientID"}  # type 2 in DICOM
_SEXES = frozenset({"M", "F", "O"})
_MOMENTS = (
    ("AcquisitionDateTime", "AcquisitionDateTime"),
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)
_DATE = re.compile(r"[12]\d{7}")
_TIME = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d){2}")
# Nothing is said of when: a date is asked for all the same, and that of tonight would make other bytes each night.
_NEVER = "19000101"
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_LONGEST_UID = 64
_PICTURE = 0x0028
_LOST_LETTER = "\ufffd"


@dataclass(frozen=True)
class Source:
    """A DICOM file that was graded.

    Attributes:
        header: patient and study, as text of Unicode.
        patient, issuer: the person's number and whose numbers these are; empty where the file does not tell.
        study, series: their UIDs; made from the instance's where the file has none.
        sop_class, instance: by which it is referred to.
        number: of the instance in its series, from 1.
        eye: ``right``, ``left`` or empty.
        frame: which of several frames was graded, from 1; 0 if there is one.
        burned_in: ``YES``, ``NO`` or empty, as the file says whether text in the picture tells who it is.
        date, time: when it was taken, ``YYYYMMDD`` and ``HHMMSS``; 1 January 1900 if nothing tells.
    """

    header: Dataset
    patient: str
    issuer: str
    study: str
    series: str
    sop_class: str
    instance: str
    number: int
    eye: str
    frame: int
    burned_in: str
    date: str
    time: str

    @property
    def dated(self) -> bool:
        """Whether the file tells when it was taken."""
        return self.date != _NEVER


def read_source(data: bytes, max_megapixels: float, uid_root: str, *, whole: bool = True) -> Source:
    """Read the header of a DICOM file.

    Args:
        data: the file's bytes.
        max_megapixels: as in :func:`kerasdr.imaging.dicom.read_dicom_header`.
        uid_root: of the UIDs that are made where the file has none.
        whole: False of the beginning of a file that could not be graded: frames are not asked for.

    Raises:
        UnreadablePhotograph: if it cannot be read, has no UID to refer to, or letters that its character set
            does not have.
    """
    dataset = read_dataset(data, max_megapixels, pixels=False)
    # Of a file that is cut off pydicom takes what is left of a value for the value: all that names stands before the picture.
    tags = dataset.keys()
    if not whole and not any(tag.group >= _PICTURE for tag in tags):
        raise UnreadablePhotograph(DAMAGED)
    with nothing_quoted():
        layout = read_layout(dataset) if whole else None
        meta = dataset.file_meta
        instance = _uid(dataset, "SOPInstanceUID") or _uid(meta, "MediaStorageSOPInstanceUID")
        sop_class = _uid(dataset, "SOPClassUID") or _uid(meta, "MediaStorageSOPClassUID")
        if not instance or not sop_class:
            raise UnreadablePhotograph(DAMAGED)
        date, time = _moment(dataset)
        number = _text(dataset, "InstanceNumber")
        return Source(
            header=_copied(dataset),
            patient=_text(dataset, "PatientID"),
            issuer=_text(dataset, "IssuerOfPatientID"),
            study=_uid(dataset, "StudyInstanceUID") or uid_of(uid_root, "study", instance),
            series=_uid(dataset, "SeriesInstanceUID") or uid_of(uid_root, "series", instance),
            sop_class=sop_class,
            instance=instance,
            number=int(number) if re.fullmatch(r"[1-9]\d{0,8}", number) else 1,
            eye={"R": "right", "L": "left"}.get(_text(dataset, "ImageLaterality") or _text(dataset, "Laterality"), ""),
            frame=layout.frame + 1 if layout is not None and layout.frames > 1 else 0,
            burned_in=_text(dataset, "BurnedInAnnotation"),
            date=date,
            time=time,
        )


def _text(dataset: Dataset, keyword: str) -> str:
    """Return a value as text; of several with the backslashes that they were written with."""
    value = dataset.get(keyword)
    if value is None:
        return ""
    text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    text = text.strip(" \0")
    # Another name or number than the archive has is worse than none. Where the file does not say which letters it has, pydicom
    # takes each byte above 127 for one of Latin-1, which never fails.
    odd = _LOST_LETTER in text or not text.isprintable() or (not text.isascii() and not _has_letters(dataset))
    if odd:
        raise UnreadablePhotograph(DAMAGED)
    return text


def _has_letters(dataset: Dataset) -> bool:
    """Whether a file names a character set beyond ASCII, and none that is not known."""
    value = dataset.get("SpecificCharacterSet")
    sets = [str(one) for one in value] if isinstance(value, MultiValue) else [str(value or "")]
    return all(one in python_encoding for one in sets) and any(
        one not in ("", "ISO_IR 6", "ISO 2022 IR 6") for one in sets
    )


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(datetime.date.fromisoformat(text))
    except ValueError:  # such as the 31st of February
        return False


def _uid(dataset: Dataset, keyword: str) -> str:
    text = _text(dataset, keyword)
    return text if len(text) <= _LONGEST_UID and _UID.fullmatch(text) else ""


def _copied(dataset: pydicom.FileDataset) -> Dataset:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _COPIED:
        text = _text(dataset, keyword)
        if keyword in ("PatientBirthDate", "StudyDate") and not _is_date(text):
            text = ""
        if keyword == "StudyTime" and not re.fullmatch(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?", text):
            text = ""
        if keyword == "PatientSex" and text not in _SEXES:
            text = ""
        if text or keyword in _EMPTY_TOO:
            setattr(header, keyword, text)
    return header


def _moment(dataset: Dataset) -> tuple[str, str]:
    """Return date and time of the first of the header's moments that has a date."""
    for date, time in _moments(dataset):
        if _is_date(date):
            return date, time if _TIME.fullmatch(time) else "000000"
    return _NEVER, "000000"


def _moments(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for date, time in _MOMENTS:
        if date == time:
            both = _text(dataset, date)
            yield both[:8], both[8:14]
        else:
            yield _text(dataset, date)[:8], _text(dataset, time)[:6]
