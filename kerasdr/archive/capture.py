"""The Grad-CAM picture as a secondary capture, in a series of its own beside the photograph."""

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes as dicom_codes
from pydicom.uid import SecondaryCaptureImageStorage

from kerasdr.archive.objects import Graded, describe, to_bytes
from kerasdr.files import sha256_of
from kerasdr.imaging.dicom import OWN

SERIES_NUMBER = 9001
"""Behind what a camera makes."""


def capture_bytes(graded: Graded, picture: NDArray[np.uint8]) -> tuple[str, bytes]:
    """Return a secondary capture's UID and its file.

    Args:
        graded: the photograph with its answer.
        picture: ``(H, W, 3)`` uint8 RGB, as the job drew it.
    """
    source = graded.source
    instance = graded.uid("capture", sha256_of(picture.tobytes()))
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    describe(dataset, graded, series=graded.series("capture"), number=SERIES_NUMBER, instance=instance)
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"
    dataset.SecondaryCaptureDeviceManufacturer = OWN
    dataset.SeriesDescription = "Grad-CAM, for a person to look at"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = f"photograph, and Grad-CAM over it: what spoke for the grade of {graded.label}"
    dataset.PatientOrientation = None
    if source.eye:
        dataset.ImageLaterality = source.eye[0].upper()
    else:
        dataset.Laterality = None
    # What the job writes on its pictures tells nobody's name: what the photograph says of itself holds for both.
    if source.burned_in in ("YES", "NO"):
        dataset.BurnedInAnnotation = source.burned_in
    dataset.SourceImageSequence = [_reference(graded)]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = picture.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    pixels = picture.tobytes()
    dataset.PixelData = pixels + bytes(len(pixels) % 2)
    dataset["PixelData"].VR = "OB"
    return instance, to_bytes(dataset)


def _reference(graded: Graded) -> Dataset:
    source = graded.source
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.sop_class, source.instance
    if source.frame:
        item.ReferencedFrameNumber = source.frame
    purpose = Dataset()
    code = dicom_codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = (
        code.value,
        code.scheme_designator,
        code.meaning,
    )
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
