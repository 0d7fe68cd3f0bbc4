"""What two sets of photographs have in common, by bytes, pixels, looks and people."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from kerasdr.data.leaks import Finding, PhotographSet, find_leaks
from kerasdr.files import EMPTY_SHA256


def some_looks(*seeds: int) -> NDArray[np.int8]:
    """Looks of eyes that are alike if their seeds are the same; 0 is one that cannot be read."""
    looks = [np.random.default_rng(seed).integers(-60, 60, (16, 16)) if seed else np.zeros((16, 16)) for seed in seeds]
    return np.array([np.kron(look, np.ones((4, 4))) for look in looks], np.int8)


def photographs(
    name: str,
    rows: Sequence[tuple[str, str, str]],
    digests: Sequence[str] | None,
    pixels: Sequence[str] | None,
    looks: NDArray[np.int8] | None,
    layout: str = "eyepacs",
) -> PhotographSet:
    table = pd.DataFrame(rows, columns=["image_id", "patient_id", "split"], dtype="str")
    return PhotographSet(name, layout, table, digests, pixels, looks)


@pytest.fixture
def run() -> PhotographSet:
    """A run of three people, without a leak."""
    rows = [("1_left", "1", "train"), ("2_left", "2", "validation"), ("3_left", "3", "test")]
    return photographs("run", rows, ["d1", "d2", "d3"], ["p1", "p2", "p3"], some_looks(1, 2, 3))


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str, str, str]]:
    return [(one.kind, one.image, one.part, one.other_image, one.other_part) for one in findings]


def test_nothing_in_common(run: PhotographSet) -> None:
    mine = photographs("mine", [("9_left", "9", "")], ["d9"], ["p9"], some_looks(9))
    report = find_leaks(mine, [run])
    assert report.findings == () and report.not_compared == ()
    assert report.compared == ("mine: 1 photographs with one another", "mine with run: 1 photographs with 3")
    assert [line.split("  ")[-1].strip() for line in report.render().splitlines()[-4:]][1:] == [
        "same pixels    none",
        "near duplicate none",
        "same person    none",
    ] or report.render().count("none") == 4


def test_each_pair_is_named_once_by_what_it_has_most_in_common(run: PhotographSet) -> None:
    rows = [("a", "9", ""), ("b", "8", ""), ("c", "7", ""), ("d", "2", ""), ("e", "6", "")]
    # a: the same file as 1_left (so pixels and look too); b: other bytes, same pixels; c: alike; d: the same person; e: new.
    mine = photographs("mine", rows, ["d1", "x", "y", "z", "w"], ["p1", "p2", "q", "r", "s"], some_looks(1, 2, 3, 4, 5))
    report = find_leaks(mine, [run])
    assert told(report.findings) == [
        ("same bytes", "a", "", "1_left", "train"),
        ("same pixels", "b", "", "2_left", "validation"),
        ("near duplicate", "c", "", "3_left", "test"),
        ("same person", "", "", "", "validation"),
    ]
    assert [one.one_person for one in report.findings] == ["no", "no", "no", "yes"]
    assert report.findings[2].correlation == pytest.approx(1)
    assert {one.other_set for one in report.findings} == {"run"}
    text = report.render()
    assert "c in no part and 3_left in test of run, correlation 1.00, of two people by their names" in text
    assert "2 is in no part, and in validation of run" in text
    table = report.table()
    assert table["kind"].tolist() == ["same bytes", "same pixels", "near duplicate", "same person"]
    assert table.loc[3, ["person", "other_person"]].tolist() == ["2", "2"]


def test_within_a_set_people_in_one_part_are_no_leak_and_copies_are_found_in_one_part_too() -> None:
    rows = [("1a", "1", "train"), ("1b", "1", "train"), ("2a", "2", "train"), ("2b", "2", "test"), ("3", "3", "")]
    mine = photographs("mine", rows, ["d", "d", "e", "f", "d"], ["p", "p", "q", "q", "p"], some_looks(1, 1, 2, 2, 1))
    assert told(find_leaks(mine).findings) == [
        ("same bytes", "1a", "train", "1b", "train"),
        ("same bytes", "1a", "train", "3", ""),
        ("same pixels", "2a", "train", "2b", "test"),
        ("same person", "", "test", "", "train"),
    ]


def test_a_person_in_no_part_is_used_by_nothing() -> None:
    rows = [("1a", "1", "train"), ("1b", "1", "")]
    assert find_leaks(photographs("mine", rows, ["a", "b"], ["c", "d"], some_looks(1, 2))).findings == ()


def test_names_of_people_are_compared_within_a_layout_alone(run: PhotographSet) -> None:
    mine = photographs("mine", [("x", "1", "")], ["d1"], ["p1"], some_looks(1), layout="deepdrid")
    report = find_leaks(mine, [run])
    assert [(one.kind, one.one_person) for one in report.findings] == [("same bytes", "not comparable")]
    assert report.not_compared == (
        "people of mine and run: they are of deepdrid and eyepacs, which name people differently",
    )


def test_what_a_run_did_not_keep_is_said(run: PhotographSet) -> None:
    early = PhotographSet("early", run.layout, run.table, run.digests, None, None)
    report = find_leaks(run, [early])
    assert [one.kind for one in report.findings] == ["same bytes"] * 3 + ["same person"] * 3
    assert [line.split(":")[0] for line in report.not_compared] == ["pixels of run and early", "looks of run and early"]
    assert all("early is an earlier version's and kept none" in line for line in report.not_compared)
    first = PhotographSet("first", run.layout, run.table, None, None, None)
    assert [one.kind for one in find_leaks(run, [first]).findings] == ["same person"] * 3


def test_files_that_cannot_be_read_are_like_nothing_and_are_counted(run: PhotographSet) -> None:
    rows = [("a", "8", ""), ("b", "9", "")]
    mine = photographs("mine", rows, ["", EMPTY_SHA256], ["", ""], some_looks(0, 0))
    report = find_leaks(mine, [photographs("other", rows, ["", EMPTY_SHA256], ["", ""], some_looks(0, 0), "aptos")])
    assert report.findings == ()
    assert "pixels and looks of 2 photographs of mine, which cannot be read" in report.not_compared
    assert "pixels and looks of 2 photographs of other, which cannot be read" in report.not_compared


def test_few_are_printed_and_all_are_counted() -> None:
    rows = [(f"{number}", f"{number}", "") for number in range(9)]
    mine = photographs("mine", rows, ["d"] * 9, ["p"] * 9, None)
    text = find_leaks(mine).render(shown=3).splitlines()
    at = next(row for row, line in enumerate(text) if line.startswith("same bytes"))
    assert text[at].split()[2] == "8" and text[at + 1].strip().startswith("0 in no part and 1 in no part")
    assert text[at + 4].strip() == "and 5 more"
