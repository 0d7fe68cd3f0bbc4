"""Phantoms as EyePACS has them: ``train/<person>_<left|right>.jpeg`` and ``trainLabels.csv``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasdr.data.phantom.draw import draw_person
from kerasdr.data.phantom.shots import Shot, write_csv


def draw(seed: int, number: int, people: int, size: int) -> list[Shot]:
    """Draw a person: mostly both eyes, one photograph each."""
    shots = []
    for phantom in draw_person(seed, number, size):
        name = f"{number}_{phantom.eye}"
        shots.append(Shot(name, f"train/{name}.jpeg", phantom))
    return shots


def write_labels(out: Path, seed: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write ``image,level,quality``."""
    rows = ((entry["image"], entry["grade"], entry["quality"]) for entry in entries)
    write_csv(out / "trainLabels.csv", ("image", "level", "quality"), rows)
