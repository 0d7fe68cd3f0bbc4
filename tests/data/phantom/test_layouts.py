"""Phantoms in every public layout: each is read by its own reader, and the reader gives what was drawn."""

import csv
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from kerasdr.cli.data import data_group
from kerasdr.data.check import inspect_dataset
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.pairs import partner_index
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.phantom.layouts import LAYOUTS
from kerasdr.data.phantom.shots import official_split, person_levels
from kerasdr.data.readers import detect_layout, read_table
from kerasdr.data.splits import check_no_leak, split_by_person
from kerasdr.data.spreadsheet import read_rows
from kerasdr.errors import KerasdrError
from kerasdr.imaging.decode import decode

PEOPLE = 12
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Phantoms of the same people in each layout."""
    base = tmp_path_factory.mktemp("layouts")
    for layout in LAYOUTS:
        write_phantoms(base / layout, people=PEOPLE, seed=3, size=96, layout=layout)
    return {layout: base / layout for layout in LAYOUTS}


def entries_of(root: Path) -> dict[str, dict[str, Any]]:
    card = json.loads((root / "phantoms.json").read_text())
    return {entry["image"]: entry for entry in card["photographs"]}


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_reader_gives_what_was_drawn(roots: dict[str, Path], layout: str) -> None:
    root = roots[layout]
    assert detect_layout(root) == layout
    assert json.loads((root / "phantoms.json").read_text())["settings"]["layout"] == layout
    dataset = read_table(layout, root)
    entries = entries_of(root)
    table = dataset.table.set_index("image_id")
    assert set(table.index) == set(entries)
    assert dataset.missing == ()
    assert not [note for note in dataset.notes if "no label" in note], "masks are no photographs"
    levels = person_levels(entries.values())
    for image, entry in entries.items():
        row = table.loc[image]
        assert Path(row["path"]) == root / entry["file"]
        assert row["split"] == entry["split"]
        assert (root / "masks" / f"{image}.png").is_file()
        if layout == "aptos":
            assert (row["patient_id"], row["eye"], row["grade"]) == (image, "", entry["grade"])
            continue
        assert row["patient_id"] == str(entry["person"])
        if layout == "course":
            level = 6 if entry["split"] == "test" else levels[entry["person"]]
        else:
            assert (row["eye"], row["quality"]) == (entry["eye"], entry["quality"])
            level = 5 if layout == "deepdrid" and entry["quality"] == "ungradable" else entry["grade"]
        assert row["grade"] == level if level < 5 else pd.isna(row["grade"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_a_data_set_without_faults(roots: dict[str, Path], layout: str) -> None:
    dataset = read_table(layout, roots[layout])
    assert inspect_dataset(dataset).faults == 0
    split = split_by_person(dataset.table, SHARES, 1)
    check_no_leak(split, photograph_digests(split))
    people = split.groupby("split")["patient_id"].nunique()
    assert all(abs(people[part] - share * PEOPLE) <= 1 for part, share in SHARES.items())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_bytes_and_the_same_command_again_is_quick(
    roots: dict[str, Path], tmp_path: Path, layout: str
) -> None:
    write_phantoms(tmp_path / "again", people=PEOPLE, seed=3, size=96, layout=layout)
    for path in roots[layout].rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(roots[layout])).read_bytes() == path.read_bytes(), path
    with pytest.raises(KerasdrError, match="other phantoms"):
        write_phantoms(roots[layout], people=PEOPLE, seed=3, size=96, layout="aptos" if layout != "aptos" else "course")


def test_deepdrid_has_the_oddities_of_the_published_files(roots: dict[str, Path]) -> None:
    top = roots["deepdrid"] / "regular_fundus_images"
    rows = {row["image_id"]: row for row in rows_of(top / "regular-fundus-training/regular-fundus-training.csv")}
    assert list(rows)[:8] == ["1_l1", "1_l2", "1_r1", "1_r2", "2_l1", "2_r3", "2_l3", "2_r2"]
    assert "3_r3" in rows and "3_r2" not in rows
    # Back-slashes, and a folder that is not there.
    assert rows["1_l1"]["image_path"] == "\\regular-fundus-training\\1\\1_l1.jpg"
    assert (top / "regular-fundus-training/Images/1/1_l1.jpg").is_file()
    assert not (top / "regular-fundus-training/1").exists()
    for image, row in rows.items():
        filled = [eye for eye in ("left", "right") if row[f"{eye}_eye_DR_Level"]]
        odd = image in ("2_r3", "2_l3")
        assert filled == [{"l": "left", "r": "right"}[image.split("_")[1][0]]] or odd
    assert rows["2_r3"]["left_eye_DR_Level"] and rows["2_l3"]["right_eye_DR_Level"]
    assert rows["4_l1"]["left_eye_DR_Level"] == "5" or rows["4_r1"]["right_eye_DR_Level"] == "5"
    assert {row["Overall quality"] for row in rows.values()} == {"0", "1"}
    # Overall quality belongs to an eye, the other scores to a photograph.
    assert rows["1_l1"]["Overall quality"] == rows["1_l2"]["Overall quality"]
    evaluation = top / "Online-Challenge1&2-Evaluation"
    grades = read_rows(evaluation / "Challenge1_labels.xlsx")
    assert grades[0][1] == ["image_id", "DR_Levels"]
    scores = read_rows(evaluation / "Challenge2_labels.xlsx")
    assert scores[0][1] == ["image_id", "Overall quality", "Artifact", "Clarity", "Field definition"]
    template = rows_of(evaluation / "Challenge1_upload.csv")
    assert {row["DR_Level"] for row in template} == {""}
    names = [row["image_id"] for row in template]
    assert names == [cells[0] for _, cells in grades[1:]] == [cells[0] for _, cells in scores[1:]]


def test_deepdrid_people_have_two_views_of_both_eyes(roots: dict[str, Path]) -> None:
    table = read_table("deepdrid", roots["deepdrid"]).table
    assert table.groupby(["patient_id", "eye"]).size().tolist() == [2] * (2 * PEOPLE)
    for pairing in ("same-eye", "both-eyes"):
        assert (partner_index(table, pairing) >= 0).all()


def test_the_course_has_the_photographs_of_deepdrid_and_levels_of_people(roots: dict[str, Path]) -> None:
    for image, entry in entries_of(roots["course"]).items():
        theirs = entries_of(roots["deepdrid"])[image]
        assert (roots["course"] / entry["file"]).read_bytes() == (roots["deepdrid"] / theirs["file"]).read_bytes()
    rows = rows_of(roots["course"] / "train.csv")
    assert list(rows[0]) == ["img_path", "patient_id", "image_id", "patient_DR_Level"]
    assert rows[0]["img_path"] == "1/1_l1.jpg"
    assert "patient_DR_Level" not in rows_of(roots["course"] / "test.csv")[0]


def test_aptos_is_png_with_a_comment_and_codes_for_names(roots: dict[str, Path]) -> None:
    files = sorted((roots["aptos"] / "train_images").iterdir())
    assert len(files) == PEOPLE
    for path in files:
        assert path.suffix == ".png" and len(path.stem) == 12 and set(path.stem) <= set("0123456789abcdef")
        data = path.read_bytes()
        length = struct.unpack(">I", data[33:37])[0]
        text, check = data[37 : 41 + length], data[41 + length : 45 + length]
        assert text.startswith(b"tEXtComment\0Synthetic photographs drawn by kerasdr")
        assert struct.unpack(">I", check)[0] == zlib.crc32(text)
        assert decode(data).shape == (96, 96, 3)
    assert [row["id_code"] for row in rows_of(roots["aptos"] / "train.csv")] == [path.stem for path in files]


def test_masks_lie_beside_the_data(roots: dict[str, Path]) -> None:
    for root in roots.values():
        some = next(image for image, entry in entries_of(root).items() if entry["grade"] >= 2)
        mask = cv2.imread(str(root / "masks" / f"{some}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (96, 96) and np.count_nonzero(mask)
        # The reader of a plain folder passes them over, too.
        assert len(read_table("folder", root).table) == len(entries_of(root))


@pytest.mark.parametrize(
    ("people", "counts"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (10, (6, 2, 2)), (500, (300, 100, 100))]
)
def test_the_official_split_is_60_20_20(people: int, counts: tuple[int, int, int]) -> None:
    parts = [official_split(number, people) for number in range(1, people + 1)]
    assert tuple(parts.count(part) for part in ("train", "validation", "test")) == counts
    assert parts == sorted(parts, key=("train", "validation", "test").index)


def test_a_persons_level_is_the_worst_that_can_be_graded() -> None:
    def entry(person: int, grade: int, quality: str = "gradable") -> dict[str, Any]:
        return {"person": person, "grade": grade, "quality": quality}

    entries = [
        entry(1, 0),
        entry(1, 3),
        entry(1, 4, "ungradable"),
        entry(2, 2, "ungradable"),
        entry(3, 4, "ungradable"),
    ]
    assert person_levels([*entries, entry(3, 1)]) == {1: 3, 2: 5, 3: 1}


def test_an_unknown_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"no layout 'aptoss' \(did you mean aptos\?\); choose from aptos, course"):
        write_phantoms(tmp_path / "out", people=1, seed=1, layout="aptoss")
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path: Path) -> None:
    options = ["--people", "1", "--size", "64", "--layout", "deepdrid"]
    ran = CliRunner().invoke(data_group, ["phantom", str(tmp_path / "out"), *options])
    assert ran.exit_code == 0
    labels = tmp_path / "out" / LAYOUTS["deepdrid"].labels
    assert ran.stdout.startswith("4 synthetic photographs of 1 people in") and str(labels) in ran.stdout
    assert labels.is_file()
    wrong = CliRunner().invoke(data_group, ["phantom", str(tmp_path / "other"), "--layout", "messidor"])
    assert wrong.exit_code == 2 and "messidor" in wrong.stderr
    assert set(LAYOUTS) == set(data_group.commands["phantom"].params[-1].type.choices)
