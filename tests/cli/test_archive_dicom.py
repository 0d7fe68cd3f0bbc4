"""`predict --dicom-out`: what is written for an archive is whole, says whose it is, and is the same each night."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.archive import writing
from kerasdr.errors import StorageError
from kerasdr.imaging.decode import decode
from kerasdr.imaging.headers import UnreadablePhotograph
from tests.archive_files import PERSON, STUDY, archived_eye, pixels_of, write_person
from tests.cli.conftest import Kerasdr, Ran

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")
pytest.importorskip("highdicom", reason="highdicom is not installed: pip install -e '.[hospital]'")


@pytest.fixture
def folder(eye: bytes, tmp_path: Path) -> Path:
    write_person(tmp_path / "in", eye)
    return tmp_path / "in"


@pytest.fixture(autouse=True)
def small_engine(engines: list[Any]) -> None:
    """All run with the engine that needs no network."""


def predict(kerasdr: Kerasdr, model: str, *more: str) -> Ran:
    return kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--dicom-out", "to-archive", *more)


def written(kind: str) -> list[Any]:
    found = [pydicom.dcmread(path) for path in Path("to-archive").glob(f"*-{kind}.dcm")]
    return sorted(found, key=lambda dataset: int(dataset.InstanceNumber))


def items(dataset: Any) -> Iterator[Any]:
    """All items of a report's tree."""
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def said(report: Any) -> dict[str, list[Any]]:
    """What a report says, by the codes of the names."""
    found: dict[str, list[Any]] = {}
    for item in items(report):
        value = {
            "CODE": lambda item: item.ConceptCodeSequence[0].CodeValue,
            "NUM": lambda item: float(item.MeasuredValueSequence[0].NumericValue),
            "TEXT": lambda item: item.TextValue,
            "IMAGE": lambda item: item.ReferencedSOPSequence[0],
        }.get(item.ValueType)
        if value is not None:
            found.setdefault(item.ConceptNameCodeSequence[0].CodeValue, []).append(value(item))
    return found


