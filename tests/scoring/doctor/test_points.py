"""What the doctor looks at, on files that describe other machines than this one."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasdr.machine import available_memory, processor_name
from kerasdr.scoring.doctor import host, output, packages
from kerasdr.scoring.doctor.examine import examine
from kerasdr.scoring.doctor.model import check_answers, check_bundle, check_engine, needed_memory
from kerasdr.scoring.doctor.point import Point
from kerasdr.scoring.ledger import place


def states(points: list[Point]) -> list[tuple[str, str]]:
    return [(point.name, point.state) for point in points]


def cpuinfo(tmp_path: Path, flags: str) -> Path:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\n")
    return path


@pytest.mark.parametrize(
    ("flags", "state", "words"),
    [
        ("sse2 avx avx2 avx512f amx_tile", "ok", "A Processor with AVX, AVX2, AVX-512, AMX"),
        ("sse2 avx avx2", "ok", "A Processor with AVX, AVX2"),
        ("sse2 avx", "warning", "A Processor without AVX2: it grades several times slower"),
        ("sse2", "warning", "A Processor without AVX: TensorFlow does not run here"),
    ],
)
def test_processor(flags: str, state: str, words: str, tmp_path: Path) -> None:
    point = host.check_processor(cpuinfo(tmp_path, flags))
    assert point.state == state and point.text.startswith(words)


def test_processor_of_another_family_or_unknown(tmp_path: Path) -> None:
    (tmp_path / "arm").write_text("processor : 0\nCPU part : 0xd0c\nFeatures : fp asimd\n")
    assert host.check_processor(tmp_path / "arm").state == "ok"
    assert host.check_processor(tmp_path / "none").state == "ok"
    assert processor_name(tmp_path / "arm") == "0xd0c fp asimd"
    assert processor_name(tmp_path / "none")
    assert processor_name(cpuinfo(tmp_path, "avx")) == "A Processor fpu avx"


def test_cores() -> None:
    assert host.check_cores(2, 8).text.startswith("2 of 8 may be used here")
    assert host.check_cores(4, 4).text == "4"


@pytest.mark.parametrize(("available", "state"), [(1e9, "problem"), (2.5e9, "warning"), (8e9, "ok"), (0.0, "problem")])
def test_memory(available: float, state: str) -> None:
    assert host.check_memory(2e9, available).state == state


def test_memory_that_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 4000 kB\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 4000 * 1024
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("300000\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 700_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path, tmp_path / "meminfo") == 4000 * 1024
    assert available_memory(tmp_path / "no", tmp_path / "no") is None


def test_clock() -> None:
    assert host.check_clock(0.0).state == "problem"
    assert host.check_clock(time.mktime((2027, 1, 1, 12, 0, 0, 0, 0, -1))).state == "ok"


@pytest.mark.parametrize(("backend", "state"), [(None, "ok"), ("jax", "ok"), ("torch", "problem"), ("", "problem")])
def test_backend(backend: str | None, state: str) -> None:
    assert host.check_backend({} if backend is None else {"KERAS_BACKEND": backend}).state == state


def test_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    for limit, state in ((64, "warning"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, limit=limit: (limit, limit))
        assert host.check_open_files().state == state


# Packages


def test_python() -> None:
    assert packages.check_python((3, 10, 4)).state == "problem"
    assert packages.check_python((3, 11, 0)).state == "ok"


def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"numpy": "1.26.4", "click": "8.1.10", "opencv-python-headless": "4.10.0.84", "h5py": "3.11"}

    def version(name: str) -> str:
        if name not in there:
            raise packages.metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(packages.metadata, "version", version)
    asked = ["numpy>=2.0", "click>=8.1.7", "opencv-python>=4.10", "h5py>=3.11.0", "keras>=3", "pydantic>=2.8"]
    found, old, needed, others = packages.check_packages(asked)
    assert (found.state, found.text) == ("ok", "click 8.1.10, opencv-python 4.10.0.84, h5py 3.11")
    assert old.state == "problem" and old.text.startswith("numpy 1.26.4 is older than 2.0: pip install")
    assert needed.state == "problem" and needed.text.startswith("grading needs pydantic: ")
    assert others.state == "warning" and others.text.endswith(": keras")


def test_packages_of_this_installation_are_as_asked_for() -> None:
    assert [point.state for point in packages.check_packages()] == ["ok"]


# Output


def test_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = output.check_output(tmp_path / "new")
    assert [point.name for point in points] == ["output", "disk space", "file system"]
    assert points[0].state == "ok" and os.listdir(tmp_path) == []
    for free, state in ((10**7, "problem"), (10**9, "warning"), (10**12, "ok")):
        monkeypatch.setattr(
            output.shutil, "disk_usage", lambda path, free=free: output.shutil._ntuple_diskusage(1, 0, free)
        )
        assert output.check_output(tmp_path)[1].state == state
    monkeypatch.setattr(output, "try_to_write", lambda folder: time.sleep(0.12))
    assert output.check_output(tmp_path)[0].state == "warning"


def test_output_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(output, "try_to_write", refuse)
    (point,) = output.check_output(tmp_path)
    assert point.state == "problem" and "Read-only file system" in point.text
    assert output.check_cache(tmp_path / "cache").state == "warning"
    assert output.check_temporary().state == "problem"


@pytest.mark.parametrize(
    ("folder", "kind", "state"),
    [("/srv/share/in", "nfs4", "warning"), ("/srv/sharp", "ext4", "ok"), ("/", "ext4", "ok")],
)
def test_file_system(folder: str, kind: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/a rw\n30 22 0:40 / /srv/share rw - nfs4 host:/x rw\n")
    monkeypatch.setattr(place, "_MOUNTS", mounts)
    point = output.check_file_system(Path(folder))
    assert point.state == state and point.text.startswith(kind)
    monkeypatch.setattr(place, "_MOUNTS", tmp_path / "none")
    assert output.check_file_system(Path(folder)).state == "ok"


# Model


def test_bundle(make_bundle: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    points, bundle = check_bundle(folder)
    assert states(points) == [("model", "ok")] and bundle is not None and "not signed" in points[0].text
    (folder / "manifest.json").write_text("{}")
    points, none = check_bundle(folder)
    assert states(points) == [("model", "problem")] and none is None
    assert check_bundle(tmp_path / "none")[0][0].text.startswith("no model at")
    drawn = make_bundle(tmp_path / "c", validation={"phantoms": True})
    assert states(check_bundle(drawn)[0]) == [("model", "ok"), ("model", "warning")]
    assert needed_memory(bundle) > needed_memory(None) > 0


def test_engine_and_answers(make_bundle: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kerasdr.scoring.doctor import model

    _, bundle = check_bundle(make_bundle(tmp_path / "b"))
    assert bundle is not None
    asked: list[str] = []

    def make(bundle: Any, *, engine: str) -> object:
        raise ImportError("libtbb.so.12: cannot open shared object file")

    monkeypatch.setattr(model, "make_engine", make)
    point, engine, _ = check_engine(bundle, "keras", lambda: asked.append("keras"))
    assert (point.state, engine, asked) == ("problem", None, ["keras"])
    assert "keras does not load (ImportError)" in point.text
    point, _, _ = check_engine(bundle, "openvino", lambda: None)
    assert point.state == "problem" and "has no graphs for the engine openvino" in point.text
    assert check_answers(bundle, object(), "keras").state == "warning"  # type: ignore[arg-type]


def test_examination_without_a_model(tmp_path: Path) -> None:
    points = examine(None, tmp_path)
    names = [point.name for point in points]
    assert names == [
        *("python", "packages", "processor", "cores", "memory", "model", "output", "disk space", "file system"),
        *("cache", "temporary files", "fonts", "clock", "open files", "KERAS_BACKEND"),
    ]
    assert all(point.text and "\n" not in point.text for point in points)


@pytest.mark.parametrize("missing", ["numpy", "cv2", "pydantic", "yaml", "pydantic_core"])
def test_what_does_not_load_is_a_point(missing: str, tmp_path: Path) -> None:
    program = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {missing!r}:
            raise ModuleNotFoundError("No module", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["kerasdr", "doctor"]
from kerasdr.cli.main import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    (model,) = [line for line in lines if " model: " in line]
    assert model == f"problem  model: cannot be looked at without {missing}: pip install -c constraints.txt ."
    assert len(lines) > 10 and lines[-1].startswith("ok       KERAS_BACKEND: ")
