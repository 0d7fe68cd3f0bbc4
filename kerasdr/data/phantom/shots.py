"""A phantom with its place in a data set."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasdr.data.phantom.draw import Phantom
from kerasdr.files import write_text_atomically


@dataclass(frozen=True)
class Shot:
    """A phantom and what a layout calls it.

    Attributes:
        name: of the photograph, without an ending; its mask is called so.
        file: where it lies in the data set, with slashes and an ending, ``.jpg``, ``.jpeg`` or ``.png``.
        phantom: the picture and the truth about it.
        split: the part that the layout puts it into, or an empty string.
    """

    name: str
    file: str
    phantom: Phantom
    split: str = ""

    def describe(self) -> dict[str, Any]:
        """Return what ``phantoms.json`` says about it: all but the pixels."""
        phantom = self.phantom
        return {
            "image": self.name,
            "file": self.file,
            "person": phantom.person,
            "eye": phantom.eye,
            "view": phantom.view,
            "split": self.split,
            "grade": phantom.grade,
            "quality": phantom.quality,
            "lesions": dict(phantom.counts),
            "disc": [round(value, 1) for value in phantom.disc],
            "macula": [round(value, 1) for value in phantom.macula],
        }


def official_split(number: int, people: int) -> str:
    """Return the part of person ``number`` (from 1): the first 60% train, then 20% validation, then 20% test."""
    held_out = max(1, round(0.2 * people)) if people >= 3 else 0
    if number <= people - 2 * held_out:
        return "train"
    return "validation" if number <= people - held_out else "test"


def level_of(entry: Mapping[str, Any]) -> int:
    """Return DeepDRiD's level of a photograph: its grade, or 5 if it is ungradable."""
    return 5 if entry["quality"] == "ungradable" else int(entry["grade"])


def person_levels(entries: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """Return the level of each person: the worst grade of what can be graded, or 5 if nothing can."""
    levels: dict[int, int] = {}
    for entry in entries:
        known, level = levels.get(entry["person"], 5), level_of(entry)
        levels[entry["person"]] = level if known == 5 else known if level == 5 else max(known, level)
    return levels


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV in one step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())
