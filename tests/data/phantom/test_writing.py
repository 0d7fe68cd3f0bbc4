"""A data set of phantoms on disk."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom import KINDS, draw_person, write_phantoms
from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms") / "out"
    write_phantoms(out, people=40, seed=2, size=128)
    return out


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_phantoms(tmp_path / name, people=3, seed=seed, size=96)
    first, again, other = (content(tmp_path / name) for name in "abc")
    assert first == again
    shared = [name for name in first if name.endswith(".jpeg") and name in other]
    assert shared
    assert all(first[name] != other[name] for name in shared)


def test_a_person_is_the_same_in_a_larger_population(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "few", people=2, seed=3, size=96)
    write_phantoms(tmp_path / "more", people=5, seed=3, size=96)
    few, more = content(tmp_path / "few"), content(tmp_path / "more")
    pictures = [name for name in few if name.endswith((".jpeg", ".png"))]
    assert len(pictures) >= 4
    assert all(few[name] == more[name] for name in pictures)


def test_labels_photographs_masks_and_card_agree(written: Path) -> None:
    with open(written / "trainLabels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    card = json.loads((written / "phantoms.json").read_text())
    assert "ynthetic" in card["statement"]
    assert card["settings"] == {"version": 2, "layout": "eyepacs", "people": 40, "seed": 2, "size": 128}
    names = [row["image"] for row in rows]
    assert names == [entry["image"] for entry in card["photographs"]]
    assert sorted(names) == sorted(path.stem for path in (written / "train").iterdir())
    assert sorted(names) == sorted(path.stem for path in (written / "masks").glob("*.png"))
    for row, entry in zip(rows, card["photographs"], strict=True):
        assert (int(row["level"]), row["quality"]) == (entry["grade"], entry["quality"])
        assert row["image"] == f"{entry['person']}_{entry['eye']}"


def test_files_hold_what_was_drawn(written: Path) -> None:
    legend = json.loads((written / "masks" / "legend.json").read_text())
    assert legend == {str(value): kind for value, kind in enumerate(KINDS, start=1)}
    for phantom in draw_person(2, 5, 128):
        name = f"5_{phantom.eye}"
        mask = cv2.imread(str(written / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, phantom.labels)
        picture = cv2.cvtColor(cv2.imread(str(written / "train" / f"{name}.jpeg")), cv2.COLOR_BGR2RGB)
        # JPEG loses a little; red for blue would be far off.
        assert np.abs(picture.astype(int) - phantom.image).mean() < 4


def test_photographs_say_that_they_are_synthetic_and_not_their_grade(written: Path) -> None:
    for path in (written / "train").iterdir():
        data = path.read_bytes()
        assert data[:4] == b"\xff\xd8\xff\xfe"
        length = int.from_bytes(data[4:6], "big")
        comment = data[6 : 4 + length].decode("ascii")
        assert comment.startswith("Synthetic photographs drawn by kerasdr")
        assert not any(character.isdigit() for character in comment)


def test_the_reader_understands_it(written: Path) -> None:
    table = read_table("eyepacs", written, {}).table
    card = json.loads((written / "phantoms.json").read_text())["photographs"]
    assert len(table) == len(card)
    by_name = table.set_index("image_id")
    for entry in card:
        row = by_name.loc[entry["image"]]
        assert (row["patient_id"], row["eye"]) == (str(entry["person"]), entry["eye"])
        assert (row["grade"], row["quality"]) == (entry["grade"], entry["quality"])


def test_same_settings_again_leave_the_folder_as_it_is(tmp_path: Path) -> None:
    count = write_phantoms(tmp_path / "out", people=2, seed=1, size=96)
    photograph = next((tmp_path / "out" / "train").iterdir())
    photograph.write_bytes(b"touched")
    assert write_phantoms(tmp_path / "out", people=2, seed=1, size=96) == count
    assert photograph.read_bytes() == b"touched"


def test_other_settings_and_foreign_folders_are_refused_and_left_alone(tmp_path: Path) -> None:
    write_phantoms(tmp_path / "ours", people=2, seed=1, size=96)
    before = content(tmp_path / "ours")
    with pytest.raises(KerasdrError, match="other phantoms"):
        write_phantoms(tmp_path / "ours", people=2, seed=2, size=96)
    assert content(tmp_path / "ours") == before
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("mine")
    with pytest.raises(KerasdrError, match="not empty"):
        write_phantoms(tmp_path / "theirs", people=2, seed=1, size=96)
    assert content(tmp_path / "theirs") == {"thesis.txt": b"mine"}


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    assert write_phantoms(tmp_path, people=1, seed=1, size=96) in (1, 2)


def test_drawing_that_was_cut_off_is_finished_by_the_same_command(tmp_path: Path) -> None:
    class Cut(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done == 2:
            raise Cut

    out = tmp_path / "cut"
    with pytest.raises(Cut):
        write_phantoms(out, people=4, seed=1, size=96, progress=cut)
    assert not (out / "phantoms.json").exists()
    # Of other settings it is not continued: a photograph left over would have no label.
    with pytest.raises(KerasdrError, match="not these phantoms"):
        write_phantoms(out, people=4, seed=2, size=96)
    write_phantoms(out, people=4, seed=1, size=96)
    write_phantoms(tmp_path / "whole", people=4, seed=1, size=96)
    assert content(out) == content(tmp_path / "whole")


@pytest.mark.parametrize("settings", [{"people": 0}, {"seed": -1}, {"size": 32}])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, int]) -> None:
    with pytest.raises(KerasdrError, match="cannot draw"):
        write_phantoms(tmp_path / "out", **({"people": 2, "seed": 1, "size": 96} | settings))
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_and_a_damaged_card_are_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KerasdrError, match="cannot write phantoms"):
        write_phantoms(tmp_path / "file", people=1, seed=1, size=96)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "phantoms.json").write_text("{")
    with pytest.raises(KerasdrError, match="cannot be read"):
        write_phantoms(tmp_path / "damaged", people=1, seed=1, size=96)


def test_progress_counts_people(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_phantoms(tmp_path / "out", people=3, seed=1, size=96, progress=lambda *numbers: told.append(numbers))
    assert told == [(1, 3), (2, 3), (3, 3)]
