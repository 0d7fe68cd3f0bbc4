"""What a file's name says about the person, the eye and the view."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""Endings of DICOM files, in small letters."""

PHOTOGRAPH_SUFFIXES = DICOM_SUFFIXES | {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"}
"""Endings, in small letters, of the files that are taken for photographs."""


class PhotoName(NamedTuple):
    """The parts of a photograph's name; ``eye`` and ``view`` are empty where the name does not tell."""

    patient_id: str
    eye: str
    view: str


_EYES = {"left": "left", "l": "left", "os": "left", "right": "right", "r": "right", "od": "right"}
# <person>_<left|right> (EyePACS), <person>_<l|r><view> (DeepDRiD), and the hospital's OS/OD.
_PATTERN = re.compile(r"(?P<person>.+)[_-](?P<eye>left|right|l|r|os|od)(?P<view>\d*)", re.IGNORECASE)


def parse_name(stem: str) -> PhotoName:
    """Read person, eye and view from a file name without its ending.

    ``10_left`` is person 10's left eye; ``12_r2`` is the second view of person 12's right eye; any other name is a
    person of its own whose eye is not known.
    """
    match = _PATTERN.fullmatch(stem)
    if match is None:
        return PhotoName(stem, "", "")
    return PhotoName(match["person"], _EYES[match["eye"].lower()], match["view"])


def parse_eye(text: str) -> str:
    """Return ``left``, ``right`` or an empty string for an eye's name (left, L, OS, right, R, OD, in any case).

    Raises:
        ValueError: if the text is no eye.
    """
    word = text.strip().lower()
    if word not in _EYES and word:
        raise ValueError(f"{text!r} is no eye: write left, right, L, R, OS or OD")
    return _EYES.get(word, "")


def unique_names(paths: Sequence[PurePath]) -> list[str]:
    """Name relative paths by their stems; those of one stem by their path, with its ending if that is needed."""
    stems = Counter(path.stem for path in paths)
    longer = Counter(path.with_suffix("").as_posix() for path in paths)
    names = []
    for path in paths:
        without = path.with_suffix("").as_posix()
        names.append(path.stem if stems[path.stem] == 1 else without if longer[without] == 1 else path.as_posix())
    return names
