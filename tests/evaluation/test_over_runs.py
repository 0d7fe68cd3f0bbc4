import numpy as np
import pytest

from kerasdr.evaluation.intervals import grade_metrics, kappa_interval
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.over_runs import Predictions, average_figures, average_kappa


def made(seed: int, people: list[str]) -> Predictions:
    rng = np.random.default_rng(seed)
    owners = np.repeat(people, 3)
    grades = rng.integers(0, 5, len(owners))
    predicted = np.clip(grades + rng.integers(-1, 2, len(owners)), 0, 4)
    return Predictions(np.array([f"{owner}.{i}" for i, owner in enumerate(owners)]), owners, grades, predicted)


PEOPLE = [f"p{number}" for number in range(17)]


def kappa(run: Predictions) -> float:
    return quadratic_kappa(run.grades, run.predicted)


def test_one_run_has_the_interval_of_its_kappa() -> None:
    run = made(3, PEOPLE)
    assert average_kappa([run]) == kappa_interval(run.grades, run.predicted, run.people)


def test_people_are_drawn_once_for_all_runs() -> None:
    runs = [made(seed, PEOPLE) for seed in (1, 2, 3)]
    names = np.unique(PEOPLE)
    random = np.random.default_rng(5)
    means = []
    for _ in range(400):
        drawn = names[random.integers(0, len(names), len(names))]
        kappas = []
        for run in runs:
            rows = np.concatenate([np.flatnonzero(run.people == name) for name in drawn])
            kappas.append(quadratic_kappa(run.grades[rows], run.predicted[rows]))
        means.append(np.mean(kappas))
    low, high = np.quantile(means, [0.025, 0.975])
    figure = average_kappa(runs, n_resamples=400, seed=5)
    assert figure.value == pytest.approx(np.mean([kappa(run) for run in runs]))
    assert (figure.low, figure.high) == pytest.approx((low, high))
    assert (figure.n_people, figure.n_images) == (17, 51)


def test_more_runs_of_the_same_people_do_not_make_the_interval_narrow() -> None:
    run = made(4, PEOPLE)
    once, thrice = average_kappa([run]), average_kappa([run, run, run])
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_runs_with_splits_of_their_own() -> None:
    runs = [made(1, PEOPLE[:9]), made(2, PEOPLE[8:])]
    figure = average_kappa(runs)
    assert figure.value == pytest.approx(np.mean([kappa(run) for run in runs]))
    assert figure.low < figure.value < figure.high
    assert (figure.n_people, figure.n_images) == (17, len({*runs[0].images, *runs[1].images}))


def test_a_run_none_of_whose_people_was_drawn_does_not_count_as_zero() -> None:
    right = np.array([0, 4])
    alone = [
        Predictions(np.array([f"{name}1", f"{name}2"]), np.array([name, name]), right, right) for name in ("a", "b")
    ]
    figure = average_kappa(alone, n_resamples=50)
    assert (figure.value, figure.low, figure.high) == (1.0, 1.0, 1.0)


def said(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grades and probabilities of 34 photographs of the 17 people; the grades are the same of any seed."""
    grades = np.random.default_rng(0).integers(0, 5, 34)
    p = np.random.default_rng(seed).dirichlet(np.ones(5), 34) + 0.4 * np.eye(5)[grades]
    return grades, p / p.sum(axis=1, keepdims=True)


def test_figures_of_one_repeat_are_the_standard_ones() -> None:
    grades, p = said(1)
    people = np.repeat(PEOPLE, 2)
    once = average_figures(np.ones(34), grades, p, people, n_resamples=200, seed=3)
    standard = grade_metrics(grades, p, people, n_resamples=200, seed=3)
    assert list(once) == list(standard)
    for name, figure in standard.items():
        assert (once[name].value, once[name].low, once[name].high) == pytest.approx(
            (figure.value, figure.low, figure.high)
        )
        assert (once[name].n_images, once[name].n_people) == (34, 17)


def test_figures_over_repeats_are_of_people_drawn_once_for_all() -> None:
    (grades, first), (_, second) = said(1), said(2)
    people = np.repeat(PEOPLE, 2)
    whole = (np.repeat([1, 2], 34), np.tile(grades, 2), np.concatenate([first, second]), np.tile(people, 2))
    figures = average_figures(*whole, n_resamples=300, seed=5)
    names, random, means = np.unique(people), np.random.default_rng(5), []
    for _ in range(300):
        drawn = names[random.integers(0, 17, 17)]
        rows = np.concatenate([np.flatnonzero(people == name) for name in drawn])
        means.append(np.mean([(p.argmax(axis=1) == grades)[rows].mean() for p in (first, second)]))
    accuracy = figures["accuracy"]
    assert accuracy.value == pytest.approx(np.mean([(p.argmax(axis=1) == grades).mean() for p in (first, second)]))
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert (accuracy.n_images, accuracy.n_people) == (34, 17)
    # The same repeat three times says no more than once.
    thrice = average_figures(
        np.repeat([1, 2, 3], 34), *(np.concatenate([part] * 3) for part in (grades, first, people))
    )
    once = average_figures(np.ones(34), grades, first, people)
    assert (thrice["quadratic_kappa"].low, thrice["quadratic_kappa"].high) == pytest.approx(
        (once["quadratic_kappa"].low, once["quadratic_kappa"].high)
    )
