"""What a DICOM header says of a person is in no output: not in CSV, pictures, ledger, summary, log, figures or terminal."""

import csv
import gzip
import os
import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, write_bundle
from kerasdr.scoring.golden import make_golden
from tests.cli.conftest import FakeEngine, Kerasdr
from tests.cli.test_privacy import IDENTIFIERS, chunks, hits
from tests.imaging.dicom_files import dicom, jpeg, size_of

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")

NAMES = [
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthName",
    "PatientMotherBirthName",
    "OtherPatientNames",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientComments",
    "Occupation",
    "AdditionalPatientHistory",
    "MedicalRecordLocator",
    "EthnicGroup",
    "ResponsiblePerson",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "RequestingPhysician",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "SeriesDescription",
    "StationName",
    "DeviceSerialNumber",
    "ImageComments",
    "ProtocolName",
]
MARKED = re.compile(rb"Zq\d\dVandermolen\d{3}")


def planted_tags(left: Iterator[str]) -> dict[str, Any]:
    from pydicom import Dataset, Sequence

    other = Dataset()
    other.PatientID = next(left)
    icon = Dataset()
    icon.ImageComments = next(left)
    return {
        **{name: next(left) for name in NAMES},
        "OtherPatientIDsSequence": Sequence([other]),
        "IconImageSequence": Sequence([icon]),
    }


def with_private_tags(data: bytes, left: Iterator[str]) -> bytes:
    """Plant in private tags, the file's own group, an overlay, the padding at the end and the bytes before the prefix."""
    import io

    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.add_new(0x00090010, "LO", next(left))
    dataset.add_new(0x00091001, "LO", next(left))
    dataset.add_new(0x00091002, "UN", next(left).encode())
    dataset.add_new(0x00091003, "LT", next(left))
    dataset.add_new(0x00191003, "OB", b"\0" + next(left).encode())
    dataset.add_new(0x60001500, "LO", next(left))
    dataset.add_new(0xFFFCFFFC, "OB", next(left).encode())
    dataset.file_meta.SourceApplicationEntityTitle = next(left)[:16]
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
    dataset.file_meta.PrivateInformation = next(left).encode()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return next(left).encode().ljust(128, b"\0") + file.getvalue()[128:]


