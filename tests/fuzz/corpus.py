"""Files that are no sound photographs, made from sound ones: the same seed gives the same files."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kerasdr.data.phantom.draw import draw_person

Random = np.random.Generator
FORMATS = ("jpeg", "progressive", "restart", "png", "tiff", "lzw", "bmp", "webp", "lossless")
_ENDINGS = {"progressive": "jpg", "restart": "jpg", "jpeg": "jpg", "lzw": "tif", "lossless": "webp"}
_WRITE: dict[str, tuple[str, list[int]]] = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]),
    "progressive": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "restart": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_RST_INTERVAL, 8]),
    "png": (".png", []),
    "tiff": (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, 1]),
    "lzw": (".tiff", [cv2.IMWRITE_TIFF_COMPRESSION, 5]),
    "bmp": (".bmp", []),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 90]),
    "lossless": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
}


@dataclass(frozen=True)
class Hostile:
    """A file.

    Attributes:
        name: number, what was done and of which format, and an ending.
        data: its bytes.
        whole: whether every pixel of the photograph may still be there; one that is not whole must never be graded.
        sparse: how long the file is to be made with a hole at its end.
    """

    name: str
    data: bytes
    whole: bool = True
    sparse: int = 0


def photographs(seed: int, people: int, size: int) -> dict[str, list[bytes]]:
    """Return phantoms that can be graded, encoded in every format that is read."""
    drawn = [eye for person in range(people) for eye in draw_person(seed, person, size) if eye.quality == "gradable"]
    pictures = [cv2.cvtColor(eye.image, cv2.COLOR_RGB2BGR) for eye in drawn]
    return {
        kind: [cv2.imencode(ending, picture, options)[1].tobytes() for picture in pictures]
        for kind, (ending, options) in _WRITE.items()
    }


def hostile_files(seed: int, count: int, size: int = 160) -> Iterator[Hostile]:
    """Yield files, each way to break one in turn, each format at random."""
    random = np.random.default_rng(seed)
    sound = photographs(seed, 4, size)
    ways = list(WAYS)
    for number in range(count):
        way = ways[number % len(ways)]
        kind = str(random.choice(FORMATS))
        data = sound[kind][int(random.integers(len(sound[kind])))]
        made = WAYS[way](data, kind, random)
        name = f"{number:05d}-{way}-{kind}.{made.name or _ENDINGS.get(kind, kind)}"
        yield Hostile(name, made.data, made.whole, made.sparse)


def _flips(times: int) -> Callable[[bytes, str, Random], Hostile]:
    def flip(data: bytes, kind: str, random: Random) -> Hostile:
        changed = bytearray(data)
        for at in random.integers(0, len(data), times):
            changed[at] ^= 1 << int(random.integers(8))
        return Hostile("", bytes(changed))

    return flip


def _flip_head(data: bytes, kind: str, random: Random) -> Hostile:
    changed = bytearray(data)
    for at in random.integers(0, min(200, len(data)), 4):
        changed[at] = int(random.integers(256))
    return Hostile("", bytes(changed))


def _cut(low: float, high: float) -> Callable[[bytes, str, Random], Hostile]:
    def cut(data: bytes, kind: str, random: Random) -> Hostile:
        return Hostile("", data[: int(random.uniform(low, high) * len(data))], whole=False)

    return cut


def _zero_tail(data: bytes, kind: str, random: Random) -> Hostile:
    """What a copy leaves that made room for the whole file and was broken off."""
    kept = int(random.uniform(0.3, 0.67) * len(data))
    return Hostile("", data[:kept] + bytes(len(data) - kept), whole=kind == "bmp")


def _zero_hole(data: bytes, kind: str, random: Random) -> Hostile:
    """A block that was never written. Nothing in plain pixels, nor in a WebP, can tell."""
    at = int(random.uniform(0.3, 0.6) * len(data))
    length = len(data) // 4
    return Hostile(
        "", data[:at] + bytes(length) + data[at + length :], whole=kind in ("tiff", "bmp", "webp", "lossless")
    )


def _patched_end(data: bytes, kind: str, random: Random) -> Hostile:
    """A third is missing, and somebody put an end on it."""
    kept = int(random.uniform(0.5, 0.67) * len(data))
    end = {"png": b"\0\0\0\0IEND\xaeB`\x82", "bmp": b"", "tiff": b"", "lzw": b""}.get(kind, b"\xff\xd9")
    return Hostile("", data[:kept] + end, whole=False)


def _appended(data: bytes, kind: str, random: Random) -> Hostile:
    return Hostile("", data + random.bytes(int(random.integers(1, 5000))))


def _wrong_ending(data: bytes, kind: str, random: Random) -> Hostile:
    return Hostile(str(random.choice(["jpg", "png", "tif", "bmp", "webp"])), data)


def _swapped_magic(data: bytes, kind: str, random: Random) -> Hostile:
    magic = [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"BM", b"RIFF\x10\0\0\0WEBPVP8 "]
    start = magic[int(random.integers(len(magic)))]
    return Hostile("", start + data[len(start) :])


def _numbers(data: bytes, kind: str, random: Random) -> Hostile:
    """Sizes, offsets and counts at the head become extreme."""
    changed = bytearray(data)
    extreme = (0, 1, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    heads = {"bmp": (2, 54), "png": (8, 33), "webp": (4, 40), "lossless": (4, 40)}
    start, end = heads.get(kind, (2, 700))
    if kind in ("tiff", "lzw"):
        directory = struct.unpack_from("<I" if data[:2] == b"II" else ">I", data, 4)[0]
        start, end = directory, min(len(data), directory + 200)
    for at in random.integers(start, max(start + 1, min(end, len(data)) - 4), 2):
        struct.pack_into(str(random.choice(["<I", ">I"])), changed, int(at), int(random.choice(extreme)))
    if kind == "png":
        struct.pack_into(">I", changed, 29, zlib.crc32(changed[12:29]))
    return Hostile("", bytes(changed))


def _empty(data: bytes, kind: str, random: Random) -> Hostile:
    return Hostile("", b"", whole=False)


def _text(data: bytes, kind: str, random: Random) -> Hostile:
    return Hostile("", b"patient did not come\n" * int(random.integers(1, 50)), whole=False)


def _noise(data: bytes, kind: str, random: Random) -> Hostile:
    magic = [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"BM", b"RIFF\xff\xff\xff\x7fWEBPVP8L"]
    return Hostile("", magic[int(random.integers(len(magic)))] + random.bytes(3000), whole=False)


def _zip(data: bytes, kind: str, random: Random) -> Hostile:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # By a name alone it would hold the time too.
        archive.writestr(zipfile.ZipInfo("eye.png"), bytes(5_000_000), zipfile.ZIP_DEFLATED)
    return Hostile("png", file.getvalue(), whole=False)


def _dicom(data: bytes, kind: str, random: Random) -> Hostile:
    """A file of the hospital's own format, of whose tags most are missing; its first 128 bytes may be anybody's."""
    preamble = [bytes(128), (data + bytes(128))[:128]][int(random.integers(2))]
    tag = struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", 8) + b"DOE^JANE"
    frame = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, len(data)) + data
    return Hostile(str(random.choice(["jpg", "png", "tif", "dcm.jpg"])), preamble + b"DICM" + tag + frame, whole=False)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk with its check sum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_bomb(data: bytes, kind: str, random: Random) -> Hostile:
    """A colour profile or a text that unpacks to a thousand times its size, in a sound picture."""
    picture = cv2.imencode(".png", np.full((160, 160, 3), 90, np.uint8))[1].tobytes()
    packed = zlib.compress(bytes(60_000_000), 9)
    chunk = [
        png_chunk(b"iCCP", b"p\0\0" + packed),
        png_chunk(b"zTXt", b"Comment\0\0" + packed),
        png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed),
        png_chunk(b"tEXt", b"Comment\0" + b"x" * 20_000_000),
    ][int(random.integers(4))]
    return Hostile("png", picture[:33] + chunk + picture[33:])


def _pixel_bomb(data: bytes, kind: str, random: Random) -> Hostile:
    side = int(random.choice([20_000, 65_000, 2_000_000_000]))
    ihdr = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    bodies = png_chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9)) + png_chunk(b"IEND", b"")
    bmp = b"BM" + struct.pack("<IHHIIii", 54, 0, 0, 54, 40, min(side, 2**31 - 1), -side) + struct.pack("<HH", 1, 24)
    made = [b"\x89PNG\r\n\x1a\n" + ihdr + bodies, bmp + bytes(30)]
    return Hostile("png", made[int(random.integers(2))], whole=False)


def _scans(data: bytes, kind: str, random: Random) -> Hostile:
    """A progressive JPEG whose last scan is there hundreds of times."""
    picture = cv2.imencode(".jpg", np.full((2000, 2000, 3), 90, np.uint8), _WRITE["progressive"][1])[1].tobytes()
    last = picture.rfind(b"\xff\xda")
    return Hostile("jpg", picture[:-2] + picture[last:-2] * int(random.choice([300, 3000])) + b"\xff\xd9")


def _tags(data: bytes, kind: str, random: Random) -> Hostile:
    """A TIFF whose directory holds tens of thousands of tags, tags that are longer than the file, or leads back to itself."""
    picture = cv2.imencode(".tiff", np.full((160, 160, 3), 90, np.uint8))[1].tobytes()
    at = struct.unpack_from("<I", picture, 4)[0]
    count = struct.unpack_from("<H", picture, at)[0]
    entries = [picture[at + 2 + 12 * n : at + 14 + 12 * n] for n in range(count)]
    which = int(random.integers(3))
    if which == 0:
        entries += [struct.pack("<HHII", 40_000 + n % 20_000, 2, 4, n) for n in range(60_000)]
    elif which == 1:
        entries += [struct.pack("<HHII", tag, 1, 0xFFFFFFF0, 8) for tag in (34675, 37724, 700, 33723)]
    following = len(picture) if which == 2 else 0
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)
    return Hostile("tif", picture[:4] + struct.pack("<I", len(picture)) + picture[8:] + directory)


def _exif_loop(data: bytes, kind: str, random: Random) -> Hostile:
    """EXIF whose directories lead back to themselves, or lie about how much they hold."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x010E, 2, 0x7FFFFFFF, 8)
    entries += struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 3) + entries + struct.pack("<I", 8)
    picture = cv2.imencode(".jpg", np.full((160, 160, 3), 90, np.uint8))[1].tobytes()
    return Hostile("jpg", picture[:2] + struct.pack(">HH", 0xFFE1, len(exif) + 2) + exif + picture[2:])


