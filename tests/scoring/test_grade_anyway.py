"""What the quality gate refuses, graded because it was asked for: rows, ledger, partners, parts, trials."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.data.phantom.encode import encode_png
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.job import run_job, score_photographs
from kerasdr.scoring.ledger.audit import describe, read_output, verify
from kerasdr.scoring.operation.merging import merge_parts
from kerasdr.scoring.operation.model_trial import try_model
from kerasdr.scoring.operation.parts import Part
from kerasdr.scoring.rows import GRADED_ANYWAY, Row
from kerasdr.scoring.summary import rows_drift

TOO_DARK = f"{GRADED_ANYWAY}: no retina to be seen: check that the camera was on the eye, and take it again"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: list[bytes], bad: dict[str, bytes]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    content = {"1_left": good[0], "1_right": bad["dark"], "2_left": good[1], "text": bad["text"]}
    for name, data in content.items():
        Path(f"in/{name}.png").write_bytes(data)


def rows(path: str = "grades.csv") -> dict[str, dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return {Path(row["image"]).stem: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("isolate", [True, False])
def test_rows_say_it_and_go_to_a_reader(bundle: Bundle, factory: Any, isolate: bool) -> None:
    summary = run_job(["in"], bundle, Path("grades.csv"), factory=factory, grade_anyway=True, isolate=isolate)
    found = rows()
    assert {name: row["status"] for name, row in found.items()} == {
        "1_left": "graded",
        "1_right": "graded",
        "2_left": "graded",
        "text": "failed",
    }
    row = found["1_right"]
    assert (row["reason"], row["refer_to_reader"]) == (TOO_DARK, "yes")
    assert row["grade"] and row["prob_0"] and Path(row["gradcam"]).is_file()
    assert (found["1_left"]["reason"], found["1_left"]["refer_to_reader"]) == ("", "")
    assert "1 graded though the photograph is doubtful: see reason" in summary.sentence()


def test_a_partner_that_is_refused_changes_no_good_grade(bundle: Bundle, factory: Any) -> None:
    run_job(["in"], bundle, Path("without.csv"), factory=factory, gradcam=False)
    run_job(["in"], bundle, Path("with.csv"), factory=factory, gradcam=False, grade_anyway=True)
    without, anyway = rows("without.csv"), rows("with.csv")
    for name in ("1_left", "2_left", "text"):
        assert anyway[name] == without[name]
    assert anyway["1_left"]["partner"] == ""
    assert anyway["1_right"]["partner"] == "in/1_left.png"  # which is good
    refused = without["1_right"]
    assert (refused["status"], refused["reason"]) == ("ungradable", TOO_DARK.removeprefix(f"{GRADED_ANYWAY}: "))


def test_what_is_known_is_not_graded_again(bundle: Bundle, factory: Any) -> None:
    for _ in range(2):
        run_job(["in"], bundle, Path("grades.csv"), factory=factory, grade_anyway=True)
    assert len(factory.batches) == 1


def test_answers_of_one_way_are_not_those_of_the_other(bundle: Bundle, factory: Any) -> None:
    for anyway in (False, True, False, True):
        run_job(["in"], bundle, Path("grades.csv"), factory=factory, gradcam=False, grade_anyway=anyway)
        assert rows()["1_right"]["status"] == ("graded" if anyway else "ungradable")
        assert verify(read_output(Path("grades.csv"))).csv_is
    batches = len(factory.batches)
    run_job(["in"], bundle, Path("grades.csv"), factory=factory, gradcam=False, grade_anyway=False)
    assert len(factory.batches) == batches  # each way's are known by now
    output = read_output(Path("grades.csv"))
    told = [dict(describe(output, run))["settings"] for run in output.book.runs]
    assert ["grade_anyway yes" in settings for settings in told] == [False, True, False, True, False]


def test_parts_merge(bundle: Bundle, factory: Any) -> None:
    for number in (1, 2):
        select = Part(number, 2).select
        chosen = {"select": lambda listed, select=select: select(listed())}
        run_job(["in"], bundle, Path(f"part{number}.csv"), factory=factory, grade_anyway=True, **chosen)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    assert rows()["1_right"]["reason"] == TOO_DARK


def test_a_new_model_is_tried_in_the_same_way(
    bundle: Bundle, factory: Any, make_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    run_job(["in"], bundle, Path("grades.csv"), factory=factory, grade_anyway=True)
    new = load_bundle(make_bundle(tmp_path / "new", name="new-1"))
    trial = try_model(read_output(Path("grades.csv")).book, new, lambda: factory(new, 16, False))
    assert {Path(old.image).stem: (old.status, one.status) for old, one in trial.rows} == dict.fromkeys(
        ("1_left", "1_right", "2_left"), ("graded", "graded")
    )


def test_rows_of_the_other_way_are_not_compared(
    bundle: Bundle, factory: Any, make_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    run_job(["in/1_right.png"], bundle, Path("grades.csv"), factory=factory)
    more = {"factory": factory, "grade_anyway": True, "accept_missing": True}
    run_job(["in/2_left.png"], bundle, Path("grades.csv"), **more)
    book = read_output(Path("grades.csv")).book
    new = load_bundle(make_bundle(tmp_path / "new", name="new-1"))
    trial = try_model(book, new, lambda: factory(new, 16, False))
    assert [(Path(old.image).stem, old.status, one.status) for old, one in trial.rows] == [
        ("2_left", "graded", "graded")
    ]


def test_from_a_program(bundle: Bundle, factory: Any, eyes: list[np.ndarray]) -> None:
    Path("in/grey.png").write_bytes(
        encode_png(np.repeat(eyes[0].mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8))
    )
    found = score_photographs("in/grey.png", bundle, engine=factory(bundle, 16, False), grade_anyway=True)
    assert found[0].graded_anyway and found[0].doubtful and "no colour" in found[0].reason
    plain = score_photographs("in/grey.png", bundle, engine=factory(bundle, 16, False))
    assert plain[0].status == "ungradable" and not plain[0].graded_anyway


def test_drift_counts_them_as_ungradable(bundle: Bundle) -> None:
    probabilities = (0.2, 0.2, 0.2, 0.2, 0.2)
    graded = [Row(f"{n}_left.png", "graded", grade=0, probabilities=probabilities) for n in range(60)]
    anyway = [Row(f"{n}_left.png", "graded", grade=0, probabilities=probabilities, reason=TOO_DARK) for n in range(60)]
    refused = [Row(f"{n}_left.png", "ungradable", reason="too dark") for n in range(60)]
    assert rows_drift(anyway, bundle) == rows_drift(refused, bundle)
    assert graded[0].graded_anyway is False
