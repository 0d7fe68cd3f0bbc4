import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation import reader
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import Readers
from kerasdr.scoring.photographs import Photograph, load_photograph

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
REPORT = "copy it again, or report this file"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def shared() -> Iterator[Readers]:
    """Two ordinary reading processes."""
    from kerasdr.imaging.recipes import get_recipe

    with Readers(Settings((get_recipe("clahe-crop", 48),), 100.0, 0, 20.0), 2) as readers:
        yield readers


def read(readers: Readers, data: bytes, name: str = "a.png", index: int = 0) -> Photograph:
    Path(name).write_bytes(data)
    return readers.load(index, Input(str(Path(name).absolute())))


def same(one: Photograph, other: Photograph) -> bool:
    arrays = [(*found.images, found.display) for found in (one, other)]
    texts = [(found.index, found.status, found.reason, found.sha256) for found in (one, other)]
    return texts[0] == texts[1] and all(np.array_equal(a, b) for a, b in zip(*arrays, strict=True))  # type: ignore[arg-type]


def test_answers_are_those_of_this_process(
    shared: Readers, good: list[bytes], bad: dict[str, bytes], settings: Callable[..., Settings]
) -> None:
    wanted = settings()
    for index, data in enumerate([*good, *bad.values()]):
        there = read(shared, data, f"{index}.png", index)
        here = load_photograph(index, Input(f"{index}.png"), wanted.recipes, wanted.max_megapixels, wanted.shown)
        assert same(there, here), (there.status, there.reason, here.reason)


def test_names_of_any_bytes(shared: Readers, good: list[bytes]) -> None:
    for name in ("two\nlines.png", os.fsdecode(b"\xff\xfe.png"), "e\u0301.png", "x" * 251 + ".png"):
        assert read(shared, good[0], name).ready
    assert shared.load(4, Input("gone.png")).reason == "file not found: check the name"
    assert shared.load(4, Input("gone.png", "known before")).reason == "known before"


def test_processes_are_used_by_several_threads_at_once(shared: Readers, good: list[bytes]) -> None:
    for number, data in enumerate(good):
        Path(f"{number}.png").write_bytes(data)
    entries = [Input(str(Path(f"{number % 8}.png").absolute())) for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(shared.load, range(40), entries))
    assert [photograph.index for photograph in found] == list(range(40))
    assert [p.sha256 for p in found] == [hashlib.sha256(good[number % 8]).hexdigest() for number in range(40)]


@pytest.mark.usefixtures("evil")
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("segv", f"decoding this file crashed (signal 11): {REPORT}"),
        ("abort", f"decoding this file crashed (signal 6): {REPORT}"),
        ("exit", f"decoding this file crashed (exit code 7): {REPORT}"),
        ("fill", "it takes more memory than a photograph may: save the picture smaller"),
        ("say half", f"decoding this file crashed (exit code 0): {REPORT}"),
        ("say pickle", f"decoding this file went wrong (the answer made no sense): {REPORT}"),
        ("say huge", f"decoding this file went wrong (the answer made no sense): {REPORT}"),
        ("say list", f"decoding this file went wrong (the answer made no sense): {REPORT}"),
        ("say other", f"decoding this file went wrong (the answer made no sense): {REPORT}"),
    ],
)
def test_what_goes_wrong_costs_one_photograph(
    what: str, reason: str, good: list[bytes], settings: Callable[..., Settings]
) -> None:
    with Readers(settings(), 1) as readers:
        assert read(readers, good[0]).ready
        lost = read(readers, what.encode(), index=5)
        assert (lost.index, lost.status, lost.reason, lost.images) == (5, "failed", reason, ())
        assert read(readers, good[1]).sha256 == hashlib.sha256(good[1]).hexdigest()


@pytest.mark.usefixtures("evil")
@pytest.mark.parametrize("what", ["sleep", "hang"])
def test_what_takes_too_long_costs_one_photograph(
    what: str, good: list[bytes], settings: Callable[..., Settings]
) -> None:
    with Readers(settings(seconds=1.0), 1) as readers:
        assert read(readers, good[0]).ready
        started = time.monotonic()
        lost = read(readers, what.encode())
        assert time.monotonic() - started < 8
        assert (lost.status, lost.lost) == ("waiting", 1)
        assert lost.reason == "reading this file took more than 1 s: run again, or allow more time with --photo-timeout"
        assert read(readers, good[1]).ready


@pytest.mark.usefixtures("evil")
def test_what_the_system_ends_waits(good: list[bytes], settings: Callable[..., Settings]) -> None:
    with Readers(settings(), 1) as readers:
        lost = read(readers, b"kill")
        assert (lost.status, lost.lost) == ("waiting", 1)
        assert lost.reason == (
            "the system ended the reading of this file (signal 9), perhaps for lack of memory: free some, run again"
        )
        assert read(readers, good[1]).ready


def test_process_that_was_ended_between_photographs_costs_none(
    good: list[bytes], settings: Callable[..., Settings]
) -> None:
    with Readers(settings(), 1) as readers:
        assert read(readers, good[0]).ready
        (process,) = readers._all
        os.kill(process.pid, signal.SIGKILL)
        process._process.wait(10)
        assert read(readers, good[1]).ready


