"""What a photograph's file says of a person is in no output; with pseudonyms, its name is not either."""

import base64
import csv
import io
import os
import re
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.scoring.isolation import reader
from tests.cli.conftest import Kerasdr
from tests.fuzz.corpus import png_chunk
from tests.scoring.isolation.conftest import EVIL

IDENTIFIERS = [f"Zq{number:02d}Vandermolen{number * 7919 % 1000:03d}" for number in range(40)]


class Planted:
    """Hands out identifiers and remembers which were taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self) -> str:
        self.taken.append(IDENTIFIERS[len(self.taken)])
        return self.taken[-1]

    def bytes(self) -> bytes:
        return self().encode("ascii")


def tiff_tags(tags: dict[int, bytes], offset: int) -> bytes:
    """A directory of tags whose values lie behind it; ``offset`` is where the directory will lie."""
    entries, values = b"", b""
    start = offset + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        entries += struct.pack("<HHII", tag, 2 if tag < 40000 else 7, len(value), start + len(values))
        values += value + bytes(len(value) % 2)
    return struct.pack("<H", len(tags)) + entries + bytes(4) + values


def exif(plant: Planted) -> bytes:
    tags = {0x010E: plant.bytes(), 0x013B: plant.bytes(), 0x9C9D: plant().encode("utf-16-le")}
    return b"II*\0\x08\0\0\0" + tiff_tags({tag: value + b"\0\0" for tag, value in tags.items()}, 8)


def jpeg(picture: np.ndarray, plant: Planted) -> bytes:
    data = cv2.imencode(".jpg", picture)[1].tobytes()

    def segment(marker: int, content: bytes) -> bytes:
        return struct.pack(">HH", 0xFF00 | marker, len(content) + 2) + content

    iptc = b"8BIM\x04\x04\0\0" + struct.pack(">I", 40) + b"\x1c\x02\x50\0\x1e" + plant.bytes()
    xmp = f"<x:xmpmeta><dc:creator>{plant()}</dc:creator></x:xmpmeta>".encode()
    extra = segment(0xE1, b"Exif\0\0" + exif(plant)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    extra += segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(120) + b"desc" + plant.bytes())
    extra += segment(0xED, b"Photoshop 3.0\0" + iptc) + segment(0xFE, plant.bytes())
    return data[:2] + extra + data[2:] + plant.bytes()


def png(picture: np.ndarray, plant: Planted) -> bytes:
    data = cv2.imencode(".png", picture)[1].tobytes()
    extra = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(120) + b"desc" + plant.bytes()))
    extra += png_chunk(b"tEXt", b"Author\0" + plant.bytes())
    extra += png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(plant.bytes()))
    extra += png_chunk(b"iTXt", b"Title\0\0\0\0\0" + plant().encode("utf-8"))
    extra += png_chunk(b"eXIf", exif(plant))
    return data[:33] + extra + data[33:] + plant.bytes()


def tiff(picture: np.ndarray, plant: Planted) -> bytes:
    data = cv2.imencode(".tiff", picture, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1].tobytes()
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    entries = {
        data[start + 2 + 12 * n : start + 4 + 12 * n]: data[start + 2 + 12 * n : start + 14 + 12 * n]
        for n in range(count)
    }
    values = b""
    for tag in (270, 315, 316, 700, 33723, 34675):
        text = plant.bytes() + b"\0"
        where = len(data) + len(values)
        entries[struct.pack("<H", tag)] = struct.pack("<HHII", tag, 2 if tag < 400 else 7, len(text), where)
        values += text + bytes(len(text) % 2)
    ordered = sorted(entries.values(), key=lambda entry: struct.unpack_from("<H", entry)[0])
    directory = struct.pack("<H", len(ordered)) + b"".join(ordered) + bytes(4)
    return data[:4] + struct.pack("<I", len(data) + len(values)) + data[8:] + values + directory


def webp(picture: np.ndarray, plant: Planted) -> bytes:
    still = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 90])[1].tobytes()[12:]

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    size = struct.pack("<I", picture.shape[1] - 1)[:3] + struct.pack("<I", picture.shape[0] - 1)[:3]
    chunks = chunk(b"VP8X", b"\x0c\0\0\0" + size) + still + chunk(b"EXIF", exif(plant)) + chunk(b"XMP ", plant.bytes())
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


@pytest.fixture
def planted(eye: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[str], list[str]]]:
    """Makes the folder ``in`` of good, broken, odd and crashing files; returns identifiers in content, and in names."""
    monkeypatch.setattr(reader, "_PROGRAM", EVIL)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    picture = cv2.imdecode(np.frombuffer(eye, np.uint8), cv2.IMREAD_COLOR)
    plant = Planted()
    whole = {
        "jpg": jpeg(picture, plant),
        "png": png(picture, plant),
        "tif": tiff(picture, plant),
        "webp": webp(picture, plant),
    }
    content = {f"good.{kind}": data for kind, data in whole.items()}
    content |= {f"cut.{kind}": data[: len(data) * 2 // 3] for kind, data in whole.items()}
    content["dicom.png"] = bytes(128) + b"DICM" + struct.pack("<HH2sH", 0x10, 0x10, b"PN", 20) + plant.bytes()
    content["crash.jpg"] = b"segv\0" + plant.bytes()
    content["raise.jpg"] = b"raise\0" + plant.bytes()
    content["text.jpg"] = plant.bytes()
    inside = list(plant.taken)
    folder = Path("in", plant())
    folder.mkdir(parents=True)
    Path("temporary").mkdir()
    for name, data in content.items():
        (folder / f"{plant()}-{name}" if len(plant.taken) < 34 else folder / name).write_bytes(data)
    for side in ("left", "right"):  # a dual network would name the partner
        (folder / f"{plant.taken[-1]}_{side}.png").write_bytes(eye)
    yield inside, [name for name in plant.taken if name not in inside]


def forms(identifier: str) -> dict[str, bytes]:
    """How an identifier may be written: as it is, in other encodings, in base64 wherever it begins."""
    plain = identifier.encode("ascii")
    # The first characters of base64 hang on what stands before, the last on what follows.
    shifted = {f"base64+{n}": base64.b64encode(bytes(n) + plain)[2 * (n > 0) + 2 : -4] for n in range(3)}
    wide = {kind: identifier.encode(kind) for kind in ("utf-16-le", "utf-16-be")}
    return {"plain": plain, "hex": plain.hex().encode(), **wide, **shifted}


def hits(data: bytes, identifiers: list[str]) -> list[tuple[str, str]]:
    return [(name, kind) for name in identifiers for kind, form in forms(name).items() if form in data]


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


@pytest.mark.parametrize("kind", ["plain", "utf-16-le", "utf-16-be", "base64"])
def test_the_search_finds_what_is_there(kind: str) -> None:
    for before in range(4):
        data = b"x" * before + IDENTIFIERS[3].encode() + b"and more"
        data = base64.b64encode(data) if kind == "base64" else data if kind == "plain" else data.decode().encode(kind)
        assert {name for name, _ in hits(data, IDENTIFIERS)} == {IDENTIFIERS[3]}


def test_nothing_that_a_file_holds_is_in_an_output(
    kerasdr: Kerasdr, engines: list[Any], model: str, planted: tuple[list[str], list[str]]
) -> None:
    inside, names = planted
    assert len(inside) > 25 and len(inside) + len(names) <= 40
    for name in inside:  # they are all there to be found
        assert any(hits(path.read_bytes(), [name]) or b"zTXt" in path.read_bytes() for path in Path("in").rglob("*.*"))
    ran = kerasdr("predict", "in", "--out", "results/out.csv", "--model", model)
    assert ran.code == 3
    statuses: dict[str, int] = {}
    shown = set()
    with open("results/out.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            shown |= {row["gradcam"]} - {""}
            statuses[row["status"]] = statuses.get(row["status"], 0) + 1
            rest = "\n".join(cell for column, cell in row.items() if column not in ("image", "partner"))
            assert hits(rest.encode(), inside + names) == []
            assert hits((row["image"] + row["partner"]).encode(), inside) == []
    assert statuses == {"graded": 6, "failed": 8}
    assert hits((ran.out + ran.err).encode(), inside + names) == []
    pictures = list(Path("results/out_gradcam").iterdir())
    assert len(pictures) == len(shown)  # two of the photographs are the same file under two names
    for picture in pictures:
        data = picture.read_bytes()
        assert hits(picture.name.encode() + data, inside + names) == []
        found = chunks(data)
        assert {kind for kind, _ in found} <= {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"sRGB"}
        assert found[-1] == (b"IEND", b"") and data.endswith(b"IEND\xaeB`\x82")
        pixels = zlib.decompress(b"".join(content for kind, content in found if kind == b"IDAT"))
        assert hits(pixels, inside + names) == []
    assert list(Path("temporary").iterdir()) == []


def test_with_pseudonyms_no_name_is_in_an_output(
    kerasdr: Kerasdr, engines: list[Any], model: str, planted: tuple[list[str], list[str]]
) -> None:
    inside, names = planted
    Path("keys").mkdir()
    arguments = (
        "predict",
        "in",
        "--out",
        "results/out.csv",
        "--model",
        model,
        "--pseudonymise",
        "--key",
        "keys/site.key",
    )
    ran = kerasdr(*arguments)
    assert ran.code == 3
    for path in Path("results").rglob("*"):
        assert hits(str(path).encode() + (path.read_bytes() if path.is_file() else b""), inside + names) == []
    assert hits((ran.out + ran.err).encode(), inside + names) == []
    first = Path("results/out.csv").read_bytes()
    shown = [row["image"] for row in csv.DictReader(io.StringIO(first.decode()))]
    assert len(set(shown)) == len(shown) == 14
    assert shown == sorted(shown)  # in the order of the names, a list of the people would tell
    assert all(re.fullmatch(r"p_[0-9a-f]{16}\.(jpg|png|tif|webp)", name) for name in shown)
    # Who has the key's folder can tell who they are.
    listed = dict(csv.reader(io.StringIO(next(Path("keys").glob("out.*.names.csv")).read_text())))
    assert {os.path.relpath(listed[name]) for name in shown} == {str(path) for path in Path("in").rglob("*.*")}
    for path in Path("keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kerasdr(*arguments)
    assert Path("results/out.csv").read_bytes() == first  # the same key, the same pseudonyms
    assert kerasdr("predict", "nobody", "--out", "o.csv", "--model", model, *arguments[-3:]).code == 4
    (Path("empty") / names[0]).mkdir(parents=True)
    ran = kerasdr("predict", f"empty/{names[0]}", "--out", "o.csv", "--model", model, *arguments[-3:])
    assert hits(ran.error.encode(), names) == []
