"""Drift: ordinary nights are left in peace, shifted ones are seen, and few people say nothing.

``python tests/scoring/test_drift.py`` simulates 1,000 nights and prints shares of alarms.
"""

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.degrade import degrade
from kerasdr.imaging.quality import judge
from kerasdr.scoring.drift import (
    LEVEL,
    Drift,
    Observed,
    _largest_distance,
    compare,
    observe,
    person_weights,
    reference_of,
)
from kerasdr.scoring.drift_reference import CONTINUOUS, DriftReference

SHIFTS = (("blur", 2.0), ("dark", 2.0), ("colour", 3.0), ("haze", 2.0), ("jpeg", 4.0), ("uneven", 3.0))


def population(people: int, random: np.random.Generator, shift: Mapping[str, float] | None = None) -> Observed:
    """Draw people whose two photographs are alike: figures are the person's, with a little of each photograph's own."""
    owner = np.repeat(np.arange(people), random.choice([1, 2, 2, 2, 4], people))
    severity = random.normal(size=people)[owner] * 0.9 + 0.4 * random.normal(size=len(owner))
    referable = 1 / (1 + np.exp(-2.0 * (severity - 0.8)))
    grades = np.searchsorted([0.2, 0.35, 0.6, 0.85], referable)
    ungradable = random.random(len(owner)) < np.where(random.random(people) < 0.1, 0.5, 0.01)[owner]
    values = {"prob_referable": np.where(ungradable, np.nan, referable)}
    for name in CONTINUOUS[1:]:
        values[name] = random.normal(size=people)[owner] + 0.3 * random.normal(size=len(owner))
    values["overexposed"] = np.where(values["overexposed"] > 1.3, values["overexposed"], 0.0)  # mostly none
    for name, by in (shift or {}).items():
        values[name] = values[name] + by
    return Observed(owner, ungradable, np.where(ungradable, -1, grades), values)


def share_of_alarms(people: int, reference_people: int, nights: int, seed: int, *, same: bool) -> float:
    """Return how often an ordinary night is called different: drawn anew, or from the reference's own people."""
    random = np.random.default_rng(seed)
    alarms = 0
    validation = population(reference_people, random)
    reference = reference_of(validation)
    for _ in range(nights):
        if same:
            night = again(validation, random.integers(reference_people, size=people))
        else:
            validation = population(reference_people, random)
            reference, night = reference_of(validation), population(people, random)
        alarms += bool(compare(night, reference).alarms)
    return alarms / nights


def again(observed: Observed, people: np.ndarray) -> Observed:
    """Return a night of people drawn from others, each with all of their photographs."""
    of = [np.flatnonzero(observed.people == person) for person in range(int(observed.people.max()) + 1)]
    rows = np.concatenate([of[person] for person in people])
    owner = np.repeat(np.arange(len(people)), [len(of[person]) for person in people])
    values = {name: array[rows] for name, array in observed.values.items()}
    return Observed(owner, observed.ungradable[rows], observed.grades[rows], values)


@pytest.mark.parametrize("same", [True, False])
def test_ordinary_nights_are_rarely_called_different(same: bool) -> None:
    assert share_of_alarms(150, 150, 200, 1, same=same) <= 0.02  # of 200; the 1,000 of the table are held to 0.01


def test_a_shift_of_a_figure_is_seen_and_named() -> None:
    random = np.random.default_rng(3)
    reference = reference_of(population(150, random))
    drift = compare(population(150, random, {"detail": -0.9}), reference)
    assert [one.quantity for one in drift.alarms] == ["detail"]
    (alarm,) = drift.alarms
    assert alarm.p is not None and alarm.adjusted is not None and alarm.p < alarm.adjusted <= LEVEL
    assert alarm.here[1] < alarm.reference[1] and alarm.people == (150, 150)


def test_each_person_counts_once() -> None:
    assert person_weights(np.array([7, 7, 3, 7, 9])).tolist() == pytest.approx([1 / 9, 1 / 9, 1 / 3, 1 / 9, 1 / 3])
    random = np.random.default_rng(4)
    validation = population(100, random)
    one_each = again(validation, np.arange(100))
    doubled = again(validation, np.arange(100))
    repeated = replace(
        doubled,
        people=np.concatenate([doubled.people] * 3),
        ungradable=np.concatenate([doubled.ungradable] * 3),
        grades=np.concatenate([doubled.grades] * 3),
        values={name: np.concatenate([array] * 3) for name, array in doubled.values.items()},
    )
    reference = reference_of(population(100, random))
    first, second = compare(one_each, reference), compare(repeated, reference)
    assert [one.p for one in second.compared] == pytest.approx([one.p for one in first.compared])


@pytest.mark.parametrize(("people", "reference_people"), [(49, 150), (150, 49), (1, 1)])
def test_few_people_say_nothing(people: int, reference_people: int) -> None:
    random = np.random.default_rng(5)
    drift = compare(population(people, random, {"detail": 9.0}), reference_of(population(reference_people, random)))
    assert drift.undefined.startswith("too few ") and not drift.alarms and not drift.compared


def test_a_bundle_without_a_reference() -> None:
    drift = compare(population(100, np.random.default_rng(6)), None)
    assert drift == Drift(100, "the model was written without a reference")


