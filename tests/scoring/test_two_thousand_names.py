"""Names that file systems take and people, shells and spreadsheets stumble over: a row each, and nothing else happens."""

import csv
import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.job import run_job

STARTS = [
    *(b"=", b"+", b"-", b"@", b"\t", b"\r", b"\n", b" ", b"'", b'"', b"\xff", b"\\xff", b"\\", b"~", b"$(id)"),
    *(b"%", b"#", b";", b"CON", b"NUL", b"con", b"..", b"...", b"*", b"?", b"[a]", b"--out"),
    *(b"=cmd|'C calc'!A0", b'=HYPERLINK("http:")'),
    *(text.encode() for text in ("\u202e", "\ufeff", "\u00a0", "\uff1d", "\u200b", "\x1b[2J", "e\u0301", "\u00e9")),
]
MIDDLES = ["", "Eye", "eye", "\u00e9", "e\u0301", "1_left", "a,b", 'q"q', "\u202egnp"]
ENDS = [b"", b".png", b".PNG", b".jpg", b".png ", b".", b"..", b"\n", b"\r", b",", b'"', b"\xc3", b".png\n"]
RUN = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def names(seed: int, count: int) -> list[bytes]:
    """Different names, some of them of 255 bytes, some that differ in case or normal form alone."""
    random = np.random.default_rng(seed)
    found: dict[bytes, None] = {}
    while len(found) < count:
        start, end = STARTS[random.integers(len(STARTS))], ENDS[random.integers(len(ENDS))]
        middle = str(random.choice([*MIDDLES, str(random.integers(10**6))])).encode()
        name = start + middle + end
        if random.random() < 0.05:
            name = start + b"x" * (255 - len(start) - len(end)) + end
        if name not in (b"", b".", b"..", b"-") and len(name) <= 255:
            found[name] = None
    return list(found)


def path_of(shown: str) -> bytes:
    """The name that a cell stands for."""
    text = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), shown.encode())
    return text.removeprefix(b"./")


def cells(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> dict[bytes, tuple[int, int]]:
    """Size and time of every file, and which folders there are."""
    found: dict[bytes, tuple[int, int]] = {}
    for here, folders, files in os.walk(os.fsencode(folder)):
        found |= {os.path.join(here, name): (0, 0) for name in folders}
        for name in files:
            status = os.lstat(os.path.join(here, name))
            found[os.path.join(here, name)] = (status.st_size, status.st_mtime_ns)
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "in").mkdir()
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    yield tmp_path


def no_formula(rows: list[dict[str, str]]) -> bool:
    return not any(cell.startswith(RUN) or cell[:1].isspace() for row in rows for cell in row.values())


def test_two_thousand_names(here: Path, bundle: Bundle, factory: Any, good: list[bytes]) -> None:
    made = names(1, 2000)
    for number, name in enumerate(made):
        Path(os.fsdecode(name)).write_bytes(
            good[number % 8] + number.to_bytes(4) if number % 40 == 0 else b"not a picture"
        )
    before = tree(here)
    out = here / "results" / "=1+1.csv"
    run_job([os.fsdecode(name) for name in made], bundle, out, factory=factory, gradcam=True, batch_size=4)
    rows = cells(out)
    assert [path_of(row["image"]) for row in rows] == made
    assert len({row["image"] for row in rows}) == len({row["image"].encode() for row in rows}) == 2000
    assert no_formula(rows)
    assert sum(row["status"] == "graded" for row in rows) == 50
    pictures = {row["gradcam"] for row in rows if row["gradcam"]}
    assert len(pictures) == 50 and all((here / "results" / picture).is_file() for picture in pictures)
    assert {row["reason"] for row in rows if row["status"] == "failed"} == {
        "this is not a photograph (JPEG, PNG, TIFF, BMP, WebP or DICOM): check what was saved here"
    }
    after = tree(here)
    results = os.fsencode(here / "results")
    assert {path: state for path, state in after.items() if not path.startswith(results)} == {
        path: state for path, state in before.items() if not path.startswith(results)
    }


def test_a_partners_name_is_no_formula(here: Path, bundle: Bundle, factory: Any, good: list[bytes]) -> None:
    for start in ("=1", "\uff1d2", "\ufeff=3"):
        for side in ("left", "right"):
            Path(f"{start}_{side}.png").write_bytes(good[0])
    run_job(sorted(os.listdir()), bundle, here / "out.csv", factory=factory, gradcam=False)
    rows = cells(here / "out.csv")
    assert all(row["partner"].startswith("./") for row in rows) and no_formula(rows)


def test_what_is_no_file_holds_nothing_up(here: Path, bundle: Bundle, factory: Any, good: list[bytes]) -> None:
    os.mkfifo("pipe.png")
    os.symlink("loop.png", "loop.png")
    os.symlink(".", "around")
    Path("sub").mkdir()
    Path("sub/a.png").write_bytes(good[0])
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        run_job(
            [
                ".",
                "/dev/zero",
                "../in/sub/../pipe.png",
                "around/sub/a.png",
                "sub/../../in/sub/a.png",
            ],
            bundle,
            here / "out.csv",
            factory=factory,
            gradcam=False,
        )
    assert [(row["image"], row["status"], row["reason"].split(":")[0]) for row in cells(here / "out.csv")] == [
        ("./loop.png", "failed", f"the file cannot be read ({os.strerror(errno.ELOOP)})"),
        ("./pipe.png", "failed", "this is a pipe or a device, not a photograph"),
        ("./socket.png", "failed", "this is a pipe or a device, not a photograph"),
        ("./sub/a.png", "graded", ""),
        ("/dev/zero", "failed", "this is a pipe or a device, not a photograph"),
    ]


WATCHED = """
import os, sys
written = set()
def watch(event, arguments):
    to_write = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    if event == "open" and isinstance(arguments[0], (str, bytes)) and (arguments[2] or 0) & to_write:
        written.add(os.path.realpath(os.fsdecode(arguments[0])))
    if event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate", "os.chmod"):
        written.update(os.path.realpath(os.fsdecode(one)) for one in arguments if isinstance(one, (str, bytes)))
sys.addaudithook(watch)
sys.dont_write_bytecode = True
import numpy as np
from kerasdr import load_bundle, run_job
from kerasdr.scoring.engine import EngineOutput
class Engine:
    def predict(self, batch):
        return EngineOutput(np.full((len(batch), 5), 0.2), np.ones((len(batch), 4, 4), np.float32))
run_job(sys.argv[2:], load_bundle(sys.argv[1]), "../results/out.csv", factory=lambda *_: Engine())
print(*sorted(written), sep="\\n")
"""


def test_every_file_that_is_written_lies_in_the_output(here: Path, make_bundle: Any, good: list[bytes]) -> None:
    model = make_bundle(here / "model")
    odd = ["..png", "...png", "a\\..\\b.png", "-o.png", "~.png", "$HOME.png", "%2e%2e%2fup.png"]
    for name in odd:
        Path(name).write_bytes(good[0])
    arguments = [
        sys.executable,
        "-c",
        WATCHED,
        str(model),
        *odd,
        "../in/~.png",
        "sub/../../up.png",
        "../../../../etc/hostname",
    ]
    ran = subprocess.run(arguments, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    written = ran.stdout.splitlines()
    results = os.path.realpath(here / "results")
    assert len(written) >= 8  # the pictures, and the CSV: that the hook hears
    elsewhere = [
        path for path in written if path not in (results, os.devnull) and not path.startswith(results + os.sep)
    ]
    assert elsewhere == []
