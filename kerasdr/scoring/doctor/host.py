"""The machine itself: processor, cores, memory, clock, limits."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kerasdr.machine import available_cores, available_memory, missing_instructions, processor_name
from kerasdr.scoring.doctor.point import Point, ok, problem, warning

_CPUINFO = Path("/proc/cpuinfo")
_FEW_FILES = 256
_BACKENDS = ("tensorflow", "jax")
# Before this, the clock cannot be right: it is when this was written.
_OLDEST_YEAR = 2026


def check_processor(cpuinfo: Path = _CPUINFO) -> Point:
    """Look for the instruction sets that arithmetic is fast with."""
    model = processor_name(cpuinfo).split(" fpu ")[0]
    asked = {"avx": "AVX", "avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "bfloat16", "amx_tile": "AMX"}
    missing = missing_instructions(list(asked), cpuinfo)
    there = [title for flag, title in asked.items() if flag not in missing]
    if not missing_instructions(["no such instruction set"], cpuinfo):
        return ok("processor", f"{model}; nothing is known of its instruction sets")
    if "avx" in missing:
        return warning("processor", f"{model} without AVX: TensorFlow does not run here, so make graphs elsewhere")
    if "avx2" in missing:
        return warning("processor", f"{model} without AVX2: it grades several times slower than newer ones")
    return ok("processor", f"{model} with {', '.join(there)}")


def check_cores(cores: int | None = None, installed: int | None = None) -> Point:
    """Tell how many cores may be used."""
    cores, installed = cores or available_cores(), installed or os.cpu_count() or 1
    if cores < installed:
        return ok("cores", f"{cores} of {installed} may be used here (affinity, or a container's limit)")
    return ok("cores", f"{cores}")


def check_memory(needed: float, available: float | None = None) -> Point:
    """Compare memory that can be had with what a job needs, both in bytes."""
    available = available_memory() if available is None else available
    if available is None:
        return warning("memory", f"a job needs about {needed / 2**30:.1f} GB; what there is cannot be told here")
    text = f"{available / 2**30:.1f} GB can be had, and a job needs about {needed / 2**30:.1f} GB"
    if available < needed:
        return problem("memory", f"{text}: end other programs, raise the container's limit, or take fewer --jobs")
    if available < 1.5 * needed:
        return warning("memory", f"{text}: little is left for others; take fewer --jobs if it runs out")
    return ok("memory", text)


def check_clock(now: float | None = None) -> Point:
    """Look whether the clock can be right, and tell the time zone."""
    at = time.localtime(time.time() if now is None else now)
    text = time.strftime("%Y-%m-%d %H:%M:%S %z", at) + f" ({time.tzname[at.tm_isdst > 0]})"
    if at.tm_year < _OLDEST_YEAR:
        return problem("clock", f"{text} cannot be right: set the clock, since dates of nights are told by it")
    return ok("clock", text)


def check_open_files() -> Point:
    """Look at the limit of open files."""
    if sys.platform == "win32":
        return ok("open files", "no limit of the kind that Unix has")
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < _FEW_FILES:
        return warning("open files", f"at most {limit}: raise it to {_FEW_FILES} or more (ulimit -n)")
    return ok("open files", "no limit" if limit == resource.RLIM_INFINITY else f"up to {limit}")


def check_backend(environment: Mapping[str, str] = os.environ) -> Point:
    """Look at what Keras is told to compute with."""
    backend = environment.get("KERAS_BACKEND")
    if backend is None:
        return ok("KERAS_BACKEND", "not set: tensorflow")
    if backend not in _BACKENDS:
        return problem("KERAS_BACKEND", f"{backend!r} is not one of {', '.join(_BACKENDS)}: unset it")
    return ok("KERAS_BACKEND", backend)


def check_fonts() -> Point:
    """Tell that pictures need no font."""
    return ok("fonts", "none are needed: pictures are lettered with OpenCV's own")
