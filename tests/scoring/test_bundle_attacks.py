"""A bundle is data only: whatever was done to it is refused in a line, soon, without memory, and nothing in it is executed."""

import io
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.files import sha256_of
from kerasdr.scoring.arrays import arrays_to_bytes, read_arrays
from kerasdr.scoring.bundle import load_bundle

MakeBundle = Callable[..., Path]
SECONDS = 2.0


@pytest.fixture(scope="module")
def small(make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("small") / "bundle", members=[("only", {}, "none")])


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    shutil.copytree(small, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Two gigabytes more than is taken now: what a header claims must not be asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2 * 2**30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def reseal(folder: Path) -> None:
    """Write the checksums anew, as somebody who meddles would."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    sums = "".join(f"{sha256_of(path.read_bytes())}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(sums)


def refusal(folder: Path) -> str:
    started = time.monotonic()
    with pytest.raises(ModelRefusedError) as caught:
        for member in load_bundle(folder).members:
            dict(member.weights)
    assert time.monotonic() - started < SECONDS
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("file", ["SHA256SUMS", "manifest.json"])
def test_every_single_byte_of_list_and_manifest(file: str, folder: Path) -> None:
    path = folder / file
    data = path.read_bytes()
    random = np.random.default_rng(1)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        with pytest.raises(ModelRefusedError):
            load_bundle(folder)
    path.write_bytes(data)
    load_bundle(folder)


def test_two_thousand_places_in_weights(folder: Path) -> None:
    path = folder / "weights" / "only.npz"
    data = path.read_bytes()
    random = np.random.default_rng(2)
    for place in random.integers(len(data), size=2000):
        changed = bytearray(data)
        changed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        with pytest.raises(ModelRefusedError):
            load_bundle(folder)


def test_two_thousand_changes_of_weights_whose_checksum_is_made_anew(small: Path) -> None:
    # Without the list, the file's own form is what is left: it reads as finite numbers, or is refused. Nothing else happens.
    data = (small / "weights" / "only.npz").read_bytes()
    random = np.random.default_rng(3)
    refused = 0
    for place in random.integers(len(data), size=2000):
        changed = bytearray(data)
        changed[place] = int(random.integers(256))
        try:
            arrays = read_arrays("only.npz", bytes(changed))
        except KerasdrError:
            refused += 1
        else:
            assert all(np.isfinite(array).all() for array in arrays.values())
    assert refused > 1000


def archive(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in entries:
            file.writestr(name, data)
    return stream.getvalue()


def npy(header: str, data: bytes = b"\0" * 16) -> bytes:
    text = (header + "\n").encode("ascii")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def described(shape: str, kind: str = "<f4") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"


def many_entries() -> bytes:
    """100,000 entries, all of one small array."""
    one = archive(("a.npy", npy(described("(4,)"))))
    end = struct.unpack_from("<I", one, len(one) - 6)[0]
    listing = one[end:-22]
    body = one[:end] + listing * 100_000
    return body + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 34_464, 34_464, len(listing) * 100_000, end, 0)


def many_entries_64() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for number in range(70_000):
            file.writestr(f"{number}", b"")
    return stream.getvalue()


ATTACKS: dict[str, Callable[[], bytes]] = {
    "100 GB claimed": lambda: archive(("a.npy", npy(described("(25000000000,)")))),
    "shape whose product overflows": lambda: archive(("a.npy", npy(described("(4294967296, 4294967296, 4294967296)")))),
    "shape that overflows to the right size": lambda: archive(("a.npy", npy(described("(4611686018427387908,)")))),
    "fewer bytes than the shape says": lambda: archive(("a.npy", npy(described("(5,)")))),
    "more bytes than the shape says": lambda: archive(("a.npy", npy(described("(3,)")))),
    "negative shape": lambda: archive(("a.npy", npy(described("(-4,)")))),
    "33 dimensions": lambda: archive(("a.npy", npy(described("(" + "1, " * 70 + "4)")))),
    "objects": lambda: archive(("a.npy", npy(described("(2,)", "|O")))),
    "header that is a program": lambda: archive(("a.npy", npy("__import__('os').mkdir('made')"))),
    "header that names a program": lambda: archive(("a.npy", npy(described("(4,)", "<f4', 'x': __import__('os')")))),
    "header of records": lambda: archive(
        ("a.npy", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }"))
    ),
    "header longer than the file": lambda: archive(("a.npy", b"\x93NUMPY\x01\x00\xff\xff{")),
    "header of version 9": lambda: archive(("a.npy", b"\x93NUMPY\x09\x00" + npy(described("(4,)"))[8:])),
    "bomb": lambda: archive(("a.npy", npy(described("(25000000,)"), bytes(10**8))), compression=zipfile.ZIP_DEFLATED),
    "bomb of bzip2": lambda: archive(
        ("a.npy", npy(described("(25000000,)"), bytes(10**8))), compression=zipfile.ZIP_BZIP2
    ),
    "two of one name": lambda: archive(("a.npy", npy(described("(4,)"))), ("a.npy", npy(described("(4,)")))),
    "no array": lambda: archive(("a.py", b"import os")),
    "pickle": lambda: b"\x80\x04\x95\x00.",
    "100,000 entries": many_entries,
    "70,000 entries of the long form": many_entries_64,
    "NaN": lambda: archive(("a.npy", npy(described("(4,)"), struct.pack("<4f", 0, 0, float("nan"), 0)))),
    "infinite": lambda: archive(("a.npy", npy(described("(4,)"), struct.pack("<4f", 0, 0, float("inf"), 0)))),
    "text": lambda: archive(("a.npy", npy(described("(4,)", "<U1")))),
    "times": lambda: archive(("a.npy", npy(described("(2,)", "<M8[D]")))),
    "complex": lambda: archive(("a.npy", npy(described("(2,)", "<c8")))),
    "empty file": lambda: b"",
    "end of an archive alone": lambda: b"PK\5\6" + bytes(18),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_weights_that_are_an_attack(name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = ATTACKS[name]()
    (folder / "weights" / "only.npz").write_bytes(data)
    reseal(folder)
    said = refusal(folder)
    assert "weights/only.npz" in said
    assert not (tmp_path / "made").exists()


def test_arrays_come_back_as_they_were() -> None:
    random = np.random.default_rng(5)
    arrays = {
        "a/b:c": random.normal(size=(3, 1, 4)).astype(np.float32),
        "scalar": np.array(7),
        "none": np.zeros((0, 3), np.float16),
        "columns": np.asfortranarray(random.integers(0, 9, (4, 5)).astype(np.int16)),
        "swapped": np.arange(5, dtype=">f8"),
        "bytes": np.arange(250, dtype=np.uint8),
    }
    back = read_arrays("x", arrays_to_bytes(arrays))
    assert list(back) == list(arrays)
    for key, array in arrays.items():
        assert back[key].dtype == array.dtype and back[key].shape == array.shape
        np.testing.assert_array_equal(back[key], array)
        assert not back[key].flags.writeable


# The folder


def test_hard_link(folder: Path, tmp_path: Path) -> None:
    os.link(folder / "weights" / "only.npz", tmp_path / "other")
    assert "has a second name elsewhere (a hard link)" in refusal(folder)


@pytest.mark.parametrize("name", ["manifest.json", "SHA256SUMS", "weights/only.npz", "SHA256SUMS.sig"])
@pytest.mark.parametrize("kind", ["symlink", "fifo", "socket"])
def test_what_is_no_ordinary_file(
    name: str, kind: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / name
    if path.exists():
        shutil.move(path, tmp_path / "moved")
    if kind == "symlink":
        path.symlink_to(tmp_path / "moved")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        import socket

        monkeypatch.chdir(path.parent)  # names of sockets are short
        socket.socket(socket.AF_UNIX).bind(path.name)
    started = time.monotonic()
    with pytest.raises(KerasdrError) as caught:
        load_bundle(folder)
    assert time.monotonic() - started < SECONDS and "\n" not in str(caught.value)


def test_a_hundred_thousand_files_are_not_all_looked_at(folder: Path) -> None:
    for number in range(10_050):
        (folder / f"{number}").touch()
    assert "it has more than 10000 files" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "size"), [("SHA256SUMS", 3 * 2**20), ("manifest.json", 17 * 2**20), ("weights/only.npz", 5 * 2**30)]
)
def test_files_larger_than_any_bundle_has(name: str, size: int, folder: Path) -> None:
    os.truncate(folder / name, size)  # a hole, which takes no room on the disk
    assert "is larger than" in refusal(folder)


def test_a_manifest_nested_without_end(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    text = json.dumps(manifest).replace('"validation": {"quadratic_kappa": 0.5}', '"validation": {"a": ' + "[" * 10**6)
    (folder / "manifest.json").write_text(text)
    reseal(folder)
    assert "manifest.json" in refusal(folder)


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, 1.5])
def test_another_version(version: object, folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": version}))
    reseal(folder)
    assert "manifest.json: format" in refusal(folder)


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "weights/../only", "./only", "weights//only.npz", "only\\x", "a\0b", ""]
)
def test_names_that_lead_out(name: str, folder: Path) -> None:
    with open(folder / "SHA256SUMS", "ab") as file:
        file.write(f"{'0' * 64}  {name}\n".encode())
    assert "SHA256SUMS is damaged" in refusal(folder)


def test_parts_of_two_bundles(folder: Path, make_bundle: MakeBundle, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other", members=[("only", {}, "none")], name="other-1")
    for name in ("manifest.json", "SHA256SUMS"):
        kept = (folder / name).read_bytes()
        shutil.copy(other / name, folder / name)
        refusal(folder)
        (folder / name).write_bytes(kept)


# Nothing in it is executed

_AUDITED = """
import os, sys
from pathlib import Path
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from kerasdr import load_bundle, score_photographs
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.golden import compare_golden
from kerasdr.scoring.summary import How, NewDrift, rows_drift, write_summary

first, second, photographs = sys.argv[1:]

def grade(folder):
    bundle = load_bundle(folder)
    engine = make_engine(bundle, 4, engine="openvino")
    # In this process, so that the hook sees it: what reads otherwise is started by a program of kerasdr's own.
    assert not any(one.wrong for one in compare_golden(bundle, engine, batch_size=4, isolate=False))
    rows = score_photographs([photographs], bundle, batch_size=4, engine=engine)
    drift = NewDrift(rows_drift([row for row in rows if row.status == "graded"], bundle), len(rows), 0)
    write_summary(Path(photographs) / "x.csv", rows, bundle, drift, How("openvino", "float32", "passed", 1.0))
    return [row.status for row in rows]

grade(first)  # imports what is imported late, of kerasdr and of libraries
seen, watched = [], False
KINDS = ("exec", "compile", "import", "marshal.loads", "pickle.find_class", "code.__new__", "function.__new__")
KINDS += ("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn", "subprocess.Popen")
KINDS += ("ctypes.dlopen", "ctypes.dlsym", "socket.__new__", "socket.connect", "socket.getaddrinfo", "urllib.Request")

def hook(event, arguments):
    if watched and event in KINDS:
        seen.append((event, str(arguments)[:200]))

sys.addaudithook(hook)
watched = True
print(grade(second))
eval("1 + 1")  # the hook does see
watched = False
print(seen)
"""


def test_loading_and_grading_execute_nothing(
    tmp_path: Path, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.config import ModelSpec
    from kerasdr.ensembles import EnsembleSpec
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.models import build_classifier, get_weights
    from kerasdr.scoring.build import rebuild
    from kerasdr.scoring.bundle import BundleMember, write_bundle

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,), mode="dual")
    for seed, name in enumerate(("first", "second")):
        weights = get_weights(build_classifier(spec, 48, seed=seed))
        member = BundleMember("only", spec, get_recipe("clahe-crop", 48), weights)
        write_bundle(tmp_path / name, name=name, members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
        rebuild(tmp_path / name, ["openvino"])
    (tmp_path / "in").mkdir()
    for number, data in enumerate(good[:3]):
        (tmp_path / "in" / f"{number}.png").write_bytes(data)
    command = [sys.executable, "-c", _AUDITED, tmp_path / "first", tmp_path / "second", tmp_path / "in"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    statuses, seen = ran.stdout.splitlines()
    assert statuses == "['graded', 'graded', 'graded']"
    events = [event for event, _ in eval(seen)]
    assert events == ["compile", "exec"], seen  # of the hook's own trial alone
