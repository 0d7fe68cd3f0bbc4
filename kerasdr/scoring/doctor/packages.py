"""Python and the packages that kerasdr asks for."""

import re
import sys
from collections.abc import Sequence
from importlib import metadata

from kerasdr.scoring.doctor.point import Point, ok, problem, warning

# What grading needs; the rest is for training and for figures.
_FOR_GRADING = ("click", "isal", "numpy", "opencv-python", "pydantic", "pyyaml")
_OLDEST_PYTHON = (3, 11)
# The same modules under another name.
_ALSO = {"opencv-python": ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")}
_ASKED = re.compile(r"^([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)$")


def check_python(version: Sequence[int] | None = None) -> Point:
    """Look at a version of Python, its own if None."""
    version = sys.version_info[:3] if version is None else version
    text = ".".join(map(str, version[:3]))
    if tuple(version[:2]) < _OLDEST_PYTHON:
        return problem("python", f"{text}: install Python {'.'.join(map(str, _OLDEST_PYTHON))} or newer")
    return ok("python", text)


def check_packages(asked: Sequence[str] | None = None) -> list[Point]:
    """Look at installed versions beside those that kerasdr asks for.

    Args:
        asked: requirements such as ``numpy>=2.0``; those of the installed kerasdr if None.
    """
    if asked is None:
        try:
            asked = [line for line in metadata.requires("kerasdr") or [] if ";" not in line]
        except metadata.PackageNotFoundError:
            return [warning("packages", "kerasdr is not installed as a package, so what it asks for is not known")]
    found, wrong, missing = [], [], []
    for line in asked:
        match = _ASKED.match(line.strip())
        if match is None:
            continue
        name, least = match[1].lower(), match[2]
        version = _installed(name)
        if version is None:
            missing.append(name)
        elif _numbers(version) < _numbers(least):
            wrong.append(f"{name} {version} is older than {least}")
        else:
            found.append(f"{name} {version}")
    points = [ok("packages", ", ".join(found))] if found else []
    if wrong:
        points.append(problem("packages", f"{'; '.join(wrong)}: pip install -c constraints.txt ."))
    if needed := [name for name in missing if name in _FOR_GRADING]:
        points.append(problem("packages", f"grading needs {', '.join(needed)}: pip install -c constraints.txt ."))
    if others := [name for name in missing if name not in _FOR_GRADING]:
        points.append(warning("packages", f"not installed, so only what does without works: {', '.join(others)}"))
    return points


def _installed(name: str) -> str | None:
    for called in (name, *_ALSO.get(name, ())):
        try:
            return metadata.version(called)
        except metadata.PackageNotFoundError:
            continue
    return None


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))
