"""An answer as FHIR R4 resources: an Observation a photograph, a DiagnosticReport a person and study; plain data."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from kerasdr import __version__
from kerasdr.archive.codes import Code, Codes
from kerasdr.archive.numbers import answer_of, uuid_of
from kerasdr.archive.photographs import Photograph
from kerasdr.data.names import parse_name
from kerasdr.scoring.names import shown_path

DIGESTS = "urn:oid:2.25.103791826174138628780896677866618409775"
"""Whose numbers are SHA-256 of photographs and of models."""
_DICOM = "urn:dicom:uid"
_FORM = "1"
_UNIT = {"unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}
# What FHIR has for a value that is not there, and what we say of it.
_ABSENT = {
    "ungradable": ("not-performed", "ungradable: the photograph is not good enough"),
    "failed": ("error", "the photograph could not be read"),
}
Resource = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """An Observation, and what the report of its person needs of it.

    Attributes:
        resource: the Observation.
        subject: whose it is.
        said: eye, grade, and what is to be done, in words.
        date: when the photograph was taken, ``YYYY-MM-DD``; empty if nothing tells.
        study: UID of its study, or empty.
    """

    resource: Resource
    subject: Resource
    said: str
    date: str
    study: str

    @property
    def id(self) -> str:
        """Of the Observation."""
        return str(self.resource["id"])


def finding_of(photograph: Photograph, label: str, digest: str, codes: Codes) -> Finding:
    """Return what is said of a photograph that was graded, is ungradable or failed.

    Args:
        photograph: with its row.
        label, digest: of the model.
        codes: how things are named.
    """
    row, source = photograph.row, photograph.source
    subject, eye = _whose(photograph, codes)
    date = ""
    seen: list[Resource] = []
    if source is not None:
        date = f"{source.date[:4]}-{source.date[4:6]}-{source.date[6:]}" if source.dated else ""
        seen = [
            _by("ImagingStudy", _DICOM, f"urn:oid:{source.study}"),
            _by("Media", _DICOM, f"urn:oid:{source.instance}"),
        ]
    elif row.sha256:
        seen = [_by("Media", DIGESTS, row.sha256)]
    place = source.instance if source is not None else shown_path(photograph.entry.path)
    name = (_FORM, __version__, repr(subject), eye, place, digest, codes.model_dump_json(), *answer_of(row))
    resource: Resource = {
        "resourceType": "Observation",
        "id": str(uuid_of("observation", *name)),
        "status": "preliminary",
        "code": _concept(codes, codes.grade),
        "subject": subject,
    }
    if date:
        resource["effectiveDateTime"] = date
    if row.grade is not None:
        resource["valueCodeableConcept"] = _concept(codes, codes.grades[row.grade])
        resource["valueCodeableConcept"]["text"] = f"grade {row.grade}: {row.grade_name}"
        said = f"grade {row.grade} ({row.grade_name}), {'referable' if row.referable else 'not referable'}"
        if row.screen_positive is not None:
            said += ", screen positive" if row.screen_positive else ", screen negative"
    else:
        code, text = _ABSENT[row.status]
        system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        resource["dataAbsentReason"] = {"coding": [{"system": system, "code": code}], "text": text}
        said = row.status
    if row.refer_to_reader:
        said += ", a person is to look"
    if row.reason:
        said += f" ({row.reason})"
        resource["note"] = [{"text": row.reason}]
    if eye:
        resource["bodySite"] = _concept(codes, codes.right_eye if eye == "right" else codes.left_eye)
    resource["method"] = {"text": f"kerasdr {__version__}, model {label}, SHA-256 {digest}"}
    device = {"type": "Device", "identifier": {"system": DIGESTS, "value": digest}}
    resource["device"] = {**device, "display": f"kerasdr {__version__}, model {label}"}
    if seen:
        resource["derivedFrom"] = seen
    if components := list(_components(photograph, codes)):
        resource["component"] = components
    return Finding(resource, subject, f"{eye} eye: {said}" if eye else said, date, source.study if source else "")


def report_of(findings: Sequence[Finding], codes: Codes) -> Resource:
    """Return the DiagnosticReport of one person's findings of one study, of which there is one at least."""
    first = findings[0]
    resource: Resource = {
        "resourceType": "DiagnosticReport",
        "id": str(uuid_of("report", *(finding.id for finding in findings))),
        "status": "preliminary",
        "code": _concept(codes, codes.report),
        "subject": first.subject,
    }
    dates = {finding.date for finding in findings}
    if len(dates) == 1 and first.date:
        resource["effectiveDateTime"] = first.date
    if studies := sorted({finding.study for finding in findings} - {""}):
        resource["imagingStudy"] = [_by("ImagingStudy", _DICOM, f"urn:oid:{study}") for study in studies]
    resource["result"] = [{"reference": f"urn:uuid:{finding.id}"} for finding in findings]
    said = "; ".join(finding.said for finding in findings)
    resource["conclusion"] = f"{said}. Grades of a machine, for a person to confirm."
    return resource


def _whose(photograph: Photograph, codes: Codes) -> tuple[Resource, str]:
    """Return the person as FHIR's subject, and the eye: by the DICOM header, else by the name."""
    source = photograph.source
    if source is not None and source.patient:
        identifier: Resource = {"value": source.patient}
        if system := codes.patient_id_systems.get(source.issuer):
            identifier["system"] = system
        if source.issuer:
            identifier["assigner"] = {"display": source.issuer}
        return {"type": "Patient", "identifier": identifier}, source.eye
    if source is not None:  # nobody is named: all that is known to be of one person is the study
        return {"type": "Patient", "identifier": {"system": _DICOM, "value": f"urn:oid:{source.study}"}}, source.eye
    folder, name = os.path.split(photograph.entry.path)
    person = parse_name(PurePath(name).stem)
    # Names are of people within a folder: two clinics may have a 10_left each.
    value = _printable(shown_path(os.path.join(folder, person.patient_id)))
    # A number of one folder means nothing elsewhere, unless the site says whose numbers these are.
    named = {"system": codes.file_name_system} if codes.file_name_system else {}
    return {"type": "Patient", "identifier": {**named, "value": value}}, person.eye


def _printable(text: str) -> str:
    """Return a text with whatever FHIR allows in none escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _components(photograph: Photograph, codes: Codes) -> Iterator[Resource]:
    row = photograph.row
    named = list(zip(codes.probabilities, row.probabilities, strict=bool(row.probabilities)))
    if row.prob_referable is not None:
        named.append((codes.prob_referable, row.prob_referable))
    for code, value in named:
        yield {"code": _concept(codes, code), "valueQuantity": {"value": round(float(value), 6), **_UNIT}}
    for code, yes in (
        (codes.referable, row.referable),
        (codes.screen_positive, row.screen_positive),
        (codes.to_reader, row.refer_to_reader),
    ):
        if yes is not None:
            yield {"code": _concept(codes, code), "valueBoolean": yes}
    if row.grade_set:
        yield {"code": _concept(codes, codes.grade_set), "valueString": row.grade_set}


def _concept(codes: Codes, code: Code) -> Resource:
    return {"coding": [{"system": codes.schemes[code.scheme], "code": code.value, "display": code.meaning}]}


def _by(kind: str, system: str, value: str) -> Resource:
    return {"type": kind, "identifier": {"system": system, "value": value}}