@pytest.fixture
def eyes(eye: bytes) -> list[np.ndarray]:
    rgb = cv2.cvtColor(cv2.imdecode(np.frombuffer(eye, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return [np.ascontiguousarray(rgb), np.ascontiguousarray(rgb[:, ::-1])]


@pytest.fixture
def dual(tmp_path: Path, eye: bytes) -> str:
    """A bundle that pairs eyes, so that a job asks headers whose they are."""
    member = BundleMember(
        "only",
        ModelSpec(trunk="tiny", weights="none", mode="dual"),
        get_recipe("clahe-crop", 48),
        {"0000:a": np.zeros(2, np.float32)},
    )
    soft = EnsembleSpec("soft", (1.0,))
    golden = make_golden(Bundle("fake-1", "", (member,), soft, 100.0, {}), FakeEngine(), {"1.png": eye}, "fake")
    write_bundle(tmp_path / "model", name="fake-1", members=[member], ensemble=soft, validation={}, golden=golden)
    return "model"


@pytest.fixture
def planted(eyes: list[np.ndarray], tmp_path: Path) -> list[str]:
    """Makes the folder ``in`` of files that are graded, refused and damaged; returns what was planted in them."""
    left = iter(IDENTIFIERS)
    with warnings.catch_warnings(action="ignore"):
        tags = planted_tags(left)
        common = {**tags, "StudyInstanceUID": "1.2.3"}
        right = with_private_tags(dicom(eyes[0], **common, ImageLaterality="R"), left)
        frame = jpeg(eyes[1])
        comment = IDENTIFIERS[0].encode()
        frame = frame[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + frame[2:]
        sized = size_of(eyes[1], PhotometricInterpretation="YBR_FULL_422")
        name = IDENTIFIERS[1]
        content = {
            "IM1": right,
            "IM2": dicom([frame], "JPEGBaseline8Bit", **common, ImageLaterality="L", **sized),
            "IM3": dicom(eyes[1], **common, BurnedInAnnotation="YES"),
            # Where a header is asked for what decides.
            "modality": dicom(eyes[0], Modality=name),
            "class": dicom(eyes[0], SOPClassUID=name),
            "colours": dicom(eyes[0], PhotometricInterpretation=name),
            "frames": dicom(eyes[0], NumberOfFrames="1234567890").replace(b"1234567890", name.encode()[:10]),
            "bits": dicom(eyes[0], WindowCenter="12", WindowWidth="10", SpecificCharacterSet=name),
            "window": dicom(eyes[0][..., 0], WindowCenter="1234567890", WindowWidth="10").replace(
                b"1234567890", name.encode()[:10]
            ),
            "syntax": dicom(eyes[0]).replace(
                b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x14\0" + (name + "x").encode()[:20]
            ),
            "codec": dicom([name.encode() * 9], "JPEG2000", **sized),
            "study": dicom(eyes[0], StudyInstanceUID=name, PatientID=name, ImageLaterality=name),
        }
    for number in range(1, 9):
        content[f"cut{number}"] = right[: len(right) * number // 9]
    for at in range(400, 1600, 100):
        content[f"damaged{at}"] = right[:at] + b"\xff" * 4 + right[at + 4 :]
    for file, data in content.items():
        Path(tmp_path, "in", "folder").mkdir(parents=True, exist_ok=True)
        Path(tmp_path, "in", "folder", file).write_bytes(data)
    everything = b"".join(content.values())
    found = {match.decode() for match in MARKED.findall(everything)}
    assert len(found) == 40 - 1  # all but the one that is cut to fit
    return IDENTIFIERS


def insides(path: Path) -> Iterator[bytes]:
    """A file as it is, and what it unpacks to."""
    data = path.read_bytes()
    yield data
    if data[:4] == b"\x89PNG":
        yield zlib.decompress(b"".join(content for kind, content in chunks(data) if kind == b"IDAT"))
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_nothing_that_a_header_holds_is_in_an_output(
    kerasdr: Kerasdr, engines: list[Any], dual: str, planted: list[str], pseudonyms: bool
) -> None:
    Path("keys").mkdir()
    Path("results").mkdir()
    more = ["--pseudonymise", "--key", "keys/site.key"] if pseudonyms else []
    arguments = ["predict", "in", "--out", "results/out.csv", "--model", dual, "--log", "results/log.jsonl", *more]
    ran = kerasdr(*arguments, "--metrics", "results/out.prom")
    assert ran.code == 3
    shortest = [name[:10] for name in planted]  # of some no more was planted, and no digest looks like that
    told = (ran.out + ran.err).encode()
    paths = [path for path in Path(".").rglob("*") if path.is_file() and "in" not in path.parts[:1]]
    assert {"out.csv", "out.ledger", "log.jsonl", "out.prom", "out.summary.json"} <= {path.name for path in paths}
    for path in paths:
        for data in insides(path):
            assert hits(str(path).encode() + data, shortest) == [], path
    assert hits(told, shortest) == []
    with open("results/out.csv", encoding="utf-8", newline="") as file:
        rows = {os.path.basename(row["image"]): row for row in csv.DictReader(file)}
    assert len(rows) == len(list(Path("in/folder").iterdir()))
    assert all(row["reason"] for row in rows.values() if row["status"] != "graded")
    if not pseudonyms:
        assert [rows[name]["status"] for name in ("IM1", "IM2", "IM3")] == ["graded"] * 3
        assert rows["IM1"]["partner"] == "in/folder/IM2"  # so the number was read
        assert rows["IM3"]["reason"].startswith("text is burned into the picture, says its header: see that no name is")
        for name in ("modality", "class", "colours", "frames", "window", "syntax", "codec"):
            assert rows[name]["status"] == "failed", name


COPIED = ("PatientName", "PatientID", "IssuerOfPatientID", "ReferringPhysicianName", "AccessionNumber", "StudyID")


def test_what_is_written_for_an_archive_is_all_that_names_people(
    kerasdr: Kerasdr, engines: list[Any], dual: str, planted: list[str]
) -> None:
    pytest.importorskip("highdicom", reason="highdicom is not installed: pip install -e '.[hospital]'")
    Path("results").mkdir()
    arguments = ["predict", "in", "--out", "results/out.csv", "--model", dual, "--log", "results/log.jsonl"]
    arguments += ["--metrics", "results/out.prom", "--dicom-out", "to-archive", "--fhir-out", "fhir.json"]
    ran = kerasdr(*arguments)
    assert ran.code == 3
    shortest = [name[:10] for name in planted]
    assert hits((ran.out + ran.err).encode(), shortest) == []
    paths = [path for path in Path(".").rglob("*") if path.is_file() and path.parts[0] not in ("in", "to-archive")]
    for path in set(paths) - {Path("fhir.json")}:
        for data in insides(path):
            assert hits(str(path).encode() + data, shortest) == [], path
    # Two identifiers are taken before the names; the second is also the number of the person in the file "study".
    by_name = dict(zip(NAMES, shortest[2:], strict=False))
    for data, keywords in (
        (Path("fhir.json").read_bytes(), ("PatientID", "IssuerOfPatientID")),
        (b"".join(path.read_bytes() for path in Path("to-archive").iterdir()), COPIED),
    ):
        found = {name for name, kind in hits(data, shortest)}
        assert found == {by_name[keyword] for keyword in keywords} | {shortest[1]}
    assert hits("".join(os.listdir("to-archive")).encode(), shortest) == []


def test_the_search_would_find_them(planted: list[str], tmp_path: Path) -> None:
    data = (tmp_path / "in" / "folder" / "IM1").read_bytes()
    assert len({name for name, kind in hits(data, [name[:10] for name in planted])}) == 40
