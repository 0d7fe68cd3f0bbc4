import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec, bagging_spec, bootstrap_people, combine, soft_spec


def test_bagging_combines_like_soft_voting_under_its_own_name() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), (3, 20))
    spec = bagging_spec(3)
    assert spec == EnsembleSpec("bagging", (1 / 3,) * 3) != soft_spec(3)
    assert combine(spec, p) == pytest.approx(combine(soft_spec(3), p))


def test_whole_people_are_drawn() -> None:
    people = np.array(["b", "a", "c", "a", "b", "a", "d", "e"])
    counts = bootstrap_people(people, seed=3)
    assert counts.dtype == np.int64 and counts.shape == (8,)
    drawn = {}
    for person in np.unique(people):
        assert len(set(counts[people == person])) == 1
        drawn[person] = counts[people == person][0]
    assert sum(drawn.values()) == 5


def test_the_draw_depends_on_people_and_seed_alone() -> None:
    people = np.repeat([f"{n:02d}" for n in range(50)], 2)
    order = np.random.default_rng(0).permutation(100)
    assert (bootstrap_people(people, 1)[order] == bootstrap_people(people[order], 1)).all()
    assert (bootstrap_people(people, 1) != bootstrap_people(people, 2)).any()


def test_about_63_percent_of_people_are_in() -> None:
    shares = [(bootstrap_people(np.arange(500), seed) > 0).mean() for seed in range(40)]
    assert np.mean(shares) == pytest.approx(1 - np.exp(-1), abs=0.01)
