"""What is written for a hospital's systems once a job has ended: each photograph is looked at once, one at a time."""

import contextlib
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kerasdr.archive.codes import Codes
from kerasdr.archive.dicom_out import DicomFolder
from kerasdr.archive.fhir_out import fhir_bundle
from kerasdr.archive.photographs import Photograph, photographs_of
from kerasdr.errors import KerasdrError, StorageError, UnfinishedError
from kerasdr.extras import how_to_install
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.outcome import Summary


@dataclass(frozen=True)
class Wanted:
    """What is to be written.

    Attributes:
        dicom: folder of secondary captures and reports, or None.
        fhir: file of a FHIR bundle, or None.
        codes: how things are named.
    """

    dicom: Path | None
    fhir: Path | None
    codes: Codes


def check_installed() -> None:
    """Find out before the night that DICOM can be written.

    Raises:
        KerasdrError: if a package is missing.
    """
    for module in ("pydicom", "highdicom"):
        if importlib.util.find_spec(module) is None:
            raise KerasdrError(f"--dicom-out needs {module}: {how_to_install(module)}")


def write_archive(summary: Summary, bundle: Bundle, wanted: Wanted, max_megapixels: float) -> list[tuple[str, bool]]:
    """Write what is wanted of a job that has ended, and return what people are told, a line for each.

    With each line comes whether people should look, as something is not written that was asked for.

    Args:
        summary: what it did.
        bundle: what graded.
        wanted: what to write.
        max_megapixels: of the job.

    Raises:
        UnfinishedError: if something cannot be written; the CSV stands, and the same job writes it again.
    """
    try:
        # Of a header libraries quote what they find odd, and headers are full of names.
        with warnings.catch_warnings(action="ignore"), contextlib.ExitStack() as stack:
            takers: list[Callable[[Photograph], None]] = []
            ends: list[Callable[[], tuple[str, bool]]] = []
            if wanted.dicom is not None:
                folder = DicomFolder(wanted.dicom, summary.pictures, bundle, wanted.codes)
                takers.append(folder.take)
                ends.append(folder.end)
            if wanted.fhir is not None:
                fhir = stack.enter_context(fhir_bundle(wanted.fhir, bundle, wanted.codes))
                takers.append(fhir.take)
                ends.append(fhir.end)
            for photograph in photographs_of(summary, max_megapixels, wanted.codes.uid_root):
                for take in takers:
                    take(photograph)
            return [end() for end in ends]
    except StorageError as error:
        raise UnfinishedError(f"the CSV is written, but {error}; then run the same command again") from error
