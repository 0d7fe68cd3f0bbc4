"""A person's photographs as a hospital's archive has them, for tests of what is written back; needs pydicom."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.imaging.dicom_files import dicom

STUDY = "1.2.826.0.1.3680043.8.498.7"
PERSON: dict[str, Any] = {
    "PatientName": "Vandermolen^Ada",
    "PatientID": "0042",
    "IssuerOfPatientID": "Clinic North",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "StudyDate": "20260301",
    "StudyTime": "101500",
    "ReferringPhysicianName": "Grace^Dr",
    "AccessionNumber": "A77",
    "StudyID": "S1",
    "StudyInstanceUID": STUDY,
    "SeriesInstanceUID": f"{STUDY}.1",
    "BurnedInAnnotation": "NO",
    "AcquisitionDateTime": "20260301102030.123",
}


def pixels_of(picture: bytes) -> NDArray[np.uint8]:
    """Return an encoded picture as ``(H, W, 3)`` uint8 RGB."""
    bgr = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def archived_eye(picture: bytes, side: str = "R", **tags: Any) -> bytes:
    """Return one eye of a person as DICOM; ``tags`` over those of :data:`PERSON`, None leaves one out."""
    number = "RL".find(side) + 1
    own = {
        **PERSON,
        "SOPInstanceUID": f"{STUDY}.1.{number}",
        "InstanceNumber": number or 1,
        "ImageLaterality": side or None,
    }
    return dicom(pixels_of(picture), **{**own, **tags})


def write_person(folder: Path, picture: bytes) -> None:
    """Write both eyes of a person as DICOM into a folder that is made, and beside them a PNG and an OCT."""
    folder.mkdir()
    for side in "RL":
        (folder / f"{side}.dcm").write_bytes(archived_eye(picture, side))
    (folder / "10_left.png").write_bytes(picture)
    (folder / "oct.dcm").write_bytes(archived_eye(picture, "R", Modality="OPT", SOPInstanceUID=f"{STUDY}.1.9"))
