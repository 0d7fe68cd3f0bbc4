"""A night's folder with everything in it that goes wrong: one row each, nothing lost, and an exit code that says so."""

import csv
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import pytest

from kerasdr.scoring.rows import COLUMNS

Kerasdr = Any  # the fixture, which runs the command

COPY = "copy it again from the camera"


def bomb(width: int, height: int) -> bytes:
    """The beginning of a PNG that would be many gigabytes of pixels."""
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))


@pytest.fixture
def night(kerasdr: Kerasdr, eye: bytes) -> dict[str, tuple[str, str, str]]:
    """Makes the folder ``in``; returns for each file how the CSV shows it, its status and the start of its reason."""
    jpeg = cv2.imencode(".jpg", cv2.imread(write("whole.png", eye)))[1].tobytes()
    black = cv2.imencode(".png", cv2.imread("whole.png") * 0)[1].tobytes()
    Path("whole.png").unlink()
    content = {
        "in/a/1_left.png": (eye, "graded", ""),
        "in/b/1_left.png": (eye, "graded", ""),
        "in/black.png": (black, "ungradable", "no retina to be seen: "),
        "in/bomb.png": (bomb(50_000, 50_000), "failed", "the picture is 50000 x 50000 px, more than 100 megapixels: "),
        "in/comma, semicolon;.png": (eye, "graded", ""),
        "in/cut.jpg": (jpeg[: len(jpeg) // 2], "failed", f"the file is cut off: {COPY}"),
        "in/empty.tif": (b"", "failed", f"the file is empty: {COPY}"),
        "in/new\nline.png": (eye, "graded", ""),
        "in/quotes ' and \".png": (eye, "graded", ""),
        "in/space at end .png": (eye, "graded", ""),
        "in/text.jpg": (
            b"patient did not come\n",
            "failed",
            "this is not a photograph (JPEG, PNG, TIFF, BMP, WebP or DICOM): ",
        ),
        os.fsdecode(b"in/\xff\xfe.png"): (eye, "graded", ""),
    }
    for name, (data, _, _) in content.items():
        write(name, data)
    Path("in/x.jpg").mkdir()
    os.symlink("nowhere", "in/y.jpg")
    os.mkfifo("in/z.jpg")
    shown = {name: (name, status, reason) for name, (_, status, reason) in content.items()}
    shown[os.fsdecode(b"in/\xff\xfe.png")] = (r"in/\xff\xfe.png", "graded", "")
    shown["in/x.jpg"] = ("in/x.jpg", "failed", "this is a folder, not a photograph: ")
    shown["in/y.jpg"] = ("in/y.jpg", "failed", "the link points to nothing: ")
    shown["in/z.jpg"] = ("in/z.jpg", "failed", "this is a pipe or a device, not a photograph: ")
    return shown


def write(name: str, data: bytes) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)
    return name


def rows() -> list[dict[str, str]]:
    with open("out.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    return found


def test_every_file_has_its_row(
    kerasdr: Kerasdr, engines: list[Any], model: str, night: dict[str, tuple[str, str, str]]
) -> None:
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith(
        "15 listed = 7 graded + 1 ungradable + 7 failed + 0 waiting; 7 referable (grade 2 or worse); wrote out.csv"
    )
    found = rows()
    expected = [night[name] for name in sorted(night, key=os.fsencode)]
    assert [row["image"] for row in found] == [image for image, _, _ in expected]
    for row, (image, status, reason) in zip(found, expected, strict=True):
        assert row["status"] == status, image
        assert row["reason"].startswith(reason) and bool(row["reason"]) is (status != "graded"), image
        assert ": " in row["reason"] or status == "graded", image  # what to do follows the colon
        assert bool(row["gradcam"]) is (status == "graded"), image
    pictures = [row["gradcam"] for row in found if row["gradcam"]]
    # The seven are the same bytes, which are graded once.
    assert len(pictures) == 7 and len(set(pictures)) == 1 and cv2.imread(pictures[0]) is not None


def test_the_same_by_a_list(
    kerasdr: Kerasdr, engines: list[Any], model: str, night: dict[str, tuple[str, str, str]]
) -> None:
    kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--no-gradcam")
    before = Path("out.csv").read_bytes()
    stdin = b"\0".join(sorted(map(os.fsencode, night)))
    ran = kerasdr("predict", "-", "--null", "--out", "out.csv", "--model", model, "--no-gradcam", stdin=stdin)
    assert (ran.code, ran.err) == (3, "")
    assert Path("out.csv").read_bytes() == before


def test_photographs_are_left_as_they_were(
    kerasdr: Kerasdr, engines: list[Any], model: str, night: dict[str, tuple[str, str, str]]
) -> None:
    def state() -> dict[str, tuple[int, int, int]]:
        found = {str(path): path.lstat() for path in Path("in").rglob("*")}
        return {name: (stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found.items()}

    before = state()
    kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert state() == before
