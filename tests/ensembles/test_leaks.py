"""Validation figures are honest: no method is judged on people whom it was fitted on, and none sees the test part."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec, choose, combine, registry
from kerasdr.ensembles.crossfit import cross_fit, person_folds

FITTED = ("weighted", "stacking")
N_PEOPLE, N_MEMBERS, N_SEEDS = 8, 3, 30


def random_people(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members that say the same of a person's two eyes, and grades that are the person's, with nothing in common."""
    random = np.random.default_rng(seed)
    people = np.repeat(np.arange(N_PEOPLE), 2)
    grades = random.integers(0, 5, N_PEOPLE)[people]
    return random.dirichlet(np.full(5, 0.5), (N_MEMBERS, N_PEOPLE))[:, people], grades, people


def mean_scores(method: str, kappa: Any, by_person: bool) -> float:
    scores = []
    for seed in range(N_SEEDS):
        p, grades, people = random_people(seed)
        owner = people if by_person else np.arange(len(people))
        choice = choose(p, grades, kappa, list("abc"), [method], people=owner, seed=seed)
        scores.append(choice.scores[method])
    return float(np.mean(scores))


@pytest.mark.parametrize("method", FITTED)
def test_where_there_is_nothing_to_learn_kappa_is_that_of_chance(method: str, kappa: Any) -> None:
    # By chance kappa of n people has a standard deviation of about 1 / sqrt(n): three of those of the mean.
    limit = 3 / np.sqrt(N_PEOPLE * N_SEEDS)
    assert abs(mean_scores(method, kappa, by_person=True)) < limit
    # The same data fool a cross-fit by photograph, to which the person's other eye gives the answer away ...
    assert mean_scores(method, kappa, by_person=False) > limit
    # ... and all the more a fit that is judged on its own data.
    own = []
    for seed in range(N_SEEDS):
        p, grades, _ = random_people(seed)
        fit = registry.find_method(method).fit
        assert fit is not None
        own.append(kappa(grades, combine(fit(p, grades, kappa), p)))
    assert np.mean(own) > limit


@pytest.mark.parametrize("method", FITTED)
def test_shuffled_labels_score_nothing_though_members_are_good(
    method: str, grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, skill, seed) for seed, skill in enumerate((0.3, 0.4, 0.5))])
    honest = choose(p, grades, kappa, list("abc"), [method], people=people)
    assert honest.scores[method] > 0.6
    scores = []
    for seed in range(6):
        shuffled = np.random.default_rng(seed).permutation(60)
        labels = grades.reshape(60, 2)[shuffled].ravel()  # whole people change places
        scores.append(choose(p, labels, kappa, list("abc"), [method], people=people).scores[method])
    assert abs(np.mean(scores)) < 3 / np.sqrt(60 * 6)


@pytest.mark.parametrize("method", FITTED)
def test_a_persons_own_labels_do_not_reach_their_prediction(
    method: str, grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, skill, seed) for seed, skill in enumerate((0.1, 0.2))])
    before = choose(p, grades, kappa, list("ab"), [method], people=people).predictions[method]
    moved = 0
    for person in range(0, 60, 4):
        changed = grades.copy()
        own = np.flatnonzero(people == person)
        lower = own[np.argmin(grades[own])]
        if grades[own].min() == grades[own].max():
            continue
        # The worst grade stays, so that the folds do; of two eyes the better one gets another label.
        changed[lower] = grades[own].max()
        after = choose(p, changed, kappa, list("ab"), [method], people=people).predictions[method]
        assert (after[own] == before[own]).all()
        moved += int((after != before).any())
    assert moved > 0, "labels must matter to somebody, or the test could not fail"


def test_no_fit_sees_the_people_whom_it_grades(
    grades: np.ndarray, people: np.ndarray, kappa: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every photograph's probabilities carry its person's number.
    p = np.zeros((2, 120, 5))
    p[:, :, 0] = (people + 1) / 100
    p[:, :, 1] = 1 - p[:, :, 0]

    def numbers(probabilities: np.ndarray) -> set[int]:
        return set(np.rint(probabilities[0, :, 0] * 100).astype(int).tolist())

    fits = []

    def fit(probabilities: np.ndarray, grades: np.ndarray, score: Any) -> EnsembleSpec:
        seen = numbers(probabilities)
        fits.append(len(seen))
        return EnsembleSpec("stacking", (0.5, 0.5), {"seen": seen})

    def apply(spec: EnsembleSpec, probabilities: np.ndarray) -> np.ndarray:
        assert not spec.parameters["seen"] & numbers(probabilities)
        return probabilities.mean(axis=0)

    spy = dataclasses.replace(registry.find_method("stacking"), fit=fit, combine=apply)
    monkeypatch.setitem(registry._METHODS, "stacking", spy)
    choose(p, grades, kappa, ["a", "b"], ["soft", "stacking"], people=people)
    assert sorted(fits) == [48] * 5 + [60]
    with pytest.raises(AssertionError):  # the spy would notice
        cross_fit(fit, p, grades, kappa, person_folds(np.arange(120), grades))


def test_folds_hold_whole_people_and_all_grades() -> None:
    random = np.random.default_rng(0)
    people = random.permutation(np.repeat([f"p{n}" for n in range(50)], 3))
    grades = random.choice(5, 150, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    folds = person_folds(people, grades)
    assert set(folds) == set(range(5))
    worst = {person: grades[people == person].max() for person in np.unique(people)}
    counts = np.zeros((5, 5), int)
    for person, grade in worst.items():
        (fold,) = set(folds[people == person])
        counts[fold, grade] += 1
    assert (counts.sum(axis=1) == 10).all()
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


class SealedLabels:
    """Grades of validation and test together; asking for those of the test part fails."""

    def __init__(self, grades: np.ndarray, test: np.ndarray) -> None:
        self._grades, self._test = grades, test

    def __len__(self) -> int:
        return len(self._grades)

    def __getitem__(self, rows: Any) -> np.ndarray:
        if self._test[rows].any():
            raise AssertionError("a label of the test part was touched")
        return self._grades[rows]

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return self[slice(None)]


def test_the_choice_never_touches_a_label_of_the_test_part(
    grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    test = people >= 40
    labels, validation = SealedLabels(grades, test), np.flatnonzero(~test)
    p = np.stack([member(grades, skill, seed) for seed, skill in enumerate((0.3, 0.4, 0.5))])
    seen = []

    def score(truth: np.ndarray, predicted: np.ndarray) -> float:
        seen.append(len(truth))
        return kappa(truth, predicted)

    names, methods = list("abc"), ["soft", "hard", "weighted", "stacking"]
    choice = choose(p[:, validation], labels[validation], score, names, methods, people=people[validation])
    assert max(seen) == len(validation)
    assert combine(choice.spec, p[:, test]).shape == (40, 5)
    # Neither all labels nor the wrong rows get through.
    for wrong in (lambda: labels, lambda: labels[test], lambda: labels[:]):
        with pytest.raises(AssertionError, match="test part was touched"):
            choose(p, wrong(), kappa, names, methods, people=people)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected probabilities"):
        choose(p, labels[validation], kappa, names, methods, people=people)
