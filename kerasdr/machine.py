"""What this machine lets a process use: cores by affinity and container limits, instruction sets, a cache folder."""

import os
import platform
import sys
from collections.abc import Collection
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_NVIDIA = Path("/proc/driver/nvidia")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Return how many cores this process may keep busy, at least 1.

    The processor affinity counts (``taskset``, a batch system's), and a container's quota of processor time, rounded down:
    more threads than it allows would be stopped in the middle of their work.

    Args:
        cgroup: where the limits of control groups are shown, version 2 or 1.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, int(_quota(cgroup) or cores)))


def _quota(cgroup: Path) -> float | None:
    """Return the processor time that a container may use at once, in cores; None if there is no limit."""
    try:
        if (cgroup / "cpu.max").is_file():
            quota, period = (cgroup / "cpu.max").read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (cgroup / f"cpu/cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period")
            )
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no such file, or the word "max"
        return None


def missing_instructions(needed: Collection[str], cpuinfo: Path = _CPUINFO) -> list[str]:
    """Return those of some instruction sets (``avx``, ``avx2``, ..) that the processor is known to lack.

    Empty where nothing is known of the processor, or where it is none of the family that has them.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), None)
    return [] if flags is None else sorted(name for name in needed if name not in flags)


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``kerasdr`` in the user's cache folder. It may not exist yet."""
    if os.path.isabs(named := os.environ.get("XDG_CACHE_HOME", "")):  # its specification says to pass over others
        return Path(named) / "kerasdr"
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"]) / "kerasdr" / "cache"
    return Path(os.path.expanduser("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")) / "kerasdr"


def processor_name(cpuinfo: Path = _CPUINFO) -> str:
    """Return the processor's model and instruction sets in a line, as far as the system tells; the machine's kind if not."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = {line.split(":", 1)[0].strip(): line.split(":", 1)[1].strip() for line in reversed(lines) if ":" in line}
    name = " ".join(told[key] for key in ("model name", "flags", "CPU part", "Features") if key in told)
    return name or f"{platform.machine()} {platform.processor()}".strip()


def graphics_processors(nvidia: Path = _NVIDIA, devices: Path = Path("/dev")) -> list[str]:
    """Return what is known, without loading a library, of NVIDIA's graphics processors and their driver; empty if nothing is.

    Args:
        nvidia: where the driver tells of itself and of each processor.
        devices: where those lie that this process, or its container, may use.
    """
    told = sorted(path.name for path in devices.glob("nvidia[0-9]*"))
    for path in (nvidia / "version", *sorted(nvidia.glob("gpus/*/information"))):
        try:
            told.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return told


def available_memory(cgroup: Path = _CGROUP, meminfo: Path = _MEMINFO) -> float | None:
    """Return how many bytes of memory this process may still take: of the machine, and of its container; None if unknown.

    Args:
        cgroup: where the limits of control groups are shown, version 2 or 1.
        meminfo: where Linux tells of its memory.
    """
    found = []
    try:
        lines = meminfo.read_text(encoding="utf-8").splitlines()
        found += [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        pass
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            # Of what is used, files that were read can be given back; so this is a careful figure.
            found.append(float(int((cgroup / limit).read_text()) - int((cgroup / used).read_text())))
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
    return max(0.0, min(found)) if found else None
