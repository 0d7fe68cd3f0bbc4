"""DICOM files through a whole job: one row each, notes beside grades, pairs by what headers say."""

import csv
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.errors import UnfinishedError
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring import dicom_people
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.dicom_people import told_by_headers
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.job import run_job
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.operation.parts import Part
from kerasdr.scoring.photographs import find_partners, group_by_person, load_photograph
from tests.imaging.dicom_files import dicom

pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")
# As kerasdr.imaging.dicom has it, which is undone for every test.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

BURNED = "text is burned into the picture, says its header: see that no name is in it before you pass it on"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, data: bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)


def rows(path: str = "out.csv") -> dict[str, dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def eye_of(number: str, eye: str, study: str = "1.2.3", **tags: Any) -> dict[str, Any]:
    return {"PatientID": number, "ImageLaterality": eye, "StudyInstanceUID": study, **tags}


def test_every_file_of_an_archive_has_one_row(bundle: Bundle, factory: Any, eyes: list[np.ndarray]) -> None:
    put("in/1.2.840.1.1", dicom(eyes[0]))
    put("in/1.2.840.1.2", dicom(np.stack([eyes[1], eyes[2]]), BurnedInAnnotation="YES"))
    put("in/1.2.840.1.3", dicom(eyes[3], Modality="OPT"))
    put("in/deep/IM4", dicom(eyes[3])[:-500])
    put("in/deep/IM5.dcm", dicom(np.zeros((128, 128, 3), np.uint8)))
    put("in/DICOMDIR", dicom(eyes[3]))
    summary = run_job(["in"], bundle, Path("out.csv"), factory=factory, gradcam=True, batch_size=4)
    found = {name: (row["status"], row["reason"]) for name, row in rows().items()}
    assert found == {
        "in/1.2.840.1.1": ("graded", ""),
        "in/1.2.840.1.2": ("graded", f"frame 1 of 2 was graded; {BURNED}"),
        "in/1.2.840.1.3": (
            "failed",
            "this DICOM file holds no photograph but an OCT: export the photograph of the eye",
        ),
        "in/deep/IM4": ("failed", "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        "in/deep/IM5.dcm": (
            "ungradable",
            "no retina to be seen: check that the camera was on the eye, and take it again",
        ),
    }
    before = Path("out.csv").read_bytes()
    run_job(["in"], bundle, Path("out.csv"), factory=factory, gradcam=True, batch_size=4)
    assert Path("out.csv").read_bytes() == before
    assert sum(len(batch) for engine in factory.made for batch in engine.batches) == 2  # once, notes and all
    assert len(list(Path("out_gradcam").iterdir())) == 2 and summary.count("failed") == 2


def test_a_package_that_is_not_there_is_no_fault_of_the_file(eyes: list[np.ndarray]) -> None:
    put("a.dcm", dicom([b"\1\2" * 40], "HTJ2K", Rows=9, Columns=9, **{"PhotometricInterpretation": "RGB"}, **SIZED))
    loaded = load_photograph(0, Input("a.dcm"), (get_recipe("none", 48),), 100.0, None)
    assert loaded.status == "failed" and "which nothing installed here undoes" in loaded.reason
    assert loaded.sha256 == ""  # so that it is read again, not found to have failed before


SIZED = {"SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}


# Whose eye


def told(*entries: tuple[str, dict[str, Any]], eye: np.ndarray) -> list[Input]:
    for number, (name, tags) in enumerate(entries):
        put(name, dicom(eye, **{"SOPInstanceUID": f"1.2.{number}", **tags}))
    return told_by_headers([Input(name) for name, _ in entries])


def test_headers_tell_person_and_eye_wherever_the_files_lie(eyes: list[np.ndarray]) -> None:
    inputs = told(
        ("a/IM1", eye_of("77", "R")),
        ("b/IM1", eye_of("77", "L")),
        ("b/IM2", eye_of("78", "L")),
        ("b/IM3.dcm", {"PatientID": "78", "Laterality": "R", "StudyInstanceUID": "1.2.3"}),
        ("b/IM4", eye_of("79", "B")),
        ("b/IM5", eye_of("", "R")),
        ("b/5_left.dcm", {"PatientID": "80"}),
        ("b/5_right.dcm", {"PatientID": "81"}),
        eye=eyes[0],
    )
    assert find_partners(inputs, "both-eyes").tolist() == [1, 0, 3, 2, -1, -1, 7, 6]
    assert [group.own for group in group_by_person(inputs)] == [(0, 1), (2, 3), (4,), (5,), (6, 7)]
    assert find_partners([Input(entry.path) for entry in inputs], "both-eyes").tolist()[:4] == [-1] * 4


def test_numbers_of_two_issuers_are_two_people(eyes: list[np.ndarray]) -> None:
    inputs = told(
        ("1", eye_of("77", "R", IssuerOfPatientID="A")),
        ("2", eye_of("77", "L", IssuerOfPatientID="B")),
        ("3", eye_of("77 ", "L", IssuerOfPatientID="A ")),
        eye=eyes[0],
    )
    assert find_partners(inputs, "both-eyes").tolist() == [2, -1, 0]


@pytest.mark.parametrize("number", ["7", "ANONYMOUS"])
def test_one_number_in_several_studies_may_be_several_people(number: str, eyes: list[np.ndarray]) -> None:
    entries = [
        ("a/IM1", eye_of(number, "R", "1.1")),
        ("b/IM1", eye_of(number, "R", "1.2")),
        ("a/IM2", eye_of(number, "L", "1.2")),
        ("b/IM2", eye_of(number, "L", "1.1")),
        ("c/IM1", eye_of(number, "R", "1.3")),
        ("d/IM1", eye_of(number, "R", "")),
        ("d/IM2", eye_of(number, "L", "")),
        ("d/IM3", eye_of(number, "R", "1.2")),
    ]
    inputs = told(*entries, eye=eyes[0])
    assert find_partners(inputs, "same-eye").tolist() == [-1, 7, -1, -1, -1, -1, -1, 1]
    partners = find_partners(inputs, "both-eyes")
    assert partners[:2].tolist() == [3, 2] and partners[2] in (1, 7) and partners[3:].tolist() == [0, -1, -1, -1, 2]
    turned = find_partners(inputs[::-1], "both-eyes")[::-1]
    assert [7 - place if place >= 0 else -1 for place in turned] == partners.tolist()  # whatever the order of the list
    assert [group.own for group in group_by_person(inputs)] == [(0, 3), (1, 2, 7), (4,), (5,), (6,)]


def test_a_copy_is_no_partner_of_its_original(eyes: list[np.ndarray]) -> None:
    right, other = eye_of("77", "R", SOPInstanceUID="1.5"), eye_of("77", "R", SOPInstanceUID="1.6")
    inputs = told(("a/IM1", right), ("b/IM1", right), eye=eyes[0])
    assert find_partners(inputs, "same-eye").tolist() == [-1, -1]
    inputs = told(("b/IM1", right), ("a/IM1", right), ("c/IM1", other), ("c/IM2", eye_of("77", "L")), eye=eyes[0])
    assert find_partners(inputs, "same-eye").tolist() == [2, 2, 1, -1]
    assert find_partners(inputs, "both-eyes")[:3].tolist() == [3, 3, 3]


def test_files_of_one_name_in_several_folders_are_told_apart(eyes: list[np.ndarray]) -> None:
    inputs = told(("a/IM1", eye_of("77", "R")), ("c/IM1", eye_of("77", "L")), ("b/IM1", eye_of("77", "L")), eye=eyes[0])
    assert find_partners(inputs, "both-eyes").tolist() == [2, 0, 0]
    assert find_partners(inputs[::-1], "both-eyes").tolist() == [2, 2, 0]


def test_the_whole_of_a_person_is_in_one_part_wherever_the_files_lie(eyes: list[np.ndarray]) -> None:
    for number in range(12):
        put(f"a/IM{number}", dicom(eyes[0], **eye_of(f"{number}", "R")))
        put(f"b/IM{number + 50}", dicom(eyes[0], **eye_of(f"{number}", "L")))
    inputs = [Input(str(path)) for path in sorted(Path(".").rglob("IM*"))]
    selections = [Part(number, 3).select(inputs) for number in (1, 2, 3)]
    found = [{entry.path for entry in selection.inputs} for selection in selections]
    assert sorted(path for part in found for path in part) == sorted(entry.path for entry in inputs)
    for part in found:
        assert {int(path[4:]) for path in part if path[0] == "a"} == {
            int(path[4:]) - 50 for path in part if path[0] == "b"
        }
    assert min(map(len, found)) > 0
    assert inputs[0].told is None and "told" not in str(selections[0].told)


def test_a_part_is_not_chosen_while_a_header_cannot_be_read(
    eyes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = told(("IM1", eye_of("77", "R")), ("IM2", eye_of("77", "L")), eye=eyes[0])
    inputs = [Input(entry.path) for entry in inputs]
    away = threading.Event()
    real = dicom_people.read_begin
    monkeypatch.setattr(dicom_people, "read_begin", lambda path, n: (path == "IM2" and away.wait(60)) or real(path, n))
    with pytest.raises(UnfinishedError, match=r"reading its header took more than 0\.2 s: run again"):
        Part(1, 2).select(inputs, seconds=0.2)
    away.set()


def test_a_name_decides_where_no_header_does_and_nothing_else_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    put("1_left.dcm", b"no DICOM")
    put("2_left.dcm", bytes(128) + b"DICM" + b"\2\0\0\0UL")
    opened: list[str] = []
    real = dicom_people.read_begin
    monkeypatch.setattr(dicom_people, "read_begin", lambda path, n: opened.append(path) or real(path, n))
    inputs = [Input(name) for name in ("1_left.dcm", "2_left.dcm", "gone.dcm", "3_left.png")]
    assert told_by_headers([*inputs, Input("4.dcm", problem="known")]) == [*inputs, Input("4.dcm", problem="known")]
    assert opened == ["1_left.dcm", "2_left.dcm", "gone.dcm"]


def test_a_job_pairs_by_headers_and_writes_no_number(
    bundle: Bundle, factory: Any, eyes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    put("in/A/IM1", dicom(eyes[0], **eye_of("ZQ4711", "R")))
    put("in/B/IM1", dicom(eyes[1], **eye_of("ZQ4711", "L")))
    put("in/B/IM2", dicom(eyes[2], **eye_of("ZQ4712", "L")))
    run_job(["in"], bundle, Path("out.csv"), factory=factory, batch_size=4)
    assert {name: row["partner"] for name, row in rows().items()} == {
        "in/A/IM1": "in/B/IM1",
        "in/B/IM1": "in/A/IM1",
        "in/B/IM2": "",
    }
    before = Path("out.csv").read_bytes()
    os.utime("in/A/IM1")
    run_job(["in"], bundle, Path("out.csv"), factory=factory, batch_size=4)
    assert Path("out.csv").read_bytes() == before
    assert sum(len(batch) for engine in factory.made for batch in engine.batches) == 3
    assert "ZQ471" not in Path("out.csv").read_text() + str(read_ledger(Path("out.ledger")))
    # Another person's number now: other partners, so other answers.
    put("in/B/IM1", dicom(eyes[1], **eye_of("ZQ4712", "R")))
    run_job(["in"], bundle, Path("out.csv"), factory=factory, batch_size=4)
    assert [row["partner"] for row in rows().values()] == ["", "in/B/IM2", "in/B/IM1"]
