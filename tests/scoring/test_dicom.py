"""DICOM files through a whole job: one row each, notes beside grades."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.job import run_job
from kerasdr.scoring.photographs import load_photograph
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