def _animated(data: bytes, kind: str, random: Random) -> Hostile:
    """A WebP that says it is a huge animation of many frames."""
    still = cv2.imencode(".webp", np.full((160, 160, 3), 90, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 90])[1].tobytes()
    frame = bytes(6) + struct.pack("<I", 159)[:3] + struct.pack("<I", 159)[:3] + bytes(4) + still[12:]
    side = struct.pack("<I", int(random.choice([159, 16383])))[:3]
    chunks = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + side + side + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    chunks += (b"ANMF" + struct.pack("<I", len(frame)) + frame) * int(random.choice([1, 500]))
    return Hostile("webp", b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks)


def _sparse(data: bytes, kind: str, random: Random) -> Hostile:
    return Hostile("", data, whole=False, sparse=int(random.choice([2**29 + 1, 2**32])))


WAYS: dict[str, Callable[[bytes, str, Random], Hostile]] = {
    "flip1": _flips(1),
    "flip8": _flips(8),
    "flip200": _flips(200),
    "head": _flip_head,
    "numbers": _numbers,
    "cut": _cut(0.02, 0.98),
    "third": _cut(0.6, 0.67),
    "zerotail": _zero_tail,
    "zerohole": _zero_hole,
    "patched": _patched_end,
    "appended": _appended,
    "ending": _wrong_ending,
    "magic": _swapped_magic,
    "noise": _noise,
    "tags": _tags,
    "exif": _exif_loop,
    "pngbomb": _png_bomb,
    "pixelbomb": _pixel_bomb,
    "scans": _scans,
    "animated": _animated,
    "empty": _empty,
    "text": _text,
    "zip": _zip,
    "dicom": _dicom,
    "sparse": _sparse,
}


def judge_rows(files: Sequence[Hostile], rows: Sequence[dict[str, str]]) -> list[str]:
    """Return what is wrong with the rows of a job on such files, in the order of their names; empty if nothing is."""
    wrong = []
    if len(files) != len(rows):
        wrong.append(f"{len(files)} files gave {len(rows)} rows")
    for file, row in zip(files, rows, strict=False):
        if not row["image"].endswith(file.name):
            wrong.append(f"the row of {file.name} is of {row['image']}")
        elif row["status"] != "graded" and ": " not in row["reason"]:
            wrong.append(f"{file.name}: {row['status']} without a remedy: {row['reason']}")
        elif not file.whole and row["status"] != "failed":
            wrong.append(f"{file.name}: not all of it is there, and it is {row['status']}")
    return wrong
