"""What a job and the processes that read its photographs say to each other: checked bytes, never objects.

A reading process has decoded files of strangers, so nothing that it says is executed or unpickled, and an answer holds
pixels of the very sizes that were asked for or is refused.
"""

import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.quality_figures import FIGURES
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.overlay import DISPLAY_SIZE
from kerasdr.scoring.photographs import Photograph

LENGTH = struct.Struct(">I")
HEAD_AT_MOST = 4096
SECONDS_AT_MOST = 86400.0
READY = b"kerasdr reads"
"""What a reading process says when it can begin."""
_REASON_AT_MOST = 400
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BYTES_A_PIXEL = 15
_MEMORY_AT_LEAST = 1536 * 2**20


class OddAnswer(ValueError):
    """An answer that no sound reading process gives."""


@dataclass(frozen=True)
class Settings:
    """How photographs are read.

    Attributes:
        recipes: what each is prepared for.
        max_megapixels: a larger one fails.
        shown: place of the recipe in whose frame the picture for people is made, or None if none is wanted.
        seconds: how long one photograph may take.
        grade_anyway: whether what the quality gate refuses is prepared nevertheless.
    """

    recipes: tuple[Recipe, ...]
    max_megapixels: float
    shown: int | None
    seconds: float
    grade_anyway: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.seconds <= SECONDS_AT_MOST:
            raise ValueError(f"a photograph may take between 0 and {SECONDS_AT_MOST:g} s, got {self.seconds}")

    @property
    def memory(self) -> int:
        """Bytes that one photograph may take above what an idle process has: enough for the largest that is let in."""
        return max(_MEMORY_AT_LEAST, int(_BYTES_A_PIXEL * self.max_megapixels * 1e6))

    def to_bytes(self) -> bytes:
        """Return the settings as JSON."""
        content = {
            "recipes": [recipe.to_dict() for recipe in self.recipes],
            "max_megapixels": self.max_megapixels,
            "shown": self.shown,
            "seconds": self.seconds,
            "grade_anyway": self.grade_anyway,
        }
        return json.dumps(content).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Settings":
        """Read settings from JSON."""
        content = json.loads(data)
        recipes = tuple(Recipe.from_dict(recipe) for recipe in content["recipes"])
        names = ("max_megapixels", "shown", "seconds", "grade_anyway")
        return cls(recipes, *(content[name] for name in names))

    def shapes(self) -> list[tuple[int, int, int]]:
        """Return the shapes of a ready photograph's arrays, all uint8: one a recipe, then the picture for people."""
        sides = [recipe.size for recipe in self.recipes] + ([] if self.shown is None else [DISPLAY_SIZE])
        return [(side, side, 3) for side in sides]


@dataclass(frozen=True)
class Head:
    """An answer but for its pixels; ``number`` is that of the question, the rest as in :class:`Photograph`."""

    number: int
    status: str
    reason: str
    sha256: str
    figures: Mapping[str, float] = field(default_factory=dict)
    eye: str = ""

    def to_bytes(self) -> bytes:
        """Return the head as JSON; what :func:`read_head` would not take of the reason is replaced or left out."""
        plain = "".join(char if char.isascii() and char.isprintable() else "?" for char in self.reason)
        content = {
            "number": self.number,
            "status": self.status,
            "reason": plain[:_REASON_AT_MOST],
            "sha256": self.sha256,
            "figures": {name: float(value) for name, value in self.figures.items()},
            "eye": self.eye,
        }
        return json.dumps(content).encode("ascii")


def to_question(entry: Input) -> bytes:
    """Return what a reading process is told of an input that has no problem: whether it was listed, and its path."""
    return (b"1" if entry.listed else b"0") + os.fsencode(entry.path)


def from_question(data: bytes) -> Input:
    """Read what :func:`to_question` gave."""
    return Input(os.fsdecode(data[1:]), listed=data[:1] == b"1")


def arrays_of(photograph: Photograph) -> Sequence[NDArray[np.uint8]]:
    """Return a photograph's arrays in the order of :meth:`Settings.shapes`."""
    shown = () if photograph.display is None else (photograph.display,)
    return [np.ascontiguousarray(array) for array in (*photograph.images, *shown)]


def read_head(data: bytes, number: int) -> Head:
    """Read an answer's head and check every part of it.

    Args:
        data: JSON, at most :data:`HEAD_AT_MOST` bytes.
        number: of the question.

    Raises:
        OddAnswer: if it is anything but an answer to this question.
    """
    try:
        content = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise OddAnswer("no JSON") from error
    if not isinstance(content, dict) or set(content) - {"figures", "eye"} != {"number", "status", "reason", "sha256"}:
        raise OddAnswer("other parts than asked for")
    status, reason, sha256 = content["status"], content["reason"], content["sha256"]
    if content["number"] != number or status not in ("ready", "ungradable", "failed", "waiting"):
        raise OddAnswer("no answer to this question")
    if not isinstance(reason, str) or len(reason) > _REASON_AT_MOST or not (reason.isprintable() and reason.isascii()):
        raise OddAnswer("a reason that cannot be shown")
    if not isinstance(sha256, str) or (sha256 and not _SHA256.fullmatch(sha256)):
        raise OddAnswer("no SHA-256")
    if (reason == "" and status != "ready") or (sha256 == "" and status not in ("failed", "waiting")):
        raise OddAnswer("parts that contradict each other")
    figures = content.get("figures", {})
    if not isinstance(figures, dict) or not set(figures) <= FIGURES:
        raise OddAnswer("figures that the quality gate has not")
    if not all(isinstance(value, float) and math.isfinite(value) for value in figures.values()):
        raise OddAnswer("figures that are no numbers")
    eye = content.get("eye", "")
    if eye not in ("", "left", "right"):
        raise OddAnswer("no eye")
    return Head(number, status, reason, sha256, figures, eye)


def photograph_of(index: int, head: Head, pixels: bytearray, settings: Settings) -> Photograph:
    """Put an answer together.

    Args:
        index: the photograph's place in the list of inputs.
        head: the answer's head.
        pixels: as many bytes as :meth:`Settings.shapes` say, or none unless it is ready.
        settings: what was asked for.
    """
    arrays, at = [], 0
    for shape in settings.shapes() if head.status == "ready" else ():
        size = shape[0] * shape[1] * shape[2]
        arrays.append(np.frombuffer(pixels, np.uint8, size, at).reshape(shape))
        at += size
    n = len(settings.recipes)
    display = arrays[n] if len(arrays) > n else None
    images = tuple(arrays[:n])
    return Photograph(index, head.status, head.reason, head.sha256, images, display, head.figures, eye=head.eye)
