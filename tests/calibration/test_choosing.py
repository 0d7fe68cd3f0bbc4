"""Validation chooses among maps, by people, and keeps things as they are where nothing is better."""

import numpy as np
import pytest

from kerasdr.calibration import calibrated, choose_calibration, log_losses
from kerasdr.calibration.fitting import fit_calibration
from kerasdr.ensembles.crossfit import person_folds
from kerasdr.evaluation.conformal_simulation import SimulatedPeople, simulate_people
from kerasdr.evaluation.metrics import auc_referable, quadratic_kappa
from tests.calibration.conftest import as_often_as_said


def test_temperature_is_chosen_for_a_network_too_sure_of_itself(sharp: SimulatedPeople) -> None:
    choice = choose_calibration(sharp.probabilities, sharp.grades, sharp.people, quadratic_kappa, auc_referable)
    assert choice.mapping.method == "temperature"
    assert list(choice.log_loss) == ["none", "temperature", "vector", "isotonic"]
    assert min(choice.log_loss.values()) == choice.log_loss["temperature"]
    assert choice.reason.startswith("temperature has the lowest log-loss, ")
    assert "out of fold (5 folds of 600 people)" in choice.reason


def test_none_stays_where_nothing_is_better() -> None:
    # Perfect as it is: what is left out of a fit is always what the fit has too little of.
    p, grades = as_often_as_said()
    choice = choose_calibration(p, grades, np.arange(300), quadratic_kappa, auc_referable)
    assert choice.mapping.method == "none" and np.array_equal(choice.out_of_fold, p)
    assert choice.log_loss["none"] == pytest.approx(log_losses(grades, p).mean()) == min(choice.log_loss.values())


def test_out_of_fold_is_by_maps_that_have_not_seen_the_person(few: SimulatedPeople) -> None:
    choice = choose_calibration(
        few.probabilities, few.grades, few.people, quadratic_kappa, auc_referable, "vector", seed=2
    )
    folds = person_folds(few.people, few.grades, seed=2)
    for fold in range(5):
        held = folds == fold
        assert not set(few.people[held]) & set(few.people[~held])
        own = fit_calibration("vector", few.probabilities[~held], few.grades[~held], few.people[~held])
        assert np.array_equal(choice.out_of_fold[held], calibrated(own, few.probabilities[held]))
    whole = fit_calibration("vector", few.probabilities, few.grades, few.people)
    assert choice.mapping == whole
    assert not np.allclose(choice.out_of_fold, calibrated(whole, few.probabilities))


def test_a_map_that_costs_kappa_is_not_taken(sharp: SimulatedPeople) -> None:
    # A network that hardly ever says 0, which only vector and isotonic can mend.
    shifted = sharp.probabilities * [0.02, 1, 1, 1, 1]
    shifted /= shifted.sum(axis=1, keepdims=True)
    free = choose_calibration(shifted, sharp.grades, sharp.people, quadratic_kappa, auc_referable)
    assert free.mapping.method in ("vector", "isotonic")

    def dear(grades: np.ndarray, predicted: np.ndarray) -> float:
        return 0.8 if np.array_equal(predicted, shifted.argmax(axis=1)) else 0.79

    bound = choose_calibration(shifted, sharp.grades, sharp.people, dear, auc_referable)
    assert bound.mapping.method in ("none", "temperature")
    assert "vector costs kappa (0.8000 to 0.7900) and is not taken for its log-loss of 0." in bound.reason
    just = choose_calibration(shifted, sharp.grades, sharp.people, lambda g, p: dear(g, p) / 2, auc_referable)
    assert just.mapping.method == free.mapping.method  # 0.005 and no more
    asked = choose_calibration(shifted, sharp.grades, sharp.people, dear, auc_referable, "vector")
    assert asked.mapping.method == "vector" and "is taken all the same" in asked.reason


def test_a_map_that_costs_auc_is_not_taken(sharp: SimulatedPeople) -> None:
    free = choose_calibration(sharp.probabilities, sharp.grades, sharp.people, quadratic_kappa, auc_referable)
    assert free.mapping.method == "temperature"

    def dear(grades: np.ndarray, probabilities: np.ndarray) -> float:
        return 0.75 if np.array_equal(probabilities, sharp.probabilities) else 0.74

    bound = choose_calibration(sharp.probabilities, sharp.grades, sharp.people, quadratic_kappa, dear)
    assert bound.mapping.method == "none" and "temperature costs AUC (0.7500 to 0.7400) and is not" in bound.reason
    without = choose_calibration(sharp.probabilities, sharp.grades, sharp.people, quadratic_kappa, lambda g, p: np.nan)
    assert without.mapping.method == "temperature"  # where nobody is referable there is no AUC to lose


def test_isotonic_maps_of_few_people_are_not_taken_for_a_better_log_loss() -> None:
    """Seventy people, two eyes each, and a network that ranks well: what steps of few people win costs its order."""
    lost, taken = [], []
    for seed in range(8):
        people = simulate_people(70, np.random.default_rng(seed))
        said = [people.probabilities, people.grades, people.people, quadratic_kappa]
        asked = choose_calibration(*said, auc_referable, "isotonic", seed=seed)
        chosen = choose_calibration(*said, auc_referable, seed=seed)
        before = auc_referable(people.grades, people.probabilities)
        lost.append(before - auc_referable(people.grades, asked.out_of_fold))
        taken.append(before - auc_referable(people.grades, chosen.out_of_fold))
    assert max(lost) > 0.005 >= max(taken)


def test_one_person_and_none_asked_for() -> None:
    p = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.1, 0.6, 0.1, 0.1, 0.1]])
    alone = choose_calibration(p, [0, 2], ["a", "a"], quadratic_kappa, auc_referable)
    assert (alone.mapping.method, alone.reason) == ("none", "none, validation has 1 person only")
    asked = choose_calibration(p, [0, 2], ["a", "b"], quadratic_kappa, auc_referable, "none")
    assert (asked.mapping.method, asked.n_folds) == ("none", 0) and np.array_equal(asked.out_of_fold, p)


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_people(n: int) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), n)
    choice = choose_calibration(p, [0, 4, 2][:n], list("abc")[:n], quadratic_kappa, auc_referable)
    assert np.isfinite(choice.out_of_fold).all() and choice.n_folds == n


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected probabilities \(N, 5\)"):
        choose_calibration(np.full((2, 5), 0.2), [0], ["a", "b"], quadratic_kappa, auc_referable)
    with pytest.raises(ValueError, match=r"expected probabilities \(N, 5\)"):
        choose_calibration(np.empty((0, 5)), [], [], quadratic_kappa, auc_referable)
