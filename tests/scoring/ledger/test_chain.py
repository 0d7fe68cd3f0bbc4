import hashlib
import json

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.ledger.chain import Head, canonical, extended, find_cut, find_damage, parse_head

Row = tuple[object, object, object, object]
ITEMS = [("begun", {"listed": 2}), ("answer", {"b": 0.1, "a": "ä"}), ("answer", {"b": 0.2, "a": "眼"}), ("ended", {})]


def rows(n: int = 4) -> list[Row]:
    return [(e.sequence, e.kind, e.body, e.hash) for e in extended(None, ITEMS[:n])]


def test_hashes_are_those_of_the_format() -> None:
    """Written out, so that another program can check a ledger: SHA-256 of a JSON list in ASCII."""
    first, second = extended(None, ITEMS[:2])
    text = '["' + "0" * 64 + '", 1, "begun", "{\\"listed\\":2}"]'
    assert first.hash == hashlib.sha256(text.encode()).hexdigest()
    text = json.dumps([first.hash, 2, "answer", '{"a":"ä","b":0.1}'])
    assert second.hash == hashlib.sha256(text.encode()).hexdigest()


def test_bodies_have_one_spelling() -> None:
    assert canonical({"b": [1, 0.1], "a": None, "ä": True}) == '{"a":null,"b":[1,0.1],"ä":true}'
    assert json.loads(canonical({"p": 1 / 3}))["p"] == 1 / 3
    with pytest.raises(ValueError):
        canonical({"p": float("nan")})


def test_chain_goes_on_where_it_stopped() -> None:
    whole = extended(None, ITEMS)
    first = extended(None, ITEMS[:2])
    assert first + extended(Head(2, first[-1].hash), ITEMS[2:]) == whole
    assert find_damage(rows()) is None
    assert find_damage([]) is None


@pytest.mark.parametrize("place", range(4))
def test_every_edit_of_every_character_is_located(place: int) -> None:
    for column in (1, 2, 3):
        text = str(rows()[place][column])
        for position in range(len(text)):
            damaged = [list(row) for row in rows()]
            other = "0" if text[position] != "0" else "1"
            damaged[place][column] = text[:position] + other + text[position + 1 :]
            assert str(find_damage(map(tuple, damaged))) == f"entry {place + 1} was changed"  # type: ignore[arg-type]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [None, 7, b"x", "\udcff"])
def test_values_of_other_kinds_are_edits(place: int, value: object) -> None:
    for column in (1, 2, 3):
        damaged = [list(row) for row in rows()]
        damaged[place][column] = value
        found = find_damage(map(tuple, damaged))  # type: ignore[arg-type]
        assert found is not None and found.sequence == place + 1


def test_every_deletion_is_located() -> None:
    for place in range(3):
        found = find_damage([row for row in rows() if row[0] != place + 1])
        assert str(found) == f"entry {place + 1} is missing"


def test_deletion_and_renumbering_is_located() -> None:
    for place in range(3):
        left = [row for row in rows() if row[0] != place + 1]
        found = find_damage([(number, *row[1:]) for number, row in enumerate(left, start=1)])
        assert found is not None and found.sequence == place + 1


def test_every_swap_is_located() -> None:
    for one in range(4):
        for two in range(one + 1, 4):
            swapped = rows()
            swapped[one], swapped[two] = (one + 1, *rows()[two][1:]), (two + 1, *rows()[one][1:])
            found = find_damage(swapped)
            assert found is not None and found.sequence == one + 1


def test_insertion_and_other_numbers_are_located() -> None:
    for place in range(4):
        inserted = [*rows()[:place], (place + 1, *rows()[place][1:])]
        inserted += [(number + 1, *row) for number, *row in rows()[place:]]  # type: ignore[operator]
        found = find_damage(inserted)
        assert found is not None and found.sequence == place + 2
        for number in (0, -1, "1", 1.5, None):
            moved = [*rows()[:place], (number, *rows()[place][1:]), *rows()[place + 1 :]]
            found = find_damage(moved)
            assert found is not None and found.sequence == place + 1


def test_an_entry_whose_own_hash_was_made_anew_breaks_the_next_one() -> None:
    entries = extended(None, ITEMS)
    changed = extended(None, [*ITEMS[:1], ("answer", {"b": 0.9, "a": "ä"})])[1]
    forged = [(e.sequence, e.kind, e.body, e.hash) for e in (entries[0], changed, *entries[2:])]
    assert str(find_damage(forged)) == "entry 3 was changed"


def test_text_cannot_pass_from_one_part_into_its_neighbour() -> None:
    ((number, kind, body, digest),) = rows(1)
    assert find_damage([(number, f"{kind}\n{body}", "", digest)]) is not None
    assert find_damage([(number, f'{kind}", "{body}', "", digest)]) is not None


def test_every_cut_of_the_tail_is_located_by_the_head() -> None:
    entries = extended(None, ITEMS)
    count, digest = parse_head(str(Head(4, entries[-1].hash)))
    assert (count, digest) == (4, entries[-1].hash[:32])
    assert find_cut(entries, count, digest) is None
    assert [str(find_cut(entries[:left], count, digest)) for left in range(4)] == [
        "entry 1 to entry 4 were cut off",
        "entry 2 to entry 4 were cut off",
        "entry 3 to entry 4 were cut off",
        "entry 4 was cut off",
    ]


def test_head_of_before_is_held_by_a_longer_chain_and_not_by_another() -> None:
    entries = extended(None, ITEMS)
    assert find_cut(entries, 2, entries[1].hash) is None
    other = extended(None, [("begun", {"listed": 3}), *ITEMS[1:]])
    found = find_cut(other, 4, entries[3].hash)
    assert found is not None and found.sequence == 4


@pytest.mark.parametrize("text", ["", "57", "57:", "0:" + "a" * 32, "57:abc", "57:" + "g" * 32, "-1:" + "a" * 32])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(KerasdrError, match="is no end of a ledger: give what a job's last line says"):
        parse_head(text)
