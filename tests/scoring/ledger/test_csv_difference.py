import pytest

from kerasdr.scoring.ledger.csv_difference import describe_difference
from kerasdr.scoring.rows import Row, to_csv

NAMES = ("a.png", "b,c.png", 'd "e".png', "f\ng.png", "h.png", r"i\xff.png")
ROWS = [Row(name, "failed", reason="it is, so to say, no photograph", sha256="0" * 64) for name in NAMES]
WRITTEN = to_csv(ROWS).encode()
LINES = WRITTEN.splitlines(keepends=True)  # of which the fifth and sixth are one row


def test_the_same_bytes_are_no_difference() -> None:
    assert describe_difference(WRITTEN, WRITTEN) == describe_difference(b"", b"") == ""


@pytest.mark.parametrize(
    ("place", "line", "shown"),
    [
        (0, 2, "a.png"),
        (1, 3, "b,c.png"),
        (2, 4, 'd "e".png'),
        (3, 5, r"f\ng.png"),
        (4, 7, "h.png"),
        (5, 8, r"i\xff.png"),
    ],
)
def test_the_row_that_was_edited_taken_out_or_put_in_is_named(place: int, line: int, shown: str) -> None:
    other = [*ROWS]
    other[place] = Row(ROWS[place].image, "graded", grade=0)
    found = to_csv(other).encode()
    assert describe_difference(found, WRITTEN) == f"1 row changed, the first in line {line}: {shown} was changed"
    found = to_csv(ROWS[:place] + ROWS[place + 1 :]).encode()
    assert describe_difference(found, WRITTEN) == f"1 row missing, the first in line {line}: {shown} is missing"
    assert describe_difference(WRITTEN, found) == f"1 row added, the first in line {line}: {shown} was added"


def test_several_differences_are_counted_and_the_first_is_named() -> None:
    other = to_csv([ROWS[0], Row("new.png", "waiting"), *ROWS[2:4], Row("h.png", "waiting"), ROWS[5], ROWS[5]])
    assert describe_difference(other.encode(), WRITTEN) == (
        "1 row changed, 1 missing, 2 added, the first in line 3: b,c.png is missing"
    )
    assert describe_difference(WRITTEN.replace(b"0000", b"1000"), WRITTEN) == (
        "6 rows changed, the first in line 2: a.png was changed"
    )


def test_another_order_is_a_difference_of_no_row() -> None:
    other = to_csv([ROWS[1], ROWS[0], *ROWS[2:]])
    words = "rows in another order, the first in line 2: b,c.png in the place of a.png"
    assert describe_difference(other.encode(), WRITTEN) == words


def test_what_a_spreadsheet_saved_differs_in_each_row_and_in_no_name() -> None:
    plain = [Row(name, "waiting") for name in ("a.png", "b.png")]
    written = to_csv(plain).encode()
    columns = "3 rows changed, the first in line 1: the line of the columns' names was changed"
    assert describe_difference(written.replace(b"\n", b"\r\n"), written) == columns
    assert describe_difference(b"\xef\xbb\xbf" + written.replace(b",", b";"), written) == columns


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (b"", "7 rows missing, the first in line 1: the line of the columns' names is missing"),
        (LINES[0], "6 rows missing, the first in line 2: a.png is missing"),
        (b"".join(LINES[1:]), "1 row missing, the first in line 1: the line of the columns' names is missing"),
        (WRITTEN[:-1], r"1 row changed, the first in line 8: i\xff.png was changed"),
        (WRITTEN + b"\n", "1 row added, the first in line 9: an empty cell was added"),
        (
            WRITTEN.replace(b"0000", b'00"00', 1),
            "1 row changed, 1 missing, 2 added, the first in line 2: a.png was changed",
        ),
        (WRITTEN + b'"', '1 row added, the first in line 9: " was added'),
        (b"\xff\x00\x1b[2J,\n" + WRITTEN, r"1 row added, the first in line 1: \xff\x00\x1b[2J was added"),
    ],
)
def test_anything_may_have_been_done_to_it(found: bytes, words: str) -> None:
    assert describe_difference(found, WRITTEN) == words
