"""`predict --fhir-out`: one bundle of FHIR R4 that names people as their files do, and is the same each night."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.archive import fhir, fhir_out, writing
from kerasdr.archive.codes import read_codes
from kerasdr.archive.photographs import Photograph
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.rows import Row
from tests.archive_files import PERSON, STUDY, archived_eye, write_person
from tests.cli.conftest import Kerasdr, Ran

ROW = Row(
    *("x", "graded", 2, "moderate NPDR", (0.1, 0.1, 0.6, 0.15, 0.05), True, 0.8),
    reason="doubtful photograph, blurred: have a person look at it, or take it again",
    model="demo-1@1234",
    sha256="a" * 64,
    grade_set="1 to 2",
    screen_positive=True,
    refer_to_reader=True,
)


@pytest.fixture(autouse=True)
def small_engine(engines: list[Any]) -> None:
    """All run with the engine that needs no network."""


@pytest.fixture
def names(tmp_path: Path, eye: bytes) -> None:
    """Photographs whose names tell of two people of one number in two clinics, one without an eye, and one that is black."""
    for name in ("north/10_left.png", "north/10_right.png", "south/10_left.png", "south/portrait.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(eye)
    black = cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
    (tmp_path / "in" / "south" / "11_left.png").write_bytes(black)
    (tmp_path / "in" / "south" / "12_left.jpg").write_bytes(b"no photograph")


def predict(kerasdr: Kerasdr, model: str, *more: str) -> Ran:
    return kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--fhir-out", "fhir.json", *more)


def resources(kind: str) -> list[dict[str, Any]]:
    bundle = json.loads(Path("fhir.json").read_text(encoding="utf-8"))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    for entry in bundle["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def valid() -> None:
    """Have the file judged by R4B's own model; in the fields used here R4 and R4B are one."""
    module = pytest.importorskip(
        "fhir.resources.R4B.bundle", reason="fhir.resources is not installed: pip install -e '.[dev]'"
    )
    text = Path("fhir.json").read_text(encoding="utf-8")
    bundle = module.Bundle.model_validate_json(text)
    again = json.loads(bundle.model_dump_json(exclude_none=True))
    assert again == json.loads(text)  # nothing was dropped


def whose(resource: dict[str, Any]) -> str:
    return str(resource["subject"]["identifier"]["value"])


def test_each_photograph_is_an_observation_and_each_person_a_report(kerasdr: Kerasdr, model: str, names: None) -> None:
    ran = predict(kerasdr, model)
    assert ran.code == 3
    assert ran.out.splitlines()[-1] == "fhir.json: 6 observations in 5 reports"
    valid()
    observations, reports = resources("Observation"), resources("DiagnosticReport")
    assert sorted(map(whose, reports)) == [
        "in/north/10",
        "in/south/10",
        "in/south/11",
        "in/south/12",
        "in/south/portrait",
    ]
    both = next(report for report in reports if whose(report) == "in/north/10")
    assert both["conclusion"] == (
        "left eye: grade 3 (severe NPDR), referable; right eye: grade 3 (severe NPDR), referable. Grades of a machine, for a "
        "person to confirm."
    )
    referred = {f"urn:uuid:{observation['id']}" for observation in observations if whose(observation) == "in/north/10"}
    assert {result["reference"] for result in both["result"]} == referred and len(referred) == 2
    assert {resource["status"] for resource in (*observations, *reports)} == {"preliminary"}
    # A folder's 10 means nothing elsewhere, unless the site says so.
    assert not any("system" in resource["subject"]["identifier"] for resource in observations)
    digest = next(item["identifier"]["value"] for item in [observations[0]["device"]])
    assert len(digest) == 64 and digest in observations[0]["method"]["text"]


def test_what_has_no_grade_says_why(kerasdr: Kerasdr, model: str, names: None) -> None:
    predict(kerasdr, model)
    by_person = {whose(observation): observation for observation in resources("Observation")}
    for person, code in (("in/south/11", "not-performed"), ("in/south/12", "error")):
        observation = by_person[person]
        assert observation["dataAbsentReason"]["coding"][0]["code"] == code
        assert observation["note"][0]["text"] and "valueCodeableConcept" not in observation
        assert not any("valueQuantity" in part for part in observation.get("component", []))
    assert "bodySite" not in by_person["in/south/portrait"]
    assert by_person["in/south/10"]["bodySite"]["coding"][0]["code"] == "362503005"
    assert by_person["in/south/10"]["derivedFrom"][0]["identifier"]["system"] == fhir.DIGESTS


