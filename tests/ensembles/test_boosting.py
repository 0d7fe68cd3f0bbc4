import math

import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec, boosting_spec, combine, samme_round, samme_weights

# Four people; a has two photographs, so that theirs weigh half as much each.
PEOPLE = np.array(["a", "a", "b", "c", "d"])
TRUTH = np.array([0, 0, 1, 2, 4])


def test_people_weigh_the_same_at_first() -> None:
    assert samme_weights(PEOPLE) == pytest.approx([1 / 8, 1 / 8, 1 / 4, 1 / 4, 1 / 4])


def test_a_round_by_hand() -> None:
    # One of two photographs of a and the only one of d are wrong: err = 1/8 + 1/4 = 3/8, alpha = log(5/3 * 4).
    alpha, weights = samme_round(samme_weights(PEOPLE), TRUTH, np.array([0, 1, 1, 2, 3]), PEOPLE)
    assert alpha == pytest.approx(math.log(20 / 3))
    half, whole = math.sqrt(20 / 3), 20 / 3
    expected = np.array([half / 8, half / 8, 1 / 4, 1 / 4, whole / 4])
    assert weights == pytest.approx(expected / expected.sum())


def test_with_one_photograph_a_person_it_is_plain_samme() -> None:
    random = np.random.default_rng(0)
    weights = random.dirichlet(np.ones(30))
    truth = random.integers(0, 5, 30)
    predicted = np.where(random.random(30) < 0.6, truth, (truth + 1) % 5)
    wrong = truth != predicted
    error = weights[wrong].sum()
    alpha = math.log((1 - error) / error) + math.log(4)
    expected = weights * np.exp(alpha * wrong)
    got = samme_round(weights, truth, predicted, np.arange(30))
    assert got[0] == pytest.approx(alpha)
    assert got[1] == pytest.approx(expected / expected.sum())


def test_next_rounds_error_of_the_same_member_is_chance() -> None:
    # The defining property of SAMME's update: on the new weights the member is as good as guessing among five.
    predicted = np.array([0, 0, 1, 2, 3])
    _, weights = samme_round(samme_weights(PEOPLE), TRUTH, predicted, PEOPLE)
    assert weights[predicted != TRUTH].sum() == pytest.approx(1 - 1 / 5)


def test_the_scale_of_weights_does_not_matter() -> None:
    predicted = np.array([0, 1, 1, 2, 3])
    first = samme_round(samme_weights(PEOPLE), TRUTH, predicted, PEOPLE)
    second = samme_round(samme_weights(PEOPLE) * 5, TRUTH, predicted, PEOPLE)
    assert first[0] == pytest.approx(second[0])
    assert first[1] == pytest.approx(second[1])


def test_a_member_without_errors_counts_as_half_a_person_wrong() -> None:
    alpha, weights = samme_round(samme_weights(PEOPLE), TRUTH, TRUTH, PEOPLE)
    assert alpha == pytest.approx(math.log(7) + math.log(4))
    assert weights == pytest.approx(samme_weights(PEOPLE))


@pytest.mark.parametrize("right", [0, 1])
def test_a_member_no_better_than_chance_has_no_vote(right: int) -> None:
    people = np.arange(5)
    truth = np.arange(5)
    predicted = (truth + 1) % 5
    predicted[:right] = truth[:right]
    alpha, weights = samme_round(samme_weights(people), truth, predicted, people)
    assert alpha == pytest.approx(0.0, abs=1e-12) and alpha >= 0
    assert weights == pytest.approx(np.full(5, 0.2))


def test_a_person_of_no_weight_stays_so() -> None:
    alpha, weights = samme_round([0.0, 0.0, 0.5, 0.25, 0.25], TRUTH, [4, 4, 1, 2, 0], PEOPLE)
    assert alpha == pytest.approx(math.log(3) + math.log(4))
    assert weights[:2].tolist() == [0, 0] and np.isfinite(weights).all()


def test_wrong_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="one \\(N,\\)"):
        samme_round(np.ones(4), TRUTH, TRUTH, PEOPLE)
    for wrong in (np.zeros(5), np.full(5, np.nan), np.array([-1.0, 1, 1, 1, 1])):
        with pytest.raises(ValueError, match="at least 0"):
            samme_round(wrong, TRUTH, TRUTH, PEOPLE)
    for alphas in ([], [-1.0], [math.inf]):
        with pytest.raises(ValueError, match="alphas must be"):
            boosting_spec(alphas)


def test_alphas_become_weights() -> None:
    assert boosting_spec([3.0, 1.0]) == EnsembleSpec("boosting", (0.75, 0.25))
    assert boosting_spec([0.0, 0.0]) == EnsembleSpec("boosting", (0.5, 0.5))


def test_the_decision_is_the_highest_sum_of_alphas() -> None:
    random = np.random.default_rng(0)
    alphas = np.array([2.5, 1.4, 1.3, 0.4])
    p = random.dirichlet(np.ones(5), (4, 500))
    sums = np.tensordot(alphas, np.eye(5)[p.argmax(axis=2)], axes=1)
    combined = combine(boosting_spec(alphas.tolist()), p)
    assert (combined.argmax(axis=1) == sums.argmax(axis=1)).all()
    assert combined == pytest.approx(sums / alphas.sum(), abs=2e-3)
