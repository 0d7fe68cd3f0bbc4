"""The worklist begins with what is worst and least certain, and keeps a person's eyes together."""

import pytest

from kerasdr.review.order import entropy, operating_point, people_of, told_by_nothing, urgency, worklist
from kerasdr.scoring.rows import Row
from tests.review.conftest import graded, lost


def names(rows: list[Row]) -> list[str]:
    return [rows[place].image for place in worklist(rows)]


def test_groups_come_in_the_order_of_their_need() -> None:
    rows = [
        lost("waits.png", "waiting"),
        graded("healthy.png", 0, refer_to_reader=False),
        graded("moderate.png", 2, refer_to_reader=False),
        lost("broken.png", "failed"),
        lost("blurred.png", "ungradable"),
        graded("doubt.png", 1, 0.5, refer_to_reader=True),
        graded("severe.png", 3, refer_to_reader=False),
    ]
    assert names(rows) == [
        *("severe.png", "doubt.png", "blurred.png", "broken.png", "moderate.png", "healthy.png", "waits.png")
    ]


def test_sight_comes_before_what_the_model_says_of_its_doubt() -> None:
    sure, doubted = graded("a.png", 4, 0.9, refer_to_reader=False), graded("b.png", 2, 0.9, refer_to_reader=True)
    assert urgency(sure, None) < urgency(doubted, None)
    # Half of the probability is enough, though grade 2 is the most probable one.
    torn = graded("c.png", 2, refer_to_reader=False, probabilities=(0.0, 0.0, 0.49, 0.26, 0.25))
    assert urgency(torn, None)[0] == 0
    assert urgency(graded("d.png", 2, probabilities=(0.0, 0.0, 0.51, 0.25, 0.24)), None)[0] == 4


def test_of_equal_danger_the_one_nearest_to_the_operating_point_is_first() -> None:
    far = graded("far.png", 0, refer_to_reader=True, probabilities=(0.9, 0.1, 0, 0, 0), prob_referable=0.05)
    near = graded("near.png", 0, refer_to_reader=True, probabilities=(0.9, 0.1, 0, 0, 0), prob_referable=0.31)
    assert names([far, near]) == ["far.png", "near.png"]  # nothing is known of the point
    marks = [
        graded("0.png", 0, 1.0, screen_positive=False, prob_referable=0.28),
        graded("1.png", 2, 1.0, screen_positive=True, prob_referable=0.36),
    ]
    assert operating_point(marks) == pytest.approx(0.32)
    assert names([far, near, *marks])[:2] == ["near.png", "far.png"]


def test_without_a_point_the_less_certain_is_first() -> None:
    sure, torn = graded("sure.png", 0, 0.95), graded("torn.png", 0, 0.4, referable=False)
    assert entropy(torn.probabilities) > entropy(sure.probabilities) > entropy((1.0, 0.0, 0.0, 0.0, 0.0)) == 0.0
    assert names([sure, torn]) == ["torn.png", "sure.png"]


def test_a_point_that_rows_contradict_is_none() -> None:
    no, yes = graded("0.png", 0, prob_referable=0.4, screen_positive=False), graded("1.png", 2, screen_positive=True)
    assert operating_point([no]) is None
    assert operating_point([no, yes]) is not None
    assert operating_point([no, graded("2.png", 2, prob_referable=0.3, screen_positive=True)]) is None


def test_the_eyes_of_a_person_stay_together_and_people_come_by_their_worst() -> None:
    rows = [
        graded("in/1_left.png", 0),
        graded("in/2_left.png", 2),
        graded("in/1_right.png", 4),
        graded("other/1_left.png", 1),
        graded("in/2_right.png", 0),
    ]
    assert names(rows) == [*("in/1_right.png", "in/1_left.png", "in/2_left.png", "in/2_right.png", "other/1_left.png")]


def test_who_was_seen_together_is_one_person() -> None:
    # As of DICOM files, whose names tell nobody.
    rows = [
        graded("IM1; x", 0),
        graded("IM2", 2),
        graded("IM3", 4, partner="IM1; x"),
        graded("IM4", 1, partner="IM5; IM2"),
    ]
    assert names(rows) == ["IM3", "IM1; x", "IM2", "IM4"]
    people = people_of(rows)
    assert people[0] == people[2] and people[1] == people[3] != people[0]
    assert told_by_nothing(people_of([*rows, graded("IM6", 0), graded("1_left.png", 0)])) == [*[False] * 4, True, False]


def test_pseudonyms_make_nobody_a_person() -> None:
    rows = [graded(f"p_{number:016x}.png", grade) for number, grade in enumerate((0, 3, 0, 4))]
    assert names(rows)[:2] == [rows[1].image, rows[3].image]