def test_a_row_comes_through_whole() -> None:
    found = fhir.finding_of(Photograph(ROW, Input("in/7_right.jpg"), "other"), "demo-1@1234", "b" * 64, read_codes())
    resource = found.resource
    assert resource["valueCodeableConcept"]["coding"] == [
        {
            "system": "http://loinc.org",
            "code": "LA18645-4",
            "display": "Moderate non-proliferative retinopathy",
        }
    ]
    said = {part["code"]["coding"][0]["code"]: part for part in resource["component"]}
    assert [said[f"prob-{grade}"]["valueQuantity"]["value"] for grade in range(5)] == [0.1, 0.1, 0.6, 0.15, 0.05]
    assert said["prob-referable"]["valueQuantity"]["value"] == 0.8
    assert said["referable"]["valueBoolean"] is True and said["to-reader"]["valueBoolean"] is True
    assert said["screen-positive"]["valueBoolean"] is True
    assert found.said == (
        f"right eye: grade 2 (moderate NPDR), referable, screen positive, a person is to look ({ROW.reason})"
    )
    assert said["grade-set"]["valueString"] == "1 to 2"
    assert resource["note"] == [{"text": ROW.reason}]
    other = fhir.finding_of(Photograph(ROW, Input("in/7_left.jpg"), "other"), "demo-1@1234", "b" * 64, read_codes())
    assert other.id != found.id


def test_the_same_answers_are_the_same_bytes(kerasdr: Kerasdr, model: str, names: None) -> None:
    predict(kerasdr, model)
    before = Path("fhir.json").read_bytes()
    predict(kerasdr, model)
    assert Path("fhir.json").read_bytes() == before


