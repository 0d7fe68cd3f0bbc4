from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import GivenTable
from kerasdr.evaluation.matching import Matched, match


def table(file: str, names: Sequence[str], people: Sequence[str] | None = None) -> GivenTable:
    return GivenTable(
        Path(file),
        np.arange(2, len(names) + 2),
        list(names),
        np.zeros(len(names), dtype=np.int64),
        None if people is None else list(people),
        "grade",
        "" if people is None else "patient",
    )


def matched(predictions: Sequence[str], labels: Sequence[str]) -> Matched:
    return match(table("p.csv", predictions), table("l.csv", labels))


def pairs(predictions: Sequence[str], labels: Sequence[str]) -> list[tuple[str, str]]:
    found = matched(predictions, labels)
    return [(predictions[i], labels[j]) for i, j in zip(found.predictions, found.labels, strict=True)]


@pytest.mark.parametrize(
    ("prediction", "label"),
    [
        ("in/1_left.jpeg", "1_left"),
        ("1_left", "photos/1_left.PNG"),
        ("C:\\in\\1_left.jpg", "1_left.dcm"),
        ("1.2.840.5", "in/1.2.840.5.png"),
        ("a b, c.tif", "a b, c"),
    ],
)
def test_stems_match(prediction: str, label: str) -> None:
    assert pairs([prediction], ["other", label]) == [(prediction, label)]


def test_what_has_no_partner_is_named() -> None:
    found = matched(["b", "1_left", "1_LEFT"], ["1_left", "c", "d"])
    assert list(found.predictions) == [1] and list(found.labels) == [0]
    assert found.without_label == ["b", "1_LEFT"] and found.without_prediction == ["c", "d"]


def test_repeated_stems_go_by_folder() -> None:
    names = ["a/1_left.png", "b/1_left.png", "a/2_left.png"]
    found = matched(names, ["b/1_left", "a/1_left", "2_left"])
    assert list(found.labels) == [1, 0, 2]
    assert list(found.people) == ["a/1", "b/1", "a/2"]
    # A stem that is repeated where nobody asks for it is in nobody's way.
    assert pairs([*names, "3_left"], ["3_left"]) == [("3_left", "3_left")]


@pytest.mark.parametrize(
    ("predictions", "labels", "words"),
    [
        (
            ["a/1_left", "b/1_left"],
            ["1_left"],
            r"p\.csv holds several photographs called 1_left \(a/1_left, b/1_left\) and l\.c",
        ),
        (
            ["1_left"],
            ["a/1_left", "b/1_left"],
            r"l\.csv holds several .* and p\.csv says 1_left: name them with their folders",
        ),
        (["x/1_left"], ["a/1_left", "b/1_left"], r"l\.csv holds several"),
        (
            ["1_left.png", "1_left.jpg"],
            ["1_left"],
            r"p\.csv names the photograph 1_left in lines 2 and 3: keep one row",
        ),
        (
            ["1_left"],
            ["1_left", "2_left", "1_left"],
            r"l\.csv names the photograph 1_left in lines 2 and 4: keep one row",
        ),
        (
            ["x", "y"],
            ["z"],
            r"p\.csv and l\.csv have no photograph in common: the first names x, y, the second z; write names",
        ),
        (["1_Left"], ["1_left"], "they differ in capitals: write them alike"),
    ],
)
def test_what_cannot_be_matched(predictions: list[str], labels: list[str], words: str) -> None:
    with pytest.raises(KerasdrError, match=words):
        matched(predictions, labels)


def test_people() -> None:
    names = ["1_left", "1_right", "2_OD"]
    by_name = matched(names, names)
    assert list(by_name.people) == ["1", "1", "2"] and by_name.people_from == "names, <person>_<left|right>"
    mixed = matched([*names, "x"], [*names, "x"])
    assert (
        list(mixed.people) == ["1", "1", "2", "x"]
        and "1 photograph named otherwise counts as a person" in mixed.people_from
    )
    alone = matched(["x", "y"], ["x", "y"])
    assert list(alone.people) == ["x", "y"] and "each photograph counts as a person" in alone.people_from

    here, there = table("p.csv", names, ["a", "a", "b"]), table("l.csv", names, ["c", "d", "d"])
    assert list(match(here, table("l.csv", names)).people) == ["a", "a", "b"]
    both = match(here, there)
    assert list(both.people) == ["c", "d", "d"] and both.people_from == "column patient of l.csv"
    with pytest.raises(
        KerasdrError, match=r"l\.csv line 3: the column patient is empty: name the person, or take the column"
    ):
        match(here, table("l.csv", names, ["c", "", "d"]))
