from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.inputs import Input, list_inputs
from kerasdr.scoring.operation.parts import Part, listing_digest, parse_part, part_numbers


def photographs(people: int, folder: str = "in") -> list[Input]:
    return [Input(f"{folder}/{person}_{eye}{view}.png") for person in range(people) for eye in "lr" for view in "12"]


def test_every_photograph_is_in_one_part_and_people_are_whole() -> None:
    inputs = photographs(300)
    taken = [list(Part(number, 5).select(inputs).inputs) for number in range(1, 6)]
    assert sorted(entry.path for part in taken for entry in part) == sorted(entry.path for entry in inputs)
    people = [{entry.path.split("_")[0] for entry in part} for part in taken]
    assert all(not people[one] & people[other] for one in range(5) for other in range(one))
    # 300 people by chance over five parts: 60 each, with a standard deviation of 7.
    assert all(4 * 30 < len(part) < 4 * 90 for part in taken)


def test_order_of_a_part_is_that_of_the_listing() -> None:
    inputs = photographs(40)
    selection = Part(2, 3).select(inputs)
    places = [inputs.index(entry) for entry in selection.inputs]
    assert places == sorted(places)
    ranges = selection.told["part"]["places"]
    assert [place for first, last in ranges for place in range(first, last + 1)] == places
    assert selection.told["part"] | {"places": 0} == {
        "number": 2,
        "of": 3,
        "listed": 160,
        "listing": listing_digest(inputs),
        "places": 0,
    }


def test_people_stay_in_their_part_when_photographs_come_and_go() -> None:
    inputs = photographs(50)
    before = dict(zip([entry.path for entry in inputs], part_numbers(inputs, 7), strict=True))
    others = [Input("in/0_l0.png"), *inputs[3::2], Input("in/new_left.png"), Input("else/where.png")]
    after = dict(zip([entry.path for entry in others], part_numbers(others, 7), strict=True))
    assert all(after[path] == before[path] for path in before.keys() & after.keys())
    assert after["in/0_l0.png"] == before["in/0_l1.png"]


def test_a_folder_for_each_person_does_not_put_all_in_one_part() -> None:
    inputs = [Input(f"{person:04d}/{name}.png") for person in range(200) for name in ("left", "OD")]
    assert set(part_numbers(inputs, 4)) == {1, 2, 3, 4}


def test_partners_are_together_however_their_folder_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("link").symlink_to("in")
    names = []
    for person in range(40):
        for folder, eye in (("in", "left"), ("link", "right")):
            Path(folder, f"{person}_{eye}.png").touch()
            names.append(f"{folder}/{person}_{eye}.png")
    numbers = part_numbers(list_inputs(names), 6)
    assert numbers[::2] == numbers[1::2] and len(set(numbers)) == 6


def test_other_names_or_another_order_are_another_listing() -> None:
    inputs = photographs(3)
    digests = {
        listing_digest(listing) for listing in (inputs, inputs[1:], inputs[::-1], [*inputs, Input("in/x.png")], [])
    }
    assert len(digests) == 5


@pytest.mark.parametrize("text", ["0/5", "6/5", "2", "2/", "/5", "2/5/6", "-1/5", "1.0/2", "a/b", "2 / 5", "1/0"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(
        KerasdrError, match=r"is no part: give its number, from 1, and how many there are, such as 2/5$"
    ):
        parse_part(text)


def test_a_part_says_that_it_is_not_all() -> None:
    assert parse_part("2/5").sentence(1200, 6000) == (
        "part 2 of 5: 1,200 of 6,000 photographs; the other parts are 1, 3, 4, 5"
    )
    assert Part(1, 2).sentence(3, 6) == "part 1 of 2: 3 of 6 photographs; the other part is 2"
    assert Part(1, 1).sentence(6, 6) == "part 1 of 1: 6 of 6 photographs"
