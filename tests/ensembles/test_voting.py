import numpy as np
import pytest
from scipy import stats

from kerasdr.ensembles import EnsembleSpec, combine, soft_spec
from kerasdr.ensembles.hard import TIE_SHARE


def hard(p: np.ndarray) -> np.ndarray:
    return combine(EnsembleSpec("hard", (1 / len(p),) * len(p)), p)


def test_soft_voting_is_the_mean() -> None:
    p = np.array([[[1.0, 0, 0, 0, 0]], [[0, 0.5, 0.5, 0, 0]]])
    assert combine(soft_spec(2), p) == pytest.approx(np.array([[0.5, 0.25, 0.25, 0, 0]]))
    assert combine(soft_spec(1), p[:1]) == pytest.approx(p[0])


def test_hard_vote_by_hand() -> None:
    # Two members for grade 1, barely; one for grade 4, strongly: soft voting would say 4.
    p = np.array([[[0.0, 0.4, 0.3, 0, 0.3]], [[0, 0.4, 0.3, 0, 0.3]], [[0, 0, 0, 0, 1.0]]])
    assert combine(soft_spec(3), p).argmax() == 4
    mean = np.array([0, 0.8, 0.6, 0, 1.6]) / 3
    assert hard(p)[0] == pytest.approx((1 - TIE_SHARE) * np.array([0, 2, 0, 0, 1]) / 3 + TIE_SHARE * mean)


def test_ties_go_to_the_higher_summed_probability_then_to_the_lower_grade() -> None:
    surer = np.array([[[0, 0.6, 0.4, 0, 0]], [[0, 0, 0.1, 0.9, 0]]])
    assert hard(surer).argmax() == 3
    # Grade 2 has the highest sum of all, but no vote.
    unvoted = np.array([[[0.5, 0.05, 0.45, 0, 0]], [[0, 0.51, 0.49, 0, 0]]])
    assert hard(unvoted).argmax() == 1
    even = np.array(
        [[[0, 0.5, 0, 0.25, 0.25]], [[0, 0, 0, 0.25, 0.75]], [[0, 0.75, 0, 0, 0.25]], [[0, 0, 0.25, 0, 0.75]]]
    )
    assert even.sum(axis=0)[0, 1] < even.sum(axis=0)[0, 4]
    assert hard(even).argmax() == 4
    same = np.array([[[0, 0.75, 0, 0.25, 0]], [[0, 0.25, 0, 0.75, 0]]])
    assert hard(same).argmax() == 1


@pytest.mark.parametrize("members", [2, 3, 4, 5, 7, 40])
def test_hard_vote_is_scipys_mode_where_it_is_unique_and_one_of_the_modes_elsewhere(members: int) -> None:
    p = np.random.default_rng(members).dirichlet(np.ones(5), (members, 1000))
    votes = p.argmax(axis=2)
    counts = np.stack([(votes == grade).sum(axis=0) for grade in range(5)], axis=1)
    tied = counts == counts.max(axis=1, keepdims=True)
    chosen = hard(p).argmax(axis=1)
    unique = tied.sum(axis=1) == 1
    assert 0 < unique.sum() < 1000
    assert (chosen[unique] == stats.mode(votes, axis=0).mode[unique]).all()
    assert (chosen == np.where(tied, p.sum(axis=0), -1.0).argmax(axis=1)).all()


def test_rounding_to_a_csv_keeps_the_grade() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), (2, 500))
    combined = hard(p)
    assert (combined.round(6).argmax(axis=1) == combined.argmax(axis=1)).mean() > 0.99
