"""What a machine lets a process use."""

import os
from pathlib import Path

import pytest

from kerasdr.machine import available_cores, cache_folder, graphics_processors, missing_instructions


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "250000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu.max": "rubbish\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
@pytest.mark.usefixtures("eight")
def test_affinity_and_quota(files: dict[str, str], cores: int, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cores(tmp_path) == cores


def test_this_process_has_its_affinity(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == len(os.sched_getaffinity(0))
    assert available_cores() >= 1


def test_instructions(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    assert missing_instructions(["avx"], cpuinfo) == []  # nothing is known
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert missing_instructions(["avx"], cpuinfo) == []  # another family
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu sse4_2 avx\n")
    assert missing_instructions(["avx2", "avx", "amx"], cpuinfo) == ["amx", "avx2"]


def test_graphics_processors(tmp_path: Path) -> None:
    assert graphics_processors(tmp_path / "none", tmp_path / "none") == []
    (tmp_path / "nvidia/gpus/0000:65:00.0").mkdir(parents=True)
    (tmp_path / "nvidia/version").write_text("NVRM version: 550.54\n")
    (tmp_path / "nvidia/gpus/0000:65:00.0/information").write_text("Model: \t A GPU\n")
    for name in ("nvidia0", "nvidiactl"):
        (tmp_path / name).write_text("")
    told = ["nvidia0", "NVRM version: 550.54\n", "Model: \t A GPU\n"]
    assert graphics_processors(tmp_path / "nvidia", tmp_path) == told


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "kerasdr"
    monkeypatch.setenv("HOME", str(tmp_path))
    for passed_over in (None, "", "relative/cache"):
        if passed_over is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", passed_over)
        assert tmp_path in cache_folder().parents and cache_folder().name == "kerasdr"
