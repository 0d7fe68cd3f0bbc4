"""Figures of groups against plain code on the same draws, permutation tests against all permutations, and what is undefined."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from kerasdr.evaluation.groups import Groups
from kerasdr.evaluation.intervals import bootstrap_people
from kerasdr.evaluation.subgroup_draws import permuted
from kerasdr.evaluation.subgroup_figures import COMPARED, FIGURES, Labelled, statistic
from kerasdr.evaluation.subgroups import Subgroups, _p_value, subgroups
from kerasdr.evaluation.subgroups_text import subgroups_text
from kerasdr.multiplicity import holm


def study(seed: int, people: int, eyes: int = 2, ungraded: float = 0.1) -> Labelled:
    random = np.random.default_rng(seed)
    truth = np.clip(np.repeat(random.choice(5, people, p=[0.4, 0.2, 0.2, 0.1, 0.1]), eyes), 0, 4)
    p = np.exp(-1.4 * np.abs(np.arange(5) - truth[:, None] - random.normal(0, 1.2, (len(truth), 1))))
    p /= p.sum(axis=1, keepdims=True)
    missing = random.random(len(truth)) < ungraded
    guess = np.where(missing, -1, p.argmax(axis=1))
    names = np.repeat([f"{person:03d}" for person in range(people)], eyes)
    return Labelled(truth, guess, guess >= 2, np.where(missing, np.nan, p[:, 2:].sum(axis=1)), names)


def in_groups(of: np.ndarray, names: tuple[str, ...] = ("a", "b", "c")) -> Groups:
    return Groups(names[: of.max() + 1], of, "")


def test_figures_and_intervals_are_those_of_plain_code() -> None:
    """Cameras that some people have both of; the draws are those of the plain bootstrap over all people."""
    data = study(1, 60)
    of = np.random.default_rng(2).integers(0, 3, len(data.truth))
    found = subgroups(data, in_groups(of), "camera", n_resamples=120, seed=4)
    assert found.people_in_several > 20
    referable, called = data.truth >= 2, data.called_referable

    def kept(rows: np.ndarray, group: int, rest: bool) -> np.ndarray:
        return rows[((of[rows] == group) != rest) & (data.predicted[rows] >= 0)]

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if len(values) else float("nan")

    plain: dict[str, Callable[[np.ndarray], float]] = {
        "quadratic_kappa": lambda r: cohen_kappa_score(
            data.truth[r], data.predicted[r], weights="quadratic", labels=range(5)
        ),
        "sensitivity_referable": lambda r: mean(called[r][referable[r]]),
        "specificity_referable": lambda r: mean(~called[r][~referable[r]]),
        "auc_referable": lambda r: roc_auc_score(referable[r], data.p_referable[r]),
        "mean_prob_referable": lambda r: mean(data.p_referable[r]),
        "share_referable": lambda r: mean(referable[r]),
        "calibration_gap": lambda r: mean(data.p_referable[r]) - mean(referable[r]),
    }
    for place, group in enumerate(found.groups):
        for name, figure in plain.items():
            own = bootstrap_people(
                lambda rows, place=place, figure=figure: figure(kept(rows, place, False)),
                data.people,
                n_resamples=120,
                seed=4,
            )
            got = group.figures[name]
            assert (got.value, got.low, got.high) == pytest.approx((own.value, own.low, own.high), abs=1e-9), name
            if name in COMPARED:
                both = bootstrap_people(
                    lambda rows, place=place, figure=figure: (
                        figure(kept(rows, place, False)) - figure(kept(rows, place, True))
                    ),
                    data.people,
                    n_resamples=120,
                    seed=4,
                )
                told = group.differences[name].interval
                assert (told.value, told.low, told.high) == pytest.approx((both.value, both.low, both.high), abs=1e-9)
        here = of == place
        assert group.figures["share_not_graded"].value == pytest.approx(np.mean(data.predicted[here] < 0))
        assert (group.photographs, group.people) == (here.sum(), len(set(data.people[here])))
        assert group.referable == (here & referable).sum() and group.graded == (here & (data.predicted >= 0)).sum()
        assert group.figures["sensitivity_referable"].n_images == (here & referable & (data.predicted >= 0)).sum()
    raw = [difference for group in found.groups for difference in group.differences.values()]
    assert found.comparisons == len(raw) == 18
    np.testing.assert_allclose([d.p_holm for d in raw], holm([d.p for d in raw]))


def exact(data: Labelled, member: np.ndarray) -> float:
    """The p value of a difference in sensitivity over all permutations within a worst grade that keep numbers of people."""
    strata = []
    worst = {person: data.truth[data.people == person].max() for person in np.unique(data.people)}
    for grade in range(5):
        people = [person for person in worst if worst[person] == grade]
        here = len([person for person in people if person in data.people[member]])
        strata.append(list(itertools.combinations(people, here)))

    def difference(chosen: np.ndarray) -> float:
        hit = data.called_referable[data.truth >= 2]
        here = chosen[data.truth >= 2]
        return float("nan") if here.all() or not here.any() else hit[here].mean() - hit[~here].mean()

    every = [difference(np.isin(data.people, sum(some, ()))) for some in itertools.product(*strata)]
    values = np.array(every)[np.isfinite(every)]
    assert len(values) > 100
    tails = np.mean(values <= difference(member) + 1e-12), np.mean(values >= difference(member) - 1e-12)
    return min(1.0, 2 * float(min(tails)))


@pytest.mark.parametrize("seed", [9, 14])
def test_p_is_that_of_all_permutations(seed: int) -> None:
    data = study(seed, 14, ungraded=0.0)
    member = np.isin(data.people, [f"{person:03d}" for person in range(0, 14, 2)])
    found = subgroups(data, in_groups(np.where(member, 0, 1)), "site", min_people=2, n_resamples=4000)
    p = found.groups[0].differences["sensitivity_referable"].p
    expected = exact(data, member)
    assert 0.02 < expected < 0.98
    assert p == pytest.approx(expected, abs=0.03)


def test_within_a_person_the_parts_are_exchanged() -> None:
    """Left eyes are graded right, right eyes wrong: of 8 people who have both, all 2^8 exchanges are equally likely."""
    truth = np.full(16, 3)
    left = np.tile([True, False], 8)
    guess = np.where(left, 3, 0)
    data = Labelled(truth, guess, guess >= 2, None, np.repeat([f"{person}" for person in range(8)], 2))
    differences = permuted(data, np.repeat(np.arange(8), 2), left, ["sensitivity_referable"], 4000, 1)[
        "sensitivity_referable"
    ]
    assert set(np.round(differences * 8).astype(int)) <= set(range(-8, 9, 2))
    assert np.mean(np.abs(differences) > 0.99) == pytest.approx(2 / 2**8, abs=0.006)
    found = subgroups(data, in_groups(np.where(left, 0, 1)), "eye", min_people=8, n_resamples=4000)
    one, other = (group.differences["sensitivity_referable"] for group in found.groups)
    assert one.interval.value == 1.0 == -other.interval.value and one.p == other.p < 0.02
    assert found.comparisons == sum(len(group.differences) for group in found.groups[:1])


def test_a_few_right_answers_are_no_evidence() -> None:
    """Two referable people in a group, both found, against 80% among others: the bootstrap interval has no width to tell."""
    truth = np.array([3] * 2 + [0] * 10 + [3] * 40)
    guess = np.array([3] * 2 + [0] * 10 + [3] * 32 + [0] * 8)
    data = Labelled(truth, guess, guess >= 2, None, np.array([f"{place}" for place in range(52)]))
    found = subgroups(data, in_groups(np.array([0] * 12 + [1] * 40)), "site")
    sensitivity = found.groups[0].differences["sensitivity_referable"]
    assert sensitivity.interval.low > 0 and sensitivity.p > 0.5
    assert "interval without width" in subgroups_text(found)


def test_rejections_under_the_null_hypothesis() -> None:
    """Of 300 studies of 60 people with two alike eyes each, about one in twenty is significant at 5%.

    The group has far fewer people with retinopathy than the others, so kappa differs though answers to a grade are alike.
    """
    names = ["quadratic_kappa", "specificity_referable", "calibration_gap"]
    rejected = np.zeros(3)
    for number in range(300):
        data = study(1000 + number, 60)
        healthy = data.truth[::2] < 2
        inside = np.random.default_rng(number).random(60) < np.where(healthy, 0.6, 0.15)
        member = np.repeat(inside, 2)
        owner = np.repeat(np.arange(60), 2)
        from_chance = permuted(data, owner, member, names, 99, number)
        for place, name in enumerate(names):
            rejected[place] += _p_value(observed(data, member, name), from_chance[name]) <= 0.05
    # Three standard errors around 0.05.
    assert (np.abs(rejected / 300 - 0.05) < 0.038).all(), rejected / 300


def observed(data: Labelled, member: np.ndarray, name: str) -> float:
    one, other = (statistic(data, side[None, :].astype(float))[name][0] for side in (member, ~member))
    return float(one - other)


def reasons(found: Subgroups, place: int) -> set[str]:
    return set(found.groups[place].undefined.values())


def test_what_is_undefined_says_why() -> None:
    data = study(3, 40)
    of = np.repeat(np.where(np.arange(40) < 4, 0, 1), 2)
    found = subgroups(data, in_groups(of), "camera", n_resamples=50)
    assert reasons(found, 0) == {"4 people, fewer than 10"}
    assert all(np.isnan(figure.value) for figure in found.groups[0].figures.values())
    assert found.groups[0].photographs == 8
    assert not found.groups[1].undefined and not found.groups[1].differences
    assert found.groups[1].no_difference["auc_referable"] == "of all others, 4 people, fewer than 10"
    assert found.groups[0].no_difference["auc_referable"] == "4 people, fewer than 10"
    text = subgroups_text(found)
    assert "a  undefined: 4 people, fewer than 10" in text and "nan" not in text

    healthy = Labelled(np.zeros(40, int), np.zeros(40, int), np.zeros(40, bool), None, np.arange(40).astype(str))
    found = subgroups(healthy, in_groups(np.arange(40) % 2), "sex", n_resamples=50)
    undefined = found.groups[0].undefined
    assert undefined["sensitivity_referable"] == "no graded photograph is labelled grade 2 or worse"
    assert undefined["quadratic_kappa"] == "labels and predictions are all grade 0: agreement by chance is full"
    assert undefined["auc_referable"].startswith("the predictions have no probabilities")
    assert found.groups[0].figures["specificity_referable"].value == 1.0
    assert found.groups[0].differences["specificity_referable"].p == 1.0

    nothing = Labelled(np.ones(20, int), np.full(20, -1), np.zeros(20, bool), None, np.arange(20).astype(str))
    found = subgroups(nothing, in_groups(np.arange(20) % 2), "sex", n_resamples=50)
    assert found.groups[0].undefined["share_referable"] == "no photograph was graded"
    assert found.groups[0].figures["share_not_graded"].value == 1.0

    only = subgroups(data, in_groups(np.zeros(80, int)), "camera", n_resamples=50)
    assert set(only.groups[0].no_difference.values()) == {"there is only one group"} and only.comparisons == 0
    assert set(only.groups[0].figures) == set(FIGURES)
