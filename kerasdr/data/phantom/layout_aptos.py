"""Phantoms as APTOS 2019 has them: single photographs called by a random code, ``train_images/<id_code>.png``."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.people import make_person
from kerasdr.data.phantom.shots import Shot, write_csv


def draw(seed: int, number: int, people: int, size: int) -> list[Shot]:
    """Draw one eye of a person; which one, and of whom, the name does not tell."""
    digest = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()
    person = make_person(seed, number)
    phantom = draw_eye(seed, person, person.eyes[int(digest[-1], 16) % len(person.eyes)], size)
    return [Shot(digest[:12], f"train_images/{digest[:12]}.png", phantom)]


def write_labels(out: Path, seed: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write ``id_code,diagnosis``, sorted by the code; the quality is not told."""
    rows = sorted((entry["image"], entry["grade"]) for entry in entries)
    write_csv(out / "train.csv", ("id_code", "diagnosis"), rows)