def bytes_of(folder: str = "to-archive") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_each_dicom_photograph_has_a_report_and_a_capture(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    ran = predict(kerasdr, model)
    assert ran.code == 3, ran.err
    assert ran.out.splitlines()[-1] == (
        "2 of 4 photographs are DICOM files with an answer: 2 reports and 2 captures in to-archive/, 4 of them new; "
        "1 of another format; 1 failed or waiting"
    )
    reports, captures = written("sr"), written("sc")
    assert len(reports) == len(captures) == 2 and len(os.listdir("to-archive")) == 4
    for dataset in (*reports, *captures):
        for keyword in ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
            assert dataset[keyword].value == PERSON[keyword]
        assert (dataset.AccessionNumber, dataset.StudyInstanceUID, dataset.ReferringPhysicianName) == (
            *("A77", STUDY),
            "Grace^Dr",
        )
        assert (dataset.ContentDate, dataset.ContentTime) == ("20260301", "102030")
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert dataset.SOPInstanceUID.startswith("2.25.") and len(dataset.SOPInstanceUID) <= 64
    series = {dataset.SeriesInstanceUID for dataset in (*reports, *captures)}
    assert len(series) == 2 and f"{STUDY}.1" not in series
    assert [report.InstanceNumber for report in reports] == [1, 2]


def test_a_capture_is_the_picture_that_the_job_drew(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    predict(kerasdr, model)
    drawn = {cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).tobytes() for path in Path("out_gradcam").iterdir()}
    for capture, side, number in zip(written("sc"), "RL", (1, 2), strict=True):
        assert capture.pixel_array.tobytes() in drawn and capture.pixel_array.shape[2] == 3
        assert capture.ImageLaterality == side and capture.BurnedInAnnotation == "NO"
        assert list(capture.ImageType) == ["DERIVED", "SECONDARY"]
        source = capture.SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == f"{STUDY}.1.{number}" and "ReferencedFrameNumber" not in source


def test_a_report_says_what_the_row_says(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    predict(kerasdr, model)
    for report, side, number in zip(written("sr"), ("24028007", "7771000"), (1, 2), strict=True):
        assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
        assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
        content = said(report)
        assert content["dr-grade"] == ["LA18646-2"]  # 3, as the fake engine says
        assert [content[f"prob-{grade}"] for grade in range(5)] == [[0.05], [0.05], [0.1], [0.7], [0.1]]
        assert content["prob-referable"] == [0.9] and content["referable"] == ["373066001"]
        assert content["272741003"] == [side]
        assert content["111001"] == ["kerasdr"] and content["111003"]  # algorithm, its version
        assert any(text.startswith("model fake-1@") for text in content["111002"])
        assert content["121112"][0].ReferencedSOPInstanceUID == f"{STUDY}.1.{number}"
        assert [item.ReferencedSOPInstanceUID for item in evidence(report)] == [f"{STUDY}.1.{number}"]


def evidence(report: Any) -> list[Any]:
    study = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert study.StudyInstanceUID == report.StudyInstanceUID
    return list(study.ReferencedSeriesSequence[0].ReferencedSOPSequence)


def test_what_cannot_be_graded_has_a_report_that_says_why(kerasdr: Kerasdr, model: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    black = cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
    (tmp_path / "in" / "1.dcm").write_bytes(archived_eye(black))
    ran = predict(kerasdr, model)
    assert "1 of 1 photograph is a DICOM file with an answer: 1 report and 0 captures in to-archive/" in ran.out
    content = said(written("sr")[0])
    assert content["gradable"] == ["373067005"] and "dr-grade" not in content and "prob-0" not in content
    assert content["reason"] == [next(row for row in rows() if row["status"] == "ungradable")["reason"]]


def rows() -> list[dict[str, str]]:
    import csv

    with open("out.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_answers_are_the_same_bytes_and_left_alone(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    predict(kerasdr, model)
    before = bytes_of()
    inodes = {path.name: path.stat().st_ino for path in Path("to-archive").iterdir()}
    ran = predict(kerasdr, model)
    assert "0 of them new" in ran.out
    assert {path.name: path.stat().st_ino for path in Path("to-archive").iterdir()} == inodes
    shutil.rmtree("to-archive")
    predict(kerasdr, model)
    assert bytes_of() == before
    damaged = next(Path("to-archive").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert "1 of them new" in predict(kerasdr, model).out
    assert bytes_of() == before


def test_one_uid_has_one_content(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    predict(kerasdr, model)
    before = set(bytes_of())
    Path("codes.json").write_text('{"uid_root": "1.2.3", "grade": ["71484-0", "LN", "DR"]}')
    ran = predict(kerasdr, model, "--codes", "codes.json")
    new = set(bytes_of()) - before
    assert (
        len(new) == 4
        and "4 of them new; 1 of another format; 1 failed or waiting; 4 files of earlier answers" in ran.err
    )
    for name in new:
        dataset = pydicom.dcmread(Path("to-archive", name))
        assert dataset.SOPInstanceUID.startswith("1.2.3.") and dataset.SeriesInstanceUID.startswith("1.2.3.")
        if name.endswith("-sr.dcm"):
            assert said(dataset)["71484-0"] == ["LA18646-2"]


class Killed(BaseException):
    """What nobody catches."""


def test_after_a_kill_the_same_command_ends_it(
    kerasdr: Kerasdr, model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(kerasdr, model)
    whole = bytes_of()
    shutil.rmtree("to-archive")
    from kerasdr.archive import dicom_out

    left = iter(range(2))

    def dying(path: Path, data: bytes, **options: Any) -> None:
        if next(left, None) is None:
            path.with_name(f".{path.name}.abcdefgh.part").write_bytes(data[:100])
            raise Killed
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr(dicom_out, "write_bytes_atomically", dying)
        with pytest.raises(Killed):
            predict(kerasdr, model)
    assert len(bytes_of()) == 3 and any(name.endswith(".part") for name in bytes_of())
    Path("to-archive", "notes.part").write_text("somebody's own")
    predict(kerasdr, model)
    assert bytes_of() == {**whole, "notes.part": b"somebody's own"}


def test_a_full_disk_ends_with_a_line_and_the_csv_stands(
    kerasdr: Kerasdr, model: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.archive import dicom_out

    def full(path: Path, data: bytes, **options: Any) -> None:
        raise StorageError("cannot write to-archive/x.dcm: No space left on device; check the disk")

    monkeypatch.setattr(dicom_out, "write_bytes_atomically", full)
    ran = predict(kerasdr, model)
    assert ran.code == 4 and ran.err.splitlines()[-1] == (
        "error: the CSV is written, but cannot write to-archive/x.dcm: No space left on device; check the disk; then run the "
        "same command again"
    )
    assert len(rows()) == 4


@pytest.mark.parametrize("change", ["gone", "changed", "another format"])
def test_a_photograph_that_is_not_what_was_graded_is_told_of(
    kerasdr: Kerasdr, model: str, folder: Path, eye: bytes, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = writing.photographs_of

    def changing(*arguments: Any) -> Any:
        file = folder / "L.dcm"
        if change == "gone":
            file.unlink()
        else:
            file.write_bytes(archived_eye(eye, "L", PatientID="43") if change == "changed" else eye)
        return look(*arguments)

    monkeypatch.setattr(writing, "photographs_of", changing)
    ran = predict(kerasdr, model)
    assert "1 of 4 photographs is a DICOM file with an answer: 1 report and 1 capture in" in ran.err
    assert "; 1 gone or changed since graded" in ran.err
    assert [report.InstanceNumber for report in written("sr")] == [1]


def test_of_several_frames_the_one_that_was_graded_is_named(
    kerasdr: Kerasdr, model: str, folder: Path, eye: bytes
) -> None:
    from tests.imaging.dicom_files import dicom

    rgb = pixels_of(eye)
    several = {"SOPInstanceUID": f"{STUDY}.1.3", "InstanceNumber": 3, "RepresentativeFrameNumber": 2}
    (folder / "several.dcm").write_bytes(dicom(np.stack([rgb, rgb[::-1], rgb]), **PERSON, **several))
    predict(kerasdr, model)
    assert written("sc")[-1].SourceImageSequence[0].ReferencedFrameNumber == 2
    assert said(written("sr")[-1])["121112"][0].ReferencedFrameNumber == 2


NAMES = {
    "ISO_IR 100": "Müller^Ægir",
    "ISO_IR 192": "Łukasz^Żółć",
    "japanese": "Yamada^Tarou=山田^太郎=やまだ^たろう",
}


@pytest.mark.parametrize("characters", NAMES)
def test_names_of_every_character_set_come_through(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes, characters: str
) -> None:
    (tmp_path / "in").mkdir()
    told = ["", "ISO 2022 IR 87"] if characters == "japanese" else characters
    data = archived_eye(eye, SpecificCharacterSet=told, PatientName=NAMES[characters])
    (tmp_path / "in" / "1.dcm").write_bytes(data)
    predict(kerasdr, model)
    assert len(written("sr")) == len(written("sc")) == 1
    for dataset in (*written("sr"), *written("sc")):
        assert dataset.SpecificCharacterSet == "ISO_IR 192" and str(dataset.PatientName) == NAMES[characters]


@pytest.mark.parametrize("number", ["", None, "9" * 64, "12\\13", "00 7"])
def test_odd_numbers_of_people_are_kept_as_they_are(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes, number: str | None
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes(archived_eye(eye, PatientID=number))
    assert predict(kerasdr, model).code == 0
    assert len(written("sr")) == len(written("sc")) == 1
    for dataset in (*written("sr"), *written("sc")):
        value = dataset.PatientID
        assert ("\\".join(value) if number and "\\" in number else value or "") == (number or "")


def test_a_number_whose_letters_are_lost_is_written_nowhere(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
) -> None:
    (tmp_path / "in").mkdir()
    data = archived_eye(eye, PatientID="Zq0042", SpecificCharacterSet="ISO_IR 192")
    (tmp_path / "in" / "1.dcm").write_bytes(data.replace(b"Zq0042", b"Z\xff0042"))
    ran = predict(kerasdr, model)
    assert "; 1 without a header to refer to\n" in ran.err and os.listdir("to-archive") == []


@pytest.mark.parametrize("characters", [None, "", "ISO_IR 6", "ISO_IR 999"])
def test_letters_of_no_character_set_are_not_guessed(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes, characters: str | None
) -> None:
    (tmp_path / "in").mkdir()
    data = archived_eye(eye, PatientID="Zq00421", SpecificCharacterSet=characters)
    (tmp_path / "in" / "1.dcm").write_bytes(data.replace(b"Zq00421", "Z\u00fc0042".encode()))
    ran = predict(kerasdr, model)
    assert "1 without a header to refer to" in ran.err and os.listdir("to-archive") == []


def test_earlier_answers_that_lie_there_are_told(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    predict(kerasdr, model)
    shutil.copy(next(Path("to-archive").glob("*-sr.dcm")), f"to-archive/kerasdr-{'0' * 20}-sr.dcm")
    ran = predict(kerasdr, model)
    assert "warning: " in ran.err and "; 1 file of earlier answers lies there: remove what was sent" in ran.err
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path("to-archive").glob("*-sc.dcm"))


def test_without_a_study_one_is_made_and_without_an_eye_none_is_said(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
) -> None:
    (tmp_path / "in").mkdir()
    bare = dict.fromkeys(PERSON)
    (tmp_path / "in" / "1.dcm").write_bytes(archived_eye(eye, "", **bare, SOPInstanceUID="1.2.3.4"))
    predict(kerasdr, model)
    report, capture = written("sr")[0], written("sc")[0]
    assert report.StudyInstanceUID == capture.StudyInstanceUID and report.StudyInstanceUID.is_valid
    assert "272741003" not in said(report) and "ImageLaterality" not in capture and "BurnedInAnnotation" not in capture
    assert (report.ContentDate, capture.ContentDate) == ("19000101", "19000101")


def test_without_pictures_there_are_reports_alone(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    assert ": 2 reports and 0 captures in" in predict(kerasdr, model, "--no-gradcam").out


def test_webp_pictures_are_captured_too(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    assert ": 2 reports and 2 captures in" in predict(kerasdr, model, "--pictures", "webp").out


def test_what_was_written_is_no_photograph(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    arguments = ["predict", "in", "--out", "out.csv", "--model", model, "--dicom-out", "in/to-archive"]
    assert kerasdr(*arguments).out.startswith("4 listed")
    assert kerasdr(*arguments).out.startswith("4 listed")
    capture = next(Path("in/to-archive").glob("*-sc.dcm"))
    with pytest.raises(UnreadablePhotograph, match="that kerasdr drew"):
        decode(capture.read_bytes())


def test_what_does_not_go_together_is_said_in_a_line(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    for option in ("--dicom-out", "--fhir-out"):
        more = [option, "place", "--pseudonymise", "--key", "site.key"]
        said = kerasdr("predict", "in", "--out", "out.csv", "--model", model, *more).usage
        assert said == (
            "Error: --dicom-out and --fhir-out name people, and --pseudonymise names none: leave out one of them"
        )
    said = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--codes", "c.json").usage
    assert said == "Error: --codes is for --dicom-out and --fhir-out: give one of them"
    assert not Path("out.csv").exists() and not Path("place").exists() and not Path("site.key").exists()


@pytest.mark.parametrize("module", ["pydicom", "highdicom"])
def test_a_missing_package_is_named_before_any_work(
    kerasdr: Kerasdr, model: str, folder: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = writing.importlib.util.find_spec
    monkeypatch.setattr(writing.importlib.util, "find_spec", lambda name: None if name == module else find(name))
    said = predict(kerasdr, model).error
    assert said == f"--dicom-out needs {module}: pip install 'kerasdr[hospital]'"
    assert not Path("out.csv").exists() and not Path("to-archive").exists()


def test_a_place_that_takes_no_files_is_found_before_any_work(kerasdr: Kerasdr, model: str, folder: Path) -> None:
    more = ["--dicom-out", "no/such/folder"]
    said = kerasdr("predict", "in", "--out", "out.csv", "--model", model, *more).error
    assert said == "cannot write to no/such/folder: No such file or directory; choose another place with --dicom-out"
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "codes.json is no JSON"),
        ("[]", "codes.json is no table of codes"),
        ('{"grade": ["71484-0", "LN"]}', "codes.json: grade"),
        ('{"grade": ["x", "99ELSE", "Grade"]}', "codes.json: Value error, schemes has no URI of 99ELSE"),
        ('{"grade": ["12345678901234567", "LN", "Grade"]}', "codes.json: grade.0"),
        ('{"grades": []}', "codes.json: grades"),
        ('{"grads": []}', "codes.json: grads"),
        ('{"uid_root": "1.02"}', "codes.json: uid_root"),
        ('{"schemes": 7}', "codes.json: schemes"),
    ],
)
def test_a_table_of_codes_that_is_none_is_refused(
    kerasdr: Kerasdr, model: str, folder: Path, text: str, said: str
) -> None:
    Path("codes.json").write_text(text)
    assert predict(kerasdr, model, "--codes", "codes.json").error.startswith(said)
    assert not Path("out.csv").exists()


def complaints(path: Path) -> list[str]:
    """What dicom3tools calls an error, and what dcmtk cannot read."""
    looked = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    found = [line for line in (looked.stdout + looked.stderr).splitlines() if line.startswith("Error")]
    tools = [["dcmdump", str(path)]] + ([["dsrdump", str(path)]] if path.stem.endswith("-sr") else [])
    for tool in tools:
        ran = subprocess.run(tool, capture_output=True, text=True, errors="replace", check=False)
        found += [f"{tool[0]}: {ran.stderr}"] if ran.returncode or "E:" in ran.stderr else []
    return found


needs_tools = pytest.mark.skipif(
    shutil.which("dciodvfy") is None or shutil.which("dsrdump") is None,
    reason="dcmtk or dicom3tools is not installed: apt-get install dcmtk dicom3tools",
)


@needs_tools
@pytest.mark.parametrize("source", ["whole", "bare", "several"])
def test_other_programs_find_no_error(kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes, source: str) -> None:
    from tests.imaging.dicom_files import dicom

    (tmp_path / "in").mkdir()
    black = cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
    tags = dict.fromkeys(PERSON) if source == "bare" else {}
    data = archived_eye(eye, "" if source == "bare" else "L", **{**tags, "SOPInstanceUID": "1.2.3.1"})
    if source == "several":
        data = dicom(np.stack([pixels_of(eye)] * 2), **PERSON, SOPInstanceUID="1.2.3.1", ImageLaterality="R")
    (tmp_path / "in" / "1.dcm").write_bytes(data)
    (tmp_path / "in" / "2.dcm").write_bytes(archived_eye(black, "R", **{**tags, "SOPInstanceUID": "1.2.3.2"}))
    assert predict(kerasdr, model).code == 0
    assert len(os.listdir("to-archive")) == 3
    for path in Path("to-archive").iterdir():
        assert complaints(path) == [], path


@needs_tools
def test_other_programs_would_find_an_error(tmp_path: Path, eye: bytes) -> None:
    broken = tmp_path / "x-sr.dcm"
    broken.write_bytes(archived_eye(eye, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33"))
    assert complaints(broken)


@pytest.mark.skipif(shutil.which("img2dcm") is None, reason="dcmtk is not installed: apt-get install dcmtk")
def test_what_dcmtk_made_of_a_jpeg_has_its_answer_written(
    kerasdr: Kerasdr, model: str, tmp_path: Path, eye: bytes
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "1.jpg").write_bytes(cv2.imencode(".jpg", cv2.imdecode(np.frombuffer(eye, np.uint8), 1))[1].tobytes())
    for kind, more in (("vl", ["-vlp"]), ("sc", [])):
        subprocess.run(["img2dcm", *more, str(tmp_path / "1.jpg"), str(tmp_path / "in" / f"{kind}.dcm")], check=True)
    assert (
        predict(kerasdr, model)
        .out.splitlines()[-1]
        .startswith("2 of 2 photographs are DICOM files with an answer: 2 reports and")
    )


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
    ],
)
def test_files_of_other_programs_have_a_report(name: str) -> None:
    from pydicom.data import get_testdata_file

    from kerasdr.archive.codes import read_codes
    from kerasdr.archive.objects import Graded
    from kerasdr.archive.report import report_bytes
    from kerasdr.archive.source import read_source
    from kerasdr.scoring.rows import Row

    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not bring {name}")
    data = Path(path).read_bytes()
    source = read_source(data, 100.0, "")
    original = pydicom.dcmread(path)
    row = Row("x", "ungradable", reason="too dark: take it again", sha256="a" * 64)
    instance, written = report_bytes(Graded(row, source, "demo-1@1234", "b" * 64, read_codes()))
    report = pydicom.dcmread(pydicom.filebase.DicomBytesIO(written))
    assert report.SOPInstanceUID == instance
    assert (report.StudyInstanceUID, report.PatientID) == (original.StudyInstanceUID, original.get("PatientID") or "")
    assert evidence(report)[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    frames = int(original.get("NumberOfFrames") or 1)
    assert ("ReferencedFrameNumber" in said(report)["121112"][0]) is (frames > 1)


@pytest.mark.parametrize(
    ("tags", "date", "time"),
    [
        ({}, "20260301", "102030"),
        ({"AcquisitionDateTime": "20260231"}, "20260301", "101500"),
        ({"AcquisitionDateTime": "", "ContentDate": "20260302", "ContentTime": "09"}, "20260302", "000000"),
        ({"AcquisitionDateTime": None, "SeriesDate": "2026.03.04"}, "20260301", "101500"),
        ({"AcquisitionDateTime": None, "StudyDate": None}, "19000101", "000000"),
    ],
)
def test_when_a_photograph_was_taken_is_what_its_header_says_first(
    eye: bytes, tags: dict[str, Any], date: str, time: str
) -> None:
    import warnings

    from kerasdr.archive.source import read_source

    with warnings.catch_warnings(action="ignore"):
        source = read_source(archived_eye(eye, **tags), 100.0, "")
    assert (source.date, source.time, source.dated) == (date, time, date != "19000101")


def test_the_table_of_codes_is_one_to_one() -> None:
    from kerasdr.archive.codes import read_codes

    table = json.loads((Path(writing.__file__).parent / "codes.json").read_text(encoding="utf-8"))
    assert [code[0] for code in table["grades"]] == ["LA18643-9", "LA18644-7", "LA18645-4", "LA18646-2", "LA18648-8"]
    codes = read_codes()
    named = [*codes.grades, *codes.probabilities, codes.grade, codes.referable, codes.prob_referable, codes.to_reader]
    assert len({code.value for code in named}) == len(named)