def test_after_a_kill_the_older_bundle_stands(
    kerasdr: Kerasdr, model: str, names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(kerasdr, model)
    before = Path("fhir.json").read_bytes()

    class Killed(BaseException):
        pass

    def dying(self: Any, photograph: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(fhir_out.FhirBundle, "take", dying)
        with pytest.raises(Killed):
            predict(kerasdr, model)
    assert Path("fhir.json").read_bytes() == before
    predict(kerasdr, model)
    assert Path("fhir.json").read_bytes() == before


def test_a_file_of_something_else_is_kept(kerasdr: Kerasdr, model: str, names: None) -> None:
    foreign = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": []}, indent=1)
    Path("fhir.json").write_text(foreign)
    assert "something else than a file for --fhir-out" in predict(kerasdr, model).usage
    Path("fhir.json").write_text('{"resourceType": "Patient"}')
    assert "something else than a file for --fhir-out" in predict(kerasdr, model).usage
    assert Path("fhir.json").read_text() == '{"resourceType": "Patient"}' and not Path("out.csv").exists()
    said = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--fhir-out", "out.csv").usage
    assert "is both --fhir-out and --out" in said


def test_names_that_are_no_text_are_told_as_the_csv_tells_them(kerasdr: Kerasdr, model: str, eye: bytes) -> None:
    os.mkdir("in")
    with open(b"in/\xff_left.png", "wb") as file:
        file.write(eye)
    predict(kerasdr, model)
    assert whose(resources("Observation")[0]) == "in/\\xff"


def test_photographs_that_wait_are_not_in_it(
    kerasdr: Kerasdr, model: str, names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = predict(kerasdr, model, "--limit-time", "0s")
    assert ran.code == 4 and ran.out.splitlines()[-1] == (
        "fhir.json: 0 observations in 0 reports; 6 waiting, not in it"
    )
    assert set(json.loads(Path("fhir.json").read_text())) == {"resourceType", "meta", "type"}


class TestDicom:
    """People by the headers of DICOM files."""

    @pytest.fixture(autouse=True)
    def needs_pydicom(self) -> None:
        pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")

    def test_people_of_headers_and_of_names_are_together_in_a_bundle(
        self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
    ) -> None:
        write_person(tmp_path / "in", eye)
        ran = predict(kerasdr, model)
        assert ran.out.splitlines()[-1] == "fhir.json: 4 observations in 2 reports"
        valid()
        reports = {whose(report): report for report in resources("DiagnosticReport")}
        assert set(reports) == {"0042", "in/10"}
        subject = reports["0042"]["subject"]
        assert subject == {
            "type": "Patient",
            "identifier": {"value": "0042", "assigner": {"display": "Clinic North"}},
        }
        assert reports["0042"]["effectiveDateTime"] == "2026-03-01"
        assert reports["0042"]["imagingStudy"][0]["identifier"]["value"] == f"urn:oid:{STUDY}"
        eyes = [
            observation["bodySite"]["coding"][0]["code"]
            for observation in resources("Observation")
            if whose(observation) == "0042" and "valueCodeableConcept" in observation
        ]
        assert sorted(eyes) == ["362502000", "362503005"]
        failed = [observation for observation in resources("Observation") if "dataAbsentReason" in observation]
        assert [whose(observation) for observation in failed] == ["0042"]  # the OCT, by its header
        text = Path("fhir.json").read_text(encoding="utf-8")
        assert "Vandermolen" not in text and "Grace" not in text and "19500102" not in text

    def test_two_clinics_with_one_number_are_two_people(
        self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
    ) -> None:
        (tmp_path / "in").mkdir()
        for number, issuer in enumerate(("North", "South"), 1):
            tags = {
                "IssuerOfPatientID": issuer,
                "StudyInstanceUID": f"1.2.3.{number}",
                "SOPInstanceUID": f"1.2.4.{number}",
            }
            (tmp_path / "in" / f"{number}.dcm").write_bytes(archived_eye(eye, **tags))
        Path("codes.json").write_text('{"patient_id_systems": {"North": "urn:oid:1.2.3"}}')
        predict(kerasdr, model, "--codes", "codes.json")
        valid()
        subjects = [report["subject"]["identifier"] for report in resources("DiagnosticReport")]
        assert [subject["assigner"]["display"] for subject in subjects] == ["North", "South"]
        assert [subject.get("system") for subject in subjects] == ["urn:oid:1.2.3", None]

    def test_studies_are_reports_of_their_own(self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes) -> None:
        """Everybody may be called ANONYMOUS, and visits of years apart are no one report."""
        (tmp_path / "in").mkdir()
        for number, day in ((1, "20190301"), (2, "20260301")):
            tags = {
                "StudyInstanceUID": f"1.2.3.{number}",
                "SOPInstanceUID": f"1.2.4.{number}",
                "PatientID": "ANONYMOUS",
            }
            times = {"AcquisitionDateTime": f"{day}101010", "StudyDate": day, "IssuerOfPatientID": None}
            (tmp_path / "in" / f"{number}.dcm").write_bytes(archived_eye(eye, **tags, **times))
        assert predict(kerasdr, model).out.splitlines()[-1] == "fhir.json: 2 observations in 2 reports"
        valid()
        assert [report["effectiveDateTime"] for report in resources("DiagnosticReport")] == ["2019-03-01", "2026-03-01"]

    def test_dicom_whose_header_cannot_be_had_becomes_nobody(
        self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
    ) -> None:
        (tmp_path / "in").mkdir()
        whole = archived_eye(eye)
        (tmp_path / "in" / "cut.dcm").write_bytes(whole[: whole.index(b"0042") + 2])
        ran = predict(kerasdr, model)
        assert "warning: fhir.json: 0 observations in 0 reports; 1 without a header to refer to, not in it" in ran.err
        assert predict(kerasdr, model, "--quiet").err.count("without a header to refer to") == 1

    def test_without_a_number_the_study_is_all_that_is_known(
        self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
    ) -> None:
        (tmp_path / "in").mkdir()
        for side in "RL":
            (tmp_path / "in" / f"{side}.dcm").write_bytes(archived_eye(eye, side, PatientID=""))
        assert predict(kerasdr, model).out.splitlines()[-1] == "fhir.json: 2 observations in 1 report"
        assert whose(resources("DiagnosticReport")[0]) == f"urn:oid:{STUDY}"
        bare = archived_eye(eye, "", **dict.fromkeys(PERSON), SOPInstanceUID="1.2.3.4")
        (tmp_path / "in" / "bare.dcm").write_bytes(bare)
        assert predict(kerasdr, model).out.splitlines()[-1] == "fhir.json: 3 observations in 2 reports"
        valid()
        assert ["effectiveDateTime" in report for report in resources("DiagnosticReport")].count(False) == 1

    def test_a_copy_is_told_once_and_what_changed_is_left_out(
        self, kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "in").mkdir()
        for name in ("1.dcm", "copy.dcm"):
            (tmp_path / "in" / name).write_bytes(archived_eye(eye))
        assert predict(kerasdr, model).out.splitlines()[-1] == "fhir.json: 1 observation in 1 report"
        look = writing.photographs_of

        def changing(*arguments: Any) -> Any:
            for name in ("1.dcm", "copy.dcm"):
                (tmp_path / "in" / name).write_bytes(archived_eye(eye, PatientID="43"))
            return look(*arguments)

        monkeypatch.setattr(writing, "photographs_of", changing)
        ran = predict(kerasdr, model)
        said = "warning: fhir.json: 0 observations in 0 reports; 2 gone or changed since graded, not in it"
        assert said in ran.err.splitlines()
