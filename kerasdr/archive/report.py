"""An answer as a Comprehensive SR by TID 1500, with evaluations of the whole image (TID 1501); highdicom makes its tree."""

from collections.abc import Iterator

from highdicom import sr
from pydicom import Dataset
from pydicom.sr.codedict import codes as dicom_codes
from pydicom.sr.coding import Code as DicomCode

from kerasdr import __version__
from kerasdr.archive.codes import Code
from kerasdr.archive.numbers import uid_of
from kerasdr.archive.objects import MAKER, Graded, describe, to_bytes

SERIES_NUMBER = 9002
"""Behind the captures."""


def report_bytes(graded: Graded) -> tuple[str, bytes]:
    """Return a structured report's UID and its file; its status is unverified and preliminary.

    Args:
        graded: a photograph that was graded, or is ungradable, with its answer.
    """
    instance = graded.uid("report")
    group = _group(graded)
    for name, text in _texts(graded):
        group[0].ContentSequence.append(
            sr.TextContentItem(name=_code(name), value=text, relationship_type=sr.RelationshipTypeValues.CONTAINS)
        )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_device(graded)),
        procedure_reported=_code(graded.codes.procedure),
        imaging_measurements=[group],
    )
    dataset = sr.ComprehensiveSR(
        evidence=[_evidence(graded)],
        content=content,
        series_instance_uid=graded.series("report"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=instance,
        instance_number=graded.source.number,
        is_complete=True,
    )
    describe(dataset, graded, series=graded.series("report"), number=SERIES_NUMBER, instance=instance)
    dataset.SeriesDescription = "Grades of a machine, not verified"
    return instance, to_bytes(dataset)


def _evidence(graded: Graded) -> Dataset:
    """Return what highdicom asks of a source: names stay out of it, and are set behind it."""
    source = graded.source
    dataset = Dataset()
    for keyword in (
        *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
        *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
    ):
        setattr(dataset, keyword, None)
    dataset.SOPClassUID, dataset.SOPInstanceUID = source.sop_class, source.instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = source.study, source.series
    return dataset


def _device(graded: Graded) -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=dicom_codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of(graded.codes.uid_root, "device", graded.digest),
            manufacturer_name=MAKER,
            model_name=graded.label,
            serial_number=graded.digest,
        ),
    )


def _group(graded: Graded) -> sr.MeasurementsAndQualitativeEvaluations:
    source, row, codes = graded.source, graded.row, graded.codes
    side = {"right": codes.right, "left": codes.left}.get(source.eye)
    probabilities = list(zip(codes.probabilities, row.probabilities, strict=bool(row.probabilities)))
    if row.prob_referable is not None:
        probabilities.append((codes.prob_referable, row.prob_referable))
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=graded.uid("tracking"), identifier=" ".join(filter(None, ["diabetic retinopathy", source.eye]))
        ),
        algorithm_id=sr.AlgorithmIdentification(
            MAKER, __version__, [f"model {graded.label}", f"SHA-256 of the model {graded.digest}"]
        ),
        finding_sites=[sr.FindingSite(_code(codes.eye), None if side is None else _code(side))],
        measurements=[
            sr.Measurement(_code(name), round(value, 6), _code(codes.no_unit)) for name, value in probabilities
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(_code(name), _code(value)) for name, value in _evaluations(graded)
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                source.sop_class, source.instance, [source.frame] if source.frame else None
            )
        ],
    )


def _evaluations(graded: Graded) -> Iterator[tuple[Code, Code]]:
    row, codes = graded.row, graded.codes

    def word(yes: bool) -> Code:
        return codes.yes if yes else codes.no

    yield codes.gradable, word(row.grade is not None)
    if row.grade is not None:
        yield codes.grade, codes.grades[row.grade]
    if row.referable is not None:
        yield codes.referable, word(row.referable)
    if row.screen_positive is not None:
        yield codes.screen_positive, word(row.screen_positive)
    if row.refer_to_reader is not None:
        yield codes.to_reader, word(row.refer_to_reader)


def _texts(graded: Graded) -> Iterator[tuple[Code, str]]:
    if graded.row.grade_set:
        yield graded.codes.grade_set, graded.row.grade_set
    if graded.row.reason:
        yield graded.codes.reason, graded.row.reason


def _code(code: Code) -> DicomCode:
    return DicomCode(code.value, code.scheme, code.meaning)
