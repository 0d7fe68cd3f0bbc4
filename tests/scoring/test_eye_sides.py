"""Eyes in names and headers against the optic disc: what is learnt of a camera, and what rows say."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.encode import encode_png
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.errors import KerasdrError
from kerasdr.imaging.quality import judge
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.eye_sides import EyeCheck, EyeSides, find_eye_sides
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.job import run_job, score_photographs
from kerasdr.scoring.ledger.audit import describe, read_output, verify
from kerasdr.scoring.operation.merging import merge_parts
from kerasdr.scoring.operation.parts import Part
from kerasdr.scoring.pseudonyms import open_pseudonyms
from kerasdr.scoring.rows import Row
from tests.imaging.dicom_files import dicom

UPRIGHT = EyeSides(photographs=200, upright=199)
LEFT_CALLED_RIGHT = "the optic disc lies where a left eye has it, but the name says right: check which eye this is"
RIGHT_CALLED_LEFT = "the optic disc lies where a right eye has it, but the name says left: check which eye this is"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    """A photograph of either eye, in which the disc can be relied on."""
    pictures = {eye: draw_eye(31, make_person(31, 1), Eye(eye, 0, ""), 320).image for eye in ("left", "right")}
    sides = {eye: judge(picture).figures["disc_side"] for eye, picture in pictures.items()}
    assert sides["left"] > 1.5 and sides["right"] < -1.5
    return pictures


@pytest.fixture
def upright(tmp_path: Path, make_bundle: Callable[..., Path]) -> Bundle:
    return load_bundle(make_bundle(tmp_path / "upright", eye_sides=UPRIGHT))


def put(drawn: dict[str, np.ndarray], **names: str) -> None:
    Path("in").mkdir(exist_ok=True)
    for name, eye in names.items():
        Path(f"in/{name}.png").write_bytes(encode_png(drawn[eye]))


def reasons(path: str = "grades.csv") -> dict[str, str]:
    with open(path, encoding="utf-8", newline="") as file:
        return {Path(row["image"]).stem: row["reason"] for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("photographs", "upright", "orientation"),
    [
        (29, 29, "unknown"),
        (30, 30, "upright"),
        (200, 190, "upright"),
        (200, 189, "unknown"),
        (200, 100, "unknown"),
        (200, 11, "unknown"),
        (200, 10, "inverted"),
        (0, 0, "unknown"),
    ],
)
def test_orientation_is_that_of_nearly_all(photographs: int, upright: int, orientation: str) -> None:
    assert EyeSides(photographs=photographs, upright=upright).orientation == orientation


def test_more_upright_than_there_are_is_refused() -> None:
    with pytest.raises(ValidationError, match="3 of 2 photographs cannot be upright"):
        EyeSides(photographs=2, upright=3)


def test_only_known_eyes_with_a_disc_to_rely_on_count() -> None:
    eyes = ["left", "right", "right", "", "left", "left"]
    figures = [{"disc_side": side} for side in (2.0, -1.0, 1.5, 3.0, 0.9)] + [{}]
    assert find_eye_sides(eyes, figures) == EyeSides(photographs=3, upright=2)


@pytest.mark.parametrize(
    ("orientation", "name", "header", "side", "other"),
    [
        ("upright", "1_left", "", 2.0, ""),
        ("upright", "1_left", "", -2.0, "right"),
        ("upright", "1_OD", "", 2.0, "left"),
        ("upright", "1_left", "", -0.9, ""),
        ("inverted", "1_left", "", 2.0, "right"),
        ("inverted", "1_left", "", -2.0, ""),
        ("unknown", "1_left", "", -2.0, ""),
        ("upright", "photo", "", -2.0, ""),
        ("upright", "1_left", "right", -2.0, ""),
        ("upright", "photo", "left", -2.0, "right"),
    ],
)
def test_a_contradiction_is_said(orientation: Any, name: str, header: str, side: float, other: str) -> None:
    row = Row("", "graded", grade=1, figures={"disc_side": side}, eye=header)
    note = EyeCheck(orientation).note(Input(f"in/{name}.png"), row)
    assert bool(note) is bool(other)
    if other:
        assert f"where a {other} eye has it, but the {'header' if header else 'name'} says" in note
    ungradable = Row("", "ungradable", figures={"disc_side": side}, eye=header)
    assert EyeCheck(orientation).note(Input(f"in/{name}.png"), ungradable) == ""


def test_rows_say_it_and_change_nothing_else(upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]) -> None:
    put(drawn, **{"1_left": "left", "1_right": "left", "2_left": "right", "photo": "left"})
    expected = {"1_left": "", "1_right": LEFT_CALLED_RIGHT, "2_left": RIGHT_CALLED_LEFT, "photo": ""}
    run_job(["in"], upright, Path("grades.csv"), factory=factory)
    assert reasons() == expected
    run_job(["in"], upright, Path("unchecked.csv"), factory=factory, orientation="unknown")
    assert set(reasons("unchecked.csv").values()) == {""}
    checked, unchecked = (Path(name).read_text() for name in ("grades.csv", "unchecked.csv"))
    for note in (LEFT_CALLED_RIGHT, RIGHT_CALLED_LEFT):
        checked = checked.replace(f'"{note}"', "")
    assert checked.replace("grades_gradcam", "unchecked_gradcam") == unchecked
    rows = score_photographs("in", upright, engine=factory(upright, 16, False))
    assert {Path(row.image).stem: row.reason for row in rows} == expected


def test_a_bundle_that_knows_no_camera_says_nothing_unless_it_is_told(
    bundle: Bundle, factory: Any, drawn: dict[str, np.ndarray]
) -> None:
    assert bundle.eye_sides is None
    put(drawn, **{"1_left": "right", "2_left": "left"})
    run_job(["in"], bundle, Path("grades.csv"), factory=factory)
    assert set(reasons().values()) == {""}
    n = len(factory.batches)
    run_job(["in"], bundle, Path("grades.csv"), factory=factory, orientation="inverted")
    assert reasons() == {
        "1_left": "",
        "2_left": LEFT_CALLED_RIGHT.replace("left", "right").replace("says right", "says left"),
    }
    assert len(factory.batches) == n  # answers stay; what is said of names does not belong to them


def test_what_is_said_hangs_on_the_name_and_not_on_the_bytes(
    upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]
) -> None:
    put(drawn, **{"1_right": "left"})
    run_job(["in"], upright, Path("grades.csv"), factory=factory)
    Path("in/1_right.png").rename("in/1_left.png")
    run_job(["in"], upright, Path("grades.csv"), factory=factory, accept_missing=True)
    assert reasons() == {"1_left": ""}
    put(drawn, **{"2_right": "left"})
    run_job(["in"], upright, Path("grades.csv"), factory=factory)
    assert reasons() == {"1_left": "", "2_right": LEFT_CALLED_RIGHT}
    checked = verify(read_output(Path("grades.csv")))
    assert checked.csv_is


def test_merged_parts_say_the_same(upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]) -> None:
    names = {f"{n}_{eye}": "left" for n in range(4) for eye in ("left", "right")}
    put(drawn, **names)
    for number in (1, 2):
        select = Part(number, 2).select
        chosen = {"select": lambda listed, select=select: select(listed())}
        run_job(["in"], upright, Path(f"part{number}.csv"), factory=factory, **chosen)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    assert reasons() == {name: LEFT_CALLED_RIGHT if name.endswith("right") else "" for name in names}
    assert verify(read_output(Path("grades.csv"))).csv_is


def test_parts_of_two_orientations_are_not_merged(upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]) -> None:
    put(drawn, **{f"{n}_left": "left" for n in range(4)})
    for number, orientation in ((1, "upright"), (2, "inverted")):
        select = Part(number, 2).select
        chosen: dict[str, Any] = {"select": lambda listed, select=select: select(listed()), "orientation": orientation}
        run_job(["in"], upright, Path(f"part{number}.csv"), factory=factory, **chosen)
    with pytest.raises(
        KerasdrError, match=r"differ in orientation \(upright and inverted\): run all parts with the same$"
    ):
        merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    output = read_output(Path("part2.csv"))
    assert "orientation inverted" in dict(describe(output, output.book.runs[0]))["settings"]


def test_names_under_pseudonyms_are_checked_and_not_shown(
    upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]
) -> None:
    put(drawn, **{"meyer_right": "left"})
    run_job(
        ["in"],
        upright,
        Path("grades.csv"),
        factory=factory,
        pseudonyms=open_pseudonyms(Path("keys/site"), Path("grades.csv")),
    )
    assert list(reasons().values()) == [LEFT_CALLED_RIGHT]
    assert "meyer" not in Path("grades.csv").read_text()


@pytest.mark.filterwarnings("ignore:::pydicom")
def test_a_header_is_asked_by_the_reading_process_and_in_this_one(
    upright: Bundle, factory: Any, drawn: dict[str, np.ndarray]
) -> None:
    pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")
    Path("in").mkdir()
    Path("in/a.dcm").write_bytes(dicom(drawn["left"], ImageLaterality="R"))
    Path("in/b.dcm").write_bytes(dicom(drawn["left"], ImageLaterality="L"))
    Path("in/c.dcm").write_bytes(dicom(drawn["left"], ImageLaterality="B"))
    said = LEFT_CALLED_RIGHT.replace("the name", "the header")
    for number, isolate in enumerate((True, False)):
        run_job(["in"], upright, Path(f"{number}.csv"), factory=factory, isolate=isolate)
        assert reasons(f"{number}.csv") == {"a": said, "b": "", "c": ""}