def test_processes_are_gone_with_the_job(good: list[bytes], settings: Callable[..., Settings]) -> None:
    with Readers(settings(), 2) as readers:
        assert read(readers, good[0]).ready
        processes = list(readers._all)
    assert len(processes) == 2 and not any(process.alive for process in processes)


def test_process_that_cannot_start_is_told_of(
    monkeypatch: pytest.MonkeyPatch, settings: Callable[..., Settings]
) -> None:
    monkeypatch.setattr(reader, "_PROGRAM", "raise ImportError('no module cv2')")
    with (
        Readers(settings(), 1) as readers,
        pytest.raises(KerasdrError, match=r"cannot be started \(ImportError: no module cv2\): check the installation"),
    ):
        read(readers, b"")


PARENT = """
import json, sys, time
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation import reader
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import Readers
reader._PROGRAM = sys.argv[1]
readers = Readers(Settings((get_recipe("crop", 48),), 100.0, None, 2.0), 2)
print(*(one.pid for one in readers._all), flush=True)
if sys.argv[2] != "starting":
    print(readers.load(0, Input("good.png")).status, flush=True)
    readers.load(0, Input(sys.argv[2]))
    time.sleep(60)
time.sleep(60)
"""


@linux
@pytest.mark.parametrize("busy", ["starting", "good.png", "sleep", "hang"])
def test_no_process_is_left_when_the_job_is_killed(busy: str, evil: str, good: list[bytes]) -> None:
    Path("good.png").write_bytes(good[0])
    for what in ("sleep", "hang"):
        Path(what).write_text(what)
    job = subprocess.Popen([sys.executable, "-c", PARENT, evil, busy], stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    pids = [int(pid) for pid in job.stdout.readline().split()]
    assert len(pids) == 2
    if busy != "starting":
        assert job.stdout.readline() == "ready\n"
        time.sleep(0.3)
    assert busy == "starting" or any(map(running, pids))
    job.kill()
    job.wait()
    job.stdout.close()
    until = time.monotonic() + 12  # what lets no other thread run ends five seconds after its time
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(running, pids))


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@linux
def test_processes_load_only_what_prepares_photographs_and_are_limited(settings: Callable[..., Settings]) -> None:
    import resource

    with Readers(settings(), 1) as readers:
        assert readers.load(0, Input("gone.png")).status == "failed"
        (process,) = readers._all
        mapped = Path(f"/proc/{process.pid}/maps").read_text()
        used = int(Path(f"/proc/{process.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        limit, _ = resource.prlimit(process.pid, resource.RLIMIT_AS)
        threads = len(os.listdir(f"/proc/{process.pid}/task"))
        files = [os.readlink(f"/proc/{process.pid}/fd/{name}") for name in os.listdir(f"/proc/{process.pid}/fd")]
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
        assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE) == (0, 0)
    assert "/cv2/" in mapped and "/numpy/" in mapped
    for name in ("openvino", "tensorflow", "keras", "pydantic", "PIL", "scipy", "pandas"):
        assert f"site-packages/{name}" not in mapped
    assert settings().memory * 0.8 < limit - used <= settings().memory * 1.1
    assert threads == 2  # the one that reads, and the one that ends it
    assert not [name for name in files if not name.startswith(("socket:", "pipe:", "/dev/null", "anon_inode:"))]


def test_modules_of_a_reading_process() -> None:
    program = "import sys\nimport kerasdr.scoring.isolation.worker\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    roots = {name.split(".")[0] for name in loaded}
    assert not roots & {"openvino", "tensorflow", "keras", "pydantic", "yaml", "pandas", "PIL", "click", "scipy"}
    assert {"numpy", "cv2"} <= roots


def test_no_module_is_taken_from_the_folder_of_photographs(
    good: list[bytes], settings: Callable[..., Settings]
) -> None:
    for name in ("cv2.py", "json.py", "numpy.py"):
        Path(name).write_text("open('ran', 'w')\nraise SystemExit")
    with Readers(settings(), 1) as readers:
        assert read(readers, good[0]).ready
    assert not Path("ran").exists()


def test_what_only_the_codec_tells_of_is_refused(shared: Readers, eyes: list[np.ndarray]) -> None:
    """Each of these decodes to a picture; the file after it is whole again."""
    picture = cv2.cvtColor(eyes[0], cv2.COLOR_RGB2BGR)

    def encoded(ending: str, *options: int) -> bytes:
        return cv2.imencode(ending, picture, options)[1].tobytes()

    def hole(data: bytes) -> bytes:
        start, length = len(data) // 3, len(data) // 8
        return data[:start] + bytes(length) + data[start + length :]

    progressive = encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    for data in (
        progressive[: 2 * len(progressive) // 3] + b"\xff\xd9",
        hole(encoded(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 4)),
        hole(encoded(".tiff", cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    ):
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
        found = read(shared, data)
        assert (found.status, found.reason) == (
            "failed",
            "the picture's data are damaged or cut off: copy it again from the camera",
        )
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        assert read(shared, progressive).ready