def test_distance_is_that_of_scipy_for_people_of_one_photograph() -> None:
    import scipy.stats

    random = np.random.default_rng(7)
    one, other = random.normal(size=80).round(1), random.normal(0.3, 1, 201).round(1)  # with ties
    weights = np.full(80, 1 / 80)
    quantiles = np.sort(other)
    expected = scipy.stats.ks_2samp(one, other).statistic
    assert _largest_distance(one, weights, quantiles) == pytest.approx(expected, abs=0.006)
    assert _largest_distance(np.zeros(9), np.full(9, 1 / 9), np.zeros(201)) == pytest.approx(0.0)
    assert _largest_distance(np.zeros(9), np.full(9, 1 / 9), np.ones(201)) == pytest.approx(1.0)


def test_reference_by_hand() -> None:
    figures = [{"detail": 1.0}, {"detail": 3.0}, {"detail": 2.0}, {}]
    probabilities = np.array(
        [[0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.6], [np.nan] * 5]
    )
    observed = observe(["a", "a", "b", "c"], ["graded", "graded", "graded", "ungradable"], probabilities, figures)
    reference = reference_of(observed)
    assert (reference.people, reference.photographs, reference.graded_people) == (3, 4, 2)
    assert reference.grade_shares == pytest.approx([0.25, 0, 0.25, 0, 0.5])
    assert reference.ungradable_share == pytest.approx(1 / 3)
    detail = reference.distributions["detail"]
    assert detail.people == 2 and (detail.quantiles[0], detail.quantiles[100], detail.quantiles[200]) == (1.0, 2.0, 3.0)
    assert reference.distributions["prob_referable"].quantiles[0] == pytest.approx(0.3)
    assert "brightness" not in reference.distributions
    assert DriftReference.model_validate_json(reference.model_dump_json()) == reference


def test_what_cannot_be_compared_says_why() -> None:
    random = np.random.default_rng(8)
    whole = population(120, random)
    without = replace(whole, values={**whole.values, "field": np.full(len(whole.people), np.nan)})
    drift = compare(without, reference_of(whole))
    (field,) = [one for one in drift.compared if one.quantity == "field"]
    assert (field.p, field.adjusted, field.differs) == (None, None, False)
    assert field.undefined == "known of 0 people here and of 120 in validation"
    all_zero = replace(whole, grades=np.where(whole.grades >= 0, 0, -1))
    (grades, *_) = compare(all_zero, reference_of(all_zero)).compared
    assert grades.undefined == "all are of one grade, or too few" and grades.p is None


def test_a_night_on_which_nothing_could_be_graded() -> None:
    random = np.random.default_rng(9)
    whole = population(120, random)
    refused = Observed(
        whole.people,
        np.ones(len(whole.people), bool),
        np.full(len(whole.people), -1),
        {name: np.full(len(whole.people), np.nan) for name in CONTINUOUS},
    )
    drift = compare(refused, reference_of(whole))
    assert [one.quantity for one in drift.alarms] == ["ungradable"]


# Phantoms


def looked_at(images: list[tuple[int, np.ndarray]]) -> Observed:
    """Judge photographs by the quality gate alone: what a shift of the camera shows in, whatever the network."""
    judged = [judge(image) for _, image in images]
    statuses = ["passed" if one.gradable else "ungradable" for one in judged]
    people = [str(person) for person, _ in images]
    return observe(people, statuses, np.full((len(images), 5), np.nan), [one.figures for one in judged])


def drawn(people: range, size: int = 192) -> list[tuple[int, np.ndarray]]:
    return [(person, eye.image) for person in people for eye in draw_person(77, person, size)]


def small_reference(images: list[tuple[int, np.ndarray]]) -> DriftReference:
    observed = looked_at(images)
    grades = np.where(observed.ungradable, -1, np.arange(len(observed.people)) % 5)  # grades are not what is tried here
    return reference_of(replace(observed, grades=grades))


def test_a_camera_out_of_focus_or_of_another_colour_is_seen() -> None:
    reference = small_reference(drawn(range(60)))
    night = drawn(range(100, 155))
    assert not compare(looked_at(night), reference).alarms
    for kind, severity in (("blur", 2.0), ("colour", 3.0)):
        shifted = [(person, degrade(image, kind, severity, 7)) for person, image in night]
        assert compare(looked_at(shifted), reference).alarms, kind


def main() -> None:
    cv2.setNumThreads(1)
    for reference_people in (60, 150, 1000):
        for same in (True, False):
            share = share_of_alarms(150, reference_people, 1000, 11, same=same)
            kind = "the reference's own people" if same else "new people, reference drawn anew each night"
            print(
                f"ordinary nights of 150 people, reference of {reference_people}: {share:.1%} of 1,000 alarmed ({kind})"
            )
    random = np.random.default_rng(12)
    images = drawn(range(400), 160)
    by_person: dict[int, list[np.ndarray]] = {}
    for person, image in images:
        by_person.setdefault(person, []).append(image)

    # One seed: a camera that is off is off in one direction for everybody.
    def observed(nobody: list[int], kind: str = "", severity: float = 0.0) -> Observed:
        return looked_at(
            [
                (place, degrade(image, kind, severity, 7) if kind else image)
                for place, person in enumerate(nobody)
                for image in by_person[person]
            ]
        )

    reference = small_reference([(person, image) for person, image in images if person < 150])
    for kind, severity in (("", 0.0), *((kind, step) for kind, _ in SHIFTS for step in (1.0, 2.0, 3.0))):
        every = observed(list(range(150, 400)), kind, severity)
        nights = 1000 if not kind else 200
        alarms = sum(bool(compare(again(every, random.choice(250, 155)), reference).alarms) for _ in range(nights))
        print(
            f"phantoms, 155 people (about 300 photographs), {kind or 'unchanged'} {severity:g}: {alarms / nights:.1%} alarmed"
        )


if __name__ == "__main__":
    main()
