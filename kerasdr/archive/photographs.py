"""The photographs of a job's rows, looked at once more: which are DICOM, and are they still what was graded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kerasdr.files import sha256_of
from kerasdr.imaging.headers import DICOM_BEGIN, UnreadablePhotograph, is_dicom
from kerasdr.scoring.inputs import Input, may_be_called_dicom
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.reading import read_begin, read_bytes
from kerasdr.scoring.rows import Row

if TYPE_CHECKING:
    from kerasdr.archive.source import Source

Kind = Literal["dicom", "other", "lost", "odd"]


@dataclass(frozen=True)
class Photograph:
    """A row's photograph.

    Attributes:
        row: its row.
        entry: where it lies.
        kind: ``dicom``, ``other`` (another format), ``lost`` (DICOM, or what may be, that is gone or has other bytes than
            were graded) or ``odd`` (DICOM without what is needed to refer to it).
        source: its header, of ``dicom``.
    """

    row: Row
    entry: Input
    kind: Kind
    source: "Source | None" = None

    @property
    def answered(self) -> bool:
        """Whether it was graded or found ungradable."""
        return self.row.status in ("graded", "ungradable")


def photographs_of(summary: Summary, max_megapixels: float, uid_root: str) -> Iterator[Photograph]:
    """Yield the photograph of every row, in their order; of one at a time the bytes are held.

    Args:
        summary: what a job did.
        max_megapixels: as in the job.
        uid_root: as in :func:`kerasdr.archive.source.read_source`.
    """
    for row, entry in zip(summary.rows, summary.inputs, strict=True):
        yield Photograph(row, entry, *_look(row, entry, max_megapixels, uid_root))


def _look(row: Row, entry: Input, max_megapixels: float, uid_root: str) -> tuple[Kind, "Source | None"]:
    answered = row.status in ("graded", "ungradable")
    if entry.problem or row.status == "waiting":
        return "other", None
    try:
        begin = read_begin(entry.path, DICOM_BEGIN)
    except OSError:
        return "lost" if may_be_called_dicom(entry.path) else "other", None
    if not is_dicom(begin):
        return "lost" if _was_dicom(row, entry) else "other", None
    try:
        from kerasdr.archive.source import read_source
    except ModuleNotFoundError:  # whose it is cannot be told
        return "odd", None
    try:
        # The whole of it: of a value that is cut off, what is left would be another person's number.
        data = read_bytes(entry.path)
        if row.sha256 and sha256_of(data) != row.sha256:
            return "lost", None
        return "dicom", read_source(data, max_megapixels, uid_root, whole=answered)
    except UnreadablePhotograph:
        return "odd", None


def _was_dicom(row: Row, entry: Input) -> bool:
    """Whether something else lies now where a DICOM file may have been."""
    if not may_be_called_dicom(entry.path):
        return False
    try:
        return sha256_of(read_bytes(entry.path)) != row.sha256
    except UnreadablePhotograph:
        return True
