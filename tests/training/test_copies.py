"""Copies in two parts of a run: refused where the pixels are the same, said where they are alike."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.config import ImagingConfig
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.phantom.draw import draw_person
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError
from kerasdr.imaging.decode import decode
from kerasdr.imaging.look import see
from kerasdr.reporting import Reporter
from kerasdr.training import copies
from kerasdr.training.copies import note_near_duplicates, refuse_same_pixels
from kerasdr.training.prepared import PreparedPhotographs, prepare_table

Make = Callable[..., tuple[pd.DataFrame, PreparedPhotographs]]


class Notes(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes pictures and returns their table and what is prepared of them: ``make(("a.png", "train", rgb), ...)``."""

    def made(*files: tuple[str, str, np.ndarray]) -> tuple[pd.DataFrame, PreparedPhotographs]:
        records = []
        for name, split, rgb in files:
            cv2.imwrite(str(tmp_path / name), cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))
            records.append({"image_id": name, "path": str(tmp_path / name), "grade": 1, "split": split})
        table = make_table(records)
        imaging = ImagingConfig(recipe="clahe-crop", size=48)
        return table, prepare_table(table, photograph_digests(table), imaging, tmp_path / ".cache")

    return made


@pytest.fixture(scope="module")
def eyes() -> list[np.ndarray]:
    return [draw_person(person, 1, 200)[0].image for person in range(4)]


def test_what_is_prepared_is_what_is_seen(make: Make, eyes: list[np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    table, prepared = make(("a.png", "train", eyes[0]), ("b.jpg", "test", eyes[1]))
    for row, path in enumerate(table["path"]):
        look = see(decode(Path(path).read_bytes()))
        assert prepared.pixels[row] == look.pixels and np.array_equal(prepared.looks[row], look.picture)
    # From the cache they are the same.
    imaging = ImagingConfig(recipe="clahe-crop", size=48)
    again = prepare_table(table, photograph_digests(table), imaging, tmp_path / ".cache")
    assert again.pixels == prepared.pixels and np.array_equal(again.looks, prepared.looks)


def test_same_pixels_in_two_parts_are_refused(make: Make, eyes: list[np.ndarray]) -> None:
    table, prepared = make(("a.png", "train", eyes[0]), ("b.bmp", "test", eyes[0]), ("c.png", "test", eyes[1]))
    with pytest.raises(
        KerasdrError, match=r"another file of the same pixels\) is in train as a.png and in test as b.bmp"
    ):
        refuse_same_pixels(table, prepared)
    refuse_same_pixels(table.assign(split=["test", "test", "train"]), prepared)
    refuse_same_pixels(table.assign(split=["train", "", "test"]), prepared)


def test_photographs_that_are_not_used_do_not_count(make: Make) -> None:
    """Two black frames are the same and nobody's eye."""
    black = np.zeros((200, 200, 3), np.uint8)
    table, prepared = make(("a.png", "train", black), ("b.bmp", "test", black))
    assert len(set(prepared.pixels)) == 1 and not prepared.usable.any()
    refuse_same_pixels(table, prepared)


def test_near_duplicates_are_said_and_listed_and_kept(
    make: Make, eyes: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, prepared = make(
        ("a.png", "train", eyes[0]),
        ("b.jpg", "train", eyes[0]),
        ("c.png", "validation", eyes[1]),
        ("d.png", "test", eyes[1][:, ::-1]),
        ("e.png", "train", eyes[2]),
        ("f.png", "", eyes[2][::-1]),
    )
    run, notes = tmp_path / "run", Notes()
    run.mkdir()
    assert note_near_duplicates(table, prepared, run, tmp_path / ".cache", notes) == 1
    (line,) = notes.lines
    assert line.startswith("warning: near duplicates in two parts: 1 pairs")
    assert "c.png in validation and d.png in test" in line and str(run / "near_duplicates.csv") in line
    with open(run / "near_duplicates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [
        (row["image_id"], row["split"], row["other_image_id"], row["other_split"], row["pose"]) for row in rows
    ] == [
        ("c.png", "validation", "d.png", "test", "mirrored"),
        ("a.png", "train", "b.jpg", "train", ""),
    ]
    assert np.array_equal(np.load(run / "looks.npy"), prepared.looks)

    # Another split of the same photographs is answered from the cache.
    def never(*arguments: object) -> None:
        raise AssertionError("looked for a second time")

    monkeypatch.setattr(copies, "find_alike", never)
    other = table.assign(split=["train", "test", "test", "test", "train", "train"])
    assert note_near_duplicates(other, prepared, run, tmp_path / ".cache", notes) == 1
    assert "a.png in train and b.jpg in test" in notes.lines[1]


def test_without_copies_nothing_is_said(make: Make, eyes: list[np.ndarray], tmp_path: Path) -> None:
    table, prepared = make(
        *((f"{row}.png", part, eyes[row]) for row, part in enumerate(("train", "validation", "test")))
    )
    notes = Notes()
    assert note_near_duplicates(table, prepared, tmp_path, tmp_path / ".cache", notes) == 0
    assert notes.lines == []
    assert (tmp_path / "near_duplicates.csv").read_text().count("\n") == 1
