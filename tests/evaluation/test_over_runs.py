import numpy as np
import pytest

from kerasdr.evaluation.intervals import kappa_interval
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.over_runs import Predictions, average_kappa


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
