"""Phantoms as DeepDRiD is published, its oddities included.

Everybody has two views of both eyes. Paths in the label files have back-slashes and name no real folder. A row fills
its own eye's level only; what is ungradable is of level 5 (an eye of person 4 always is). Person 2's second view of the
left eye is called ``2_r3`` and the first of the right eye ``2_l3``, as with DeepDRiD's person 56; person 3 has an
``r3`` for an ``r2``. The labels of the evaluation part are workbooks; a template beside them has no labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from kerasdr.data.phantom.draw import Phantom, draw_views
from kerasdr.data.phantom.people import make_person
from kerasdr.data.phantom.shots import Shot, level_of, official_split, person_levels, write_csv
from kerasdr.data.spreadsheet import write_rows

_TOP: Final = "regular_fundus_images"
_FOLDERS: Final = {
    "train": "regular-fundus-training",
    "validation": "regular-fundus-validation",
    "test": "Online-Challenge1&2-Evaluation",
}
TRAINING_LABELS: Final = f"{_TOP}/{_FOLDERS['train']}/{_FOLDERS['train']}.csv"
_ODD_NAMES: Final = {"2_l2": "2_r3", "2_r1": "2_l3", "3_r2": "3_r3"}
_UNGRADABLE_PERSON: Final = 4
_HEADER: Final = (
    "patient_id",
    "image_id",
    "image_path",
    "Overall quality",
    "left_eye_DR_Level",
    "right_eye_DR_Level",
    "patient_DR_Level",
    "Clarity",
    "Field definition",
    "Artifact",
)


def draw_named_views(seed: int, number: int, size: int) -> list[tuple[str, Phantom]]:
    """Draw two views of both eyes of a person, with DeepDRiD's names for them (``12_l1, 12_l2, 12_r1, 12_r2``)."""
    person = make_person(seed, number, both_eyes=True)
    if number == _UNGRADABLE_PERSON and not any(eye.fault for eye in person.eyes):
        left, right = person.eyes
        person = replace(person, eyes=(replace(left, fault="out of focus"), right))
    named = []
    for eye in person.eyes:
        for phantom in draw_views(seed, person, eye, size):
            name = f"{number}_{eye.eye[0]}{phantom.view}"
            named.append((_ODD_NAMES.get(name, name), phantom))
    return named


def draw(seed: int, number: int, people: int, size: int) -> list[Shot]:
    """Draw a person into the folder of the official split."""
    split = official_split(number, people)
    folder = f"{_TOP}/{_FOLDERS[split]}/Images/{number}"
    return [
        Shot(name, f"{folder}/{name}.jpg", phantom, split) for name, phantom in draw_named_views(seed, number, size)
    ]


def write_labels(out: Path, seed: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV for training and for validation, and the evaluation part's two workbooks and template."""
    levels = person_levels(entries)
    for split, folder in _FOLDERS.items():
        part = [entry for entry in entries if entry["split"] == split]
        if not part:
            continue
        place = out / _TOP / folder
        if split == "test":
            grades = [(entry["image"], level_of(entry)) for entry in part]
            write_rows(place / "Challenge1_labels.xlsx", [("image_id", "DR_Levels"), *grades])
            names = ("Overall quality", "Artifact", "Clarity", "Field definition")
            scores = [(entry["image"], *(_scores(seed, entry)[name] for name in names)) for entry in part]
            write_rows(place / "Challenge2_labels.xlsx", [("image_id", *names), *scores])
            write_csv(place / "Challenge1_upload.csv", ("image_id", "DR_Level"), ((e["image"], "") for e in part))
        else:
            rows = [_row(seed, entry, folder, levels) for entry in part]
            write_csv(place / f"{folder}.csv", _HEADER, ([row.get(name, "") for name in _HEADER] for row in rows))


def _row(seed: int, entry: Mapping[str, Any], folder: str, levels: Mapping[int, int]) -> dict[str, Any]:
    return {
        "patient_id": entry["person"],
        "image_id": entry["image"],
        "image_path": f"\\{folder}\\{entry['person']}\\{entry['image']}.jpg",
        f"{entry['eye']}_eye_DR_Level": level_of(entry),
        "patient_DR_Level": levels[entry["person"]],
        **_scores(seed, entry),
    }


def _scores(seed: int, entry: Mapping[str, Any]) -> dict[str, int]:
    """Invent the quality scores: Overall quality is the eye's, the others are the photograph's."""
    stream = [seed, entry["person"], 20 + (entry["eye"] == "right")]
    of_eye, of_view = np.random.default_rng(stream), np.random.default_rng([*stream, int(entry["view"])])
    if entry["quality"] == "ungradable":
        choices: dict[str, tuple[int, ...]] = {"Clarity": (1, 4), "Field definition": (4, 6), "Artifact": (8, 10)}
    else:
        choices = {"Clarity": (6, 8, 10), "Field definition": (6, 8, 10), "Artifact": (0, 1, 4)}
    overall = int(entry["quality"] == "gradable" and of_eye.random() < 0.6)
    return {"Overall quality": overall} | {name: int(of_view.choice(values)) for name, values in choices.items()}
