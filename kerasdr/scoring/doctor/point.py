"""One thing that was looked at on a machine."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Point:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: ``ok``; ``warning`` (it grades, but look at it); ``problem`` (it will not grade, or not rightly).
        text: what was found, and if it is not ok what to do.
    """

    name: str
    state: State
    text: str


def ok(name: str, text: str) -> Point:
    """Return a point that is as it should be."""
    return Point(name, "ok", text)


def warning(name: str, text: str) -> Point:
    """Return a point that should be looked at."""
    return Point(name, "warning", text)


def problem(name: str, text: str) -> Point:
    """Return a point that has to be mended."""
    return Point(name, "problem", text)
