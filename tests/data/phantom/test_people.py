"""Who is drawn: how both eyes go together, and how many photographs are missing or ungradable."""

import numpy as np
import pytest

from kerasdr.data.phantom.people import UNGRADABLE_KINDS, Person, make_person


@pytest.fixture(scope="module")
def population() -> list[Person]:
    return [make_person(11, number) for number in range(1, 2001)]


def test_a_person_is_the_same_each_time_and_another_seed_is_another_person() -> None:
    assert make_person(3, 17) == make_person(3, 17)
    assert make_person(3, 17) != make_person(4, 17)
    assert make_person(3, 17) != make_person(3, 18)


def test_grades_of_both_eyes_are_correlated_and_not_equal(population: list[Person]) -> None:
    pairs = np.array([[eye.grade for eye in person.eyes] for person in population if len(person.eyes) == 2])
    assert np.corrcoef(pairs.T)[0, 1] > 0.8
    apart = np.abs(pairs[:, 0] - pairs[:, 1])
    assert 0.6 < (apart == 0).mean() < 0.85
    assert 0.02 < (apart >= 2).mean() < 0.12
    # Neither side is favoured.
    assert abs(pairs[:, 0].mean() - pairs[:, 1].mean()) < 0.1


def test_grades_of_the_worse_eye_are_those_of_a_screening_with_more_disease(population: list[Person]) -> None:
    worse = [max(eye.grade for eye in person.eyes) for person in population if len(person.eyes) == 2]
    shares = np.bincount(worse, minlength=5) / len(worse)
    np.testing.assert_allclose(shares, [0.34, 0.16, 0.24, 0.13, 0.13], atol=0.03)


def test_few_people_have_one_photograph_and_it_may_be_either_eye(population: list[Person]) -> None:
    single = [person.eyes[0].eye for person in population if len(person.eyes) == 1]
    assert 0.02 < len(single) / len(population) < 0.06
    assert set(single) == {"left", "right"}


def test_few_photographs_are_ungradable_in_each_way_and_grade(population: list[Person]) -> None:
    eyes = [eye for person in population for eye in person.eyes]
    faulty = [eye for eye in eyes if eye.fault]
    assert 0.025 < len(faulty) / len(eyes) < 0.055
    assert {eye.fault for eye in faulty} == set(UNGRADABLE_KINDS)
    assert {eye.grade for eye in faulty} == {0, 1, 2, 3, 4}


def test_looks_do_not_tell_the_grade(population: list[Person]) -> None:
    worst = [max(eye.grade for eye in person.eyes) for person in population]
    for looks in ("pigment", "hue", "tortuosity", "tessellation", "drusen", "disc_size"):
        values = [getattr(person, looks) for person in population]
        assert abs(np.corrcoef(worst, values)[0, 1]) < 0.08, looks
