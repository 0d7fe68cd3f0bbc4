import threading
from collections.abc import Iterator

import pytest

from kerasdr.training.ahead import ahead


def test_items_come_in_their_order() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []


def test_only_a_few_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                third.set()
            yield number

    waiting = ahead(items(), 2)
    assert next(waiting) == 0
    assert third.wait(10)  # one was taken, two wait, and the fourth has no room yet
    assert made == [0, 1, 2, 3]
    waiting.close()  # type: ignore[attr-defined]


def test_an_error_is_raised_where_its_item_is_asked_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    waiting = ahead(items())
    assert next(waiting) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(waiting)


def test_the_thread_ends_when_nobody_asks_any_more() -> None:
    waiting = ahead(iter(int, 1), 1)  # zeros without an end
    next(waiting)
    waiting.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "batches":
            thread.join(10)
            assert not thread.is_alive()
