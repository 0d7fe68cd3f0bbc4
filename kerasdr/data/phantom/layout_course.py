"""Phantoms as the course repackaged DeepDRiD: folder and CSV for train, val and test; the test has no levels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kerasdr.data.phantom.layout_deepdrid import draw_named_views
from kerasdr.data.phantom.shots import Shot, official_split, person_levels, write_csv

_PARTS: Final = {"train": "train", "validation": "val", "test": "test"}


def draw(seed: int, number: int, people: int, size: int) -> list[Shot]:
    """Draw a person: the photographs of layout ``deepdrid``, in the folder of their part."""
    split = official_split(number, people)
    return [
        Shot(name, f"{_PARTS[split]}/{number}/{name}.jpg", phantom, split)
        for name, phantom in draw_named_views(seed, number, size)
    ]


def write_labels(out: Path, seed: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write ``img_path, patient_id, image_id`` of each part and, but for the test, the person's level."""
    levels = person_levels(entries)
    for split, part in _PARTS.items():
        chosen = [entry for entry in entries if entry["split"] == split]
        if not chosen:
            continue
        header: tuple[str, ...] = ("img_path", "patient_id", "image_id")
        rows = [[f"{e['person']}/{e['image']}.jpg", e["person"], e["image"]] for e in chosen]
        if split != "test":
            header = (*header, "patient_DR_Level")
            rows = [[*row, levels[entry["person"]]] for row, entry in zip(rows, chosen, strict=True)]
        write_csv(out / f"{part}.csv", header, rows)
