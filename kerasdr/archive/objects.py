"""What both kinds of written DICOM objects have in common: whose they are, which series they make, and their bytes."""

import io
from dataclasses import dataclass

from pydicom import Dataset, FileDataset, FileMetaDataset, dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from kerasdr import __version__
from kerasdr.archive.codes import Codes
from kerasdr.archive.numbers import answer_of, uid_of
from kerasdr.archive.source import Source
from kerasdr.scoring.rows import Row

MAKER = "kerasdr"
_FORM = "1"
"""Raised whenever the same answer is written otherwise: one UID, one content."""
_ANY_IMPLEMENTATION = "implementation"
_LARGEST_LO = 64


@dataclass(frozen=True)
class Graded:
    """A DICOM photograph with its answer.

    Attributes:
        row: the answer.
        source: the photograph's header.
        label, digest: of the model.
        codes: how things are named.
    """

    row: Row
    source: Source
    label: str
    digest: str
    codes: Codes

    def uid(self, kind: str, *more: str) -> str:
        """Return a UID of this answer: another answer, model, table of codes or version of kerasdr has another.

        Args:
            kind: what it is of.
            more: what else is in the content.
        """
        source = self.source
        parts = (source.study, source.instance, str(source.frame), self.digest, *answer_of(self.row), *more)
        return uid_of(self.codes.uid_root, _FORM, __version__, kind, self.codes.model_dump_json(), *parts)

    def series(self, kind: str) -> str:
        """Return the UID of the series of a model's objects of one kind in the photograph's study."""
        return uid_of(self.codes.uid_root, _FORM, __version__, kind, self.source.study, self.digest)


def describe(dataset: Dataset, graded: Graded, *, series: str, number: int, instance: str) -> None:
    """Set patient, study, series, equipment and dates; whatever was there of these is replaced.

    Dates are those of the photograph, as those of the clock would make other bytes each night.
    """
    source = graded.source
    for element in source.header:
        dataset[element.tag] = element
    dataset.StudyInstanceUID = source.study
    dataset.SeriesInstanceUID = series
    dataset.SeriesNumber = number
    dataset.InstanceNumber = source.number
    dataset.SOPInstanceUID = instance
    dataset.Manufacturer = MAKER
    dataset.ManufacturerModelName = graded.label[:_LARGEST_LO]
    dataset.SoftwareVersions = __version__
    dataset.DeviceSerialNumber = graded.digest
    dataset.ContentDate, dataset.ContentTime = source.date, source.time
    for keyword in ("InstanceCreationDate", "InstanceCreationTime", "ContributingEquipmentSequence"):
        dataset.pop(keyword, None)


def to_bytes(dataset: Dataset) -> bytes:
    """Return a DICOM file, explicit VR little endian, whose bytes hang on the content alone."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid_of("", MAKER, _ANY_IMPLEMENTATION))
    meta.ImplementationVersionName = f"{MAKER.upper()}_{__version__}"[:16]
    plain = Dataset()
    for element in dataset:
        plain.add(element)
    file = io.BytesIO()
    written = FileDataset(file, plain, preamble=bytes(128), file_meta=meta)
    dcmwrite(file, written, enforce_file_format=True)
    return file.getvalue()
