"""Columns to groups: what is asked for, values, cuts, quantiles, and what is refused."""

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.groups import NOT_GIVEN, Grouping, make_groups, parse_grouping


@pytest.mark.parametrize(
    ("text", "grouping"),
    [
        ("Camera", Grouping("camera")),
        ("age:40,60", Grouping("age", cuts=(40.0, 60.0))),
        ("age: 25%, 50%", Grouping("age", shares=(0.25, 0.5))),
        ("site:each", Grouping("site", each=True)),
    ],
)
def test_what_is_asked_for(text: str, grouping: Grouping) -> None:
    assert parse_grouping(text) == grouping


@pytest.mark.parametrize(
    "text",
    ["", ":40", "age:", "age:60,40", "age:40,40", "age:40,50%", "age:nan", "age:inf", "age:0%", "age:100%", "age:old"],
)
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(KerasdrError, match="is not read: give COLUMN"):
        parse_grouping(text)


def grouped(cells: list[str], grouping: Grouping) -> tuple[tuple[str, ...], list[int]]:
    made = make_groups(cells, grouping, "column c of l.csv")
    return made.names, made.of.tolist()


def test_values_in_order_and_what_is_not_given() -> None:
    assert grouped(["b", " a ", "", "b"], Grouping("c")) == (("a", "b", NOT_GIVEN), [1, 0, 2, 1])
    assert grouped(["10", "9", "10"], Grouping("c")) == (("9", "10"), [1, 0, 1])  # as numbers, not as texts
    assert grouped(["", ""], Grouping("c")) == ((NOT_GIVEN,), [0, 0])


def test_cuts_belong_to_the_group_above() -> None:
    names, of = grouped(["39.9", "40", "59", "60", "", "100"], Grouping("c", cuts=(40, 60)))
    assert names == ("below 40", "40 to below 60", "60 and above", NOT_GIVEN)
    assert of == [0, 1, 1, 2, 3, 2]
    assert grouped(["70", "80"], Grouping("c", cuts=(40, 60))) == (("60 and above",), [0, 0])  # no empty groups


def test_many_numbers_are_cut_into_thirds() -> None:
    made = make_groups([str(age) for age in range(1, 31)], Grouping("c"), "c")
    assert made.names == ("below 10", "10 to below 20", "20 and above")
    assert made.cut == "at the quantiles 33%, 67% of the photographs"
    assert len(make_groups([str(age) for age in range(1, 31)], Grouping("c", each=True), "c").names) == 30
    # Two thirds have the lowest value: a cut there would have nobody below, so one is left.
    made = make_groups(["0"] * 20 + list("123456789"), Grouping("c", shares=(0.5, 0.9)), "c")
    assert made.names == ("below 7", "7 and above") and made.of.tolist() == [0] * 26 + [1] * 3


def test_refusals_name_the_line() -> None:
    with pytest.raises(KerasdrError, match=r"^column c of l.csv line 7: old is no number, so the column cannot be cut"):
        make_groups(["40", "old"], Grouping("c", cuts=(50,)), "column c of l.csv", [6, 7])
    with pytest.raises(KerasdrError, match="has 41 different values, too many to be groups"):
        make_groups([f"p{number}" for number in range(41)], Grouping("c"), "column c of l.csv")
    with pytest.raises(KerasdrError, match="is empty: there is nothing to be cut"):
        make_groups(["", ""], Grouping("c", cuts=(50,)), "column c of l.csv")
