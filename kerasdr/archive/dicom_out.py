"""Secondary captures and structured reports of a job, a file each, in a folder from which they are sent on."""

import os
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.archive.codes import Codes
from kerasdr.archive.photographs import Photograph
from kerasdr.errors import StorageError
from kerasdr.files import is_temporary, printable_path, remove, sync_folder, write_bytes_atomically
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.reporting import plural
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.names import archived_name

_OWN = re.compile(r"kerasdr-[0-9a-f]{20}-s[cr]\.dcm")
_REST = re.compile(r"\.(kerasdr-[0-9a-f]{20}-s[cr]\.dcm)\..*")


class DicomFolder:
    """Takes photographs one after the other and writes what is said of each; what is there already is left as it is.

    Names are made of UIDs, so the same answer has the same file each night. What is of earlier answers stays: it may have
    been sent.

    Args:
        folder: where they go; it is there.
        pictures: the folder of the job's pictures; None if there are none.
        bundle: what graded.
        codes: how things are named.
    """

    def __init__(self, folder: Path, pictures: Path | None, bundle: Bundle, codes: Codes) -> None:
        self._folder, self._pictures = folder, pictures
        self._bundle, self._codes = bundle, codes
        self._counts: Counter[str] = Counter()
        self._names: set[str] = set()
        try:
            self._rests = [name for name in os.listdir(folder) if _REST.fullmatch(name)]
        except OSError as error:
            raise self._failed(error) from error

    def take(self, photograph: Photograph) -> None:
        """Write what is said of a photograph, if it is DICOM and has an answer.

        Raises:
            StorageError: if a file cannot be written.
        """
        self._counts["all"] += 1
        if not photograph.answered:
            self._counts["unanswered"] += 1
            return
        if photograph.source is None:
            self._counts[photograph.kind] += 1
            return
        from kerasdr.archive.capture import capture_bytes
        from kerasdr.archive.objects import Graded
        from kerasdr.archive.report import report_bytes
        from kerasdr.imaging.dicom import nothing_quoted

        row = photograph.row
        graded = Graded(row, photograph.source, self._bundle.label, self._bundle.digest, self._codes)
        picture = _picture(self._pictures / os.path.basename(row.gradcam)) if row.gradcam and self._pictures else None
        try:
            with nothing_quoted():  # what is odd in one header costs what is written of that one
                capture = None if picture is None else capture_bytes(graded, picture)
                report = report_bytes(graded)
        except UnreadablePhotograph:
            self._counts["odd"] += 1
            return
        self._counts["dicom"] += 1
        if capture is not None:
            self._write("sc", *capture)
        self._write("sr", *report)

    def _write(self, kind: str, instance: str, data: bytes) -> None:
        name = archived_name(instance, kind)
        self._counts[kind] += name not in self._names
        self._names.add(name)
        path = self._folder / name
        try:
            if path.read_bytes() == data:
                return
        except OSError:  # not there; of anything else writing will tell
            pass
        write_bytes_atomically(path, data, sync_name=False, mode=0o600)  # it names a person
        self._counts["new"] += 1

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(f"cannot write to {printable_path(self._folder)}: {error.strerror}; check the disk")

    def end(self) -> tuple[str, bool]:
        """Make names durable, remove what a job that was killed left, and return what people are told.

        Besides, whether something is not written that was asked for, or lies there that is not to be sent.

        Raises:
            StorageError: if that fails.
        """
        try:
            for rest in self._rests:
                target = rest[1:].partition(".dcm")[0] + ".dcm"
                if target in self._names and is_temporary(rest, target):
                    remove(self._folder / rest)
            sync_folder(self._folder)
            earlier = sum(_OWN.fullmatch(name) is not None for name in set(os.listdir(self._folder)) - self._names)
        except OSError as error:
            raise self._failed(error) from error
        shown = printable_path(self._folder)
        counts = self._counts
        text = f"{counts['dicom']} of {counts['all']} {plural(counts['all'], 'photograph')} "
        text += plural(counts["dicom"], "is a DICOM file", "are DICOM files") + " with an answer: "
        text += f"{counts['sr']} {plural(counts['sr'], 'report')} and {counts['sc']} {plural(counts['sc'], 'capture')} "
        text += f"in {shown}/, {counts['new']} of them new"
        for kind, said in (
            ("other", "of another format"),
            ("unanswered", "failed or waiting"),
            ("lost", "gone or changed since graded"),
            ("odd", "without a header to refer to"),
        ):
            if counts[kind]:
                text += f"; {counts[kind]} {said}"
        if earlier:
            files = plural(earlier, "file of earlier answers lies", "files of earlier answers lie")
            text += f"; {earlier} {files} there: remove what was sent"
        return text, bool(counts["lost"] or counts["odd"] or earlier)


def _picture(path: Path) -> NDArray[np.uint8]:
    """Return a picture of the job, ``(H, W, 3)`` uint8 RGB."""
    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise StorageError(f"cannot read {printable_path(path)}: {error.strerror}; check the disk") from error
    return np.asarray(cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)
