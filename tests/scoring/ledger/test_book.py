import dataclasses
import json
import os

import pytest

from kerasdr.scoring.ledger.answers import (
    Picture,
    Question,
    Seen,
    answer_content,
    answer_key,
    read_answer,
    read_name,
    write_name,
)
from kerasdr.scoring.ledger.book import from_ranges, read_book, to_ranges
from kerasdr.scoring.ledger.chain import canonical, extended
from kerasdr.scoring.rows import Row

QUESTION = Question("b" * 64, "openvino", "float32", 100.0, "png")
SEEN = Seen("a" * 64, (("both-eyes", "c" * 64), ("same-eye", "d" * 64)))
ROW = Row(
    image="in/1_left.png",
    status="graded",
    grade=2,
    grade_name="moderate NPDR",
    probabilities=(1 / 3, 0.1, 0.2 + 0.1, 0.2, 1 / 15),
    referable=True,
    prob_referable=0.5666666666666667,
    gradcam="g_gradcam/x.png",
    partner="in/1_right.png",
    model="demo@0123456789ab",
    sha256="a" * 64,
    grade_set="1 to 3",
    screen_positive=True,
    refer_to_reader=False,
)


@pytest.mark.parametrize(
    "name", [b"a.png", b"in/\xff\xfe.png", "ä眼.png".encode(), b"two\nlines\x01.png", rb"\xff.png", b"\xed\xa0\x80.png"]
)
def test_names_come_back_to_the_byte(name: bytes) -> None:
    path = os.fsdecode(name)
    written = json.loads(canonical({"path": write_name(path)}).encode("utf-8"))["path"]
    assert os.fsencode(read_name(written)) == name
    assert isinstance(written, str) is (b"\xff" not in name and b"\xed" not in name)


def test_answer_comes_back_with_all_digits_and_without_names() -> None:
    picture = Picture("x.png", "e" * 64)
    content = json.loads(canonical(answer_content(QUESTION.digest, SEEN, ROW, picture)))
    assert content["key"] == answer_key(QUESTION.digest, SEEN) and "in/1" not in canonical(content)
    answer = read_answer(7, content)
    assert (answer.sequence, answer.seen, answer.picture) == (7, SEEN, picture)
    named = answer.named("=new.png", ["p.png", "p.png", "q.png"], "out_gradcam")
    expected = {"image": "./=new.png", "partner": "p.png; q.png", "gradcam": "out_gradcam/x.png"}
    assert named == dataclasses.replace(ROW, **expected)


def test_everything_that_decides_an_answer_is_in_its_key() -> None:
    keys = {answer_key(QUESTION.digest, SEEN)}
    values = {
        "bundle": "f" * 64,
        "engine": "keras",
        "precision": "int8",
        "max_megapixels": 50.0,
        "pictures": "webp",
        "grade_anyway": True,
        "version": QUESTION.version + 1,
    }
    assert set(values) == {item.name for item in dataclasses.fields(Question)}
    for name, value in values.items():
        keys.add(answer_key(dataclasses.replace(QUESTION, **{name: value}).digest, SEEN))
    first, second = SEEN.partners
    for partners in ((), (first,), (second,), (("same-eye", first[1]), ("both-eyes", second[1]))):
        keys.add(answer_key(QUESTION.digest, Seen(SEEN.sha256, partners)))
    keys.add(answer_key(QUESTION.digest, Seen("f" * 64, SEEN.partners)))
    assert len(keys) == 1 + 7 + 4 + 1


@pytest.mark.parametrize("numbers", [[], [1], [1, 2, 3], [5, 4, 3], [2, 3, 9, 10, 11, 4], [7, 7]])
def test_ranges_come_back(numbers: list[int]) -> None:
    assert from_ranges(to_ranges(numbers)) == numbers
    assert to_ranges([2, 3, 9, 10, 11, 4]) == [[2, 3], [9, 11], [4, 4]]


def test_book_knows_runs_rows_and_what_superseded_them() -> None:
    answer = answer_content(QUESTION.digest, Seen("a" * 64), ROW, None)
    other = answer_content(QUESTION.digest, Seen("b" * 64), dataclasses.replace(ROW, sha256="b" * 64), None)
    items = [
        ("begun", {"listed": 1}),
        ("answer", answer),
        ("row", {"path": "x.png", "answer": 2, "partners": []}),
        ("begun", {"listed": 1}),
        ("row", {"path": "y.png", "answer": None, "status": "failed", "reason": "r", "sha256": "", "model": "m"}),
        ("answer", other),
        ("row", {"path": "x.png", "answer": 6, "partners": ["y.png"]}),
        ("superseded", {"row": 3, "by": 7}),
        ("ended", {"how": "complete"}),
    ]
    book = read_book(extended(None, items))
    assert [(run.number, run.begun_at, run.answers, run.superseded) for run in book.runs] == [
        (1, 1, 1, 0),
        (2, 4, 1, 1),
    ]
    assert book.runs[0].ended is None and book.runs[1].ended == {"how": "complete"}
    assert book.current["x.png"].sequence == 7 and book.superseded == {3: 7}
    assert [row.run for row in book.rows.values()] == [1, 2, 2]
    assert book.found == {(QUESTION.digest, "a" * 64): "graded", (QUESTION.digest, "b" * 64): "graded"}
    assert book.csv_row(7, "g") == dataclasses.replace(ROW, image="x.png", partner="y.png", gradcam="", sha256="b" * 64)
    assert book.csv_row(5, "g") == Row("y.png", "failed", reason="r", model="m")
