"""Paired intervals and permutation tests against SciPy, by hand, and in their two forms against one another."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.stats

from kerasdr.evaluation import metrics
from kerasdr.evaluation.graded import Graded, graded_people, graded_photographs, screened_photographs
from kerasdr.evaluation.intervals import IntervalKind, bootstrap_people
from kerasdr.evaluation.over_runs import Predictions, average_kappa
from kerasdr.evaluation.paired import mixed_of_metric, paired_differences, paired_permutations
from kerasdr.evaluation.paired_figures import paired_figures, with_holm
from kerasdr.evaluation.paired_grades import mixed_of_graded, mixed_of_runs, people_who_differ


def study(seed: int, people: int, eyes: int = 2) -> tuple[Graded, Graded, np.ndarray]:
    """Two graders of all eyes, the second the better one; and the probabilities of both, ``(2, n, 5)``."""
    random = np.random.default_rng(seed)
    truth = np.clip(np.repeat(random.choice(5, people), eyes) + random.integers(-1, 2, people * eyes), 0, 4)
    names = np.repeat([f"{number:03d}" for number in random.permutation(people)], eyes)
    graders, all_p = [], []
    for noise in (1.3, 0.8):
        p = np.exp(-1.2 * np.abs(np.arange(5) - truth[:, None] - random.normal(0, noise, (len(truth), 1))))
        p /= p.sum(axis=1, keepdims=True)
        graders.append(graded_photographs(truth, p.argmax(axis=1), names, p))
        all_p.append(p)
    return graders[0], graders[1], np.array(all_p)


def share_right(truth: np.ndarray, said: np.ndarray) -> float:
    return float(np.mean(truth == said))


@pytest.mark.parametrize("seed", range(4))
def test_exact_permutations_against_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=9), random.normal(size=9) + 0.4
    theirs = scipy.stats.permutation_test(
        (first, second), lambda a, b: np.mean(b) - np.mean(a), permutation_type="samples", n_resamples=np.inf
    )
    mixed = mixed_of_metric(lambda truth, said: float(np.mean(said)), np.zeros(9), first, second, np.arange(9))
    found = paired_permutations(mixed, 9)["metric"]
    assert (found.exact, found.n) == (True, 512)
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-12)


def test_both_answers_of_a_person_are_swapped_together() -> None:
    # Three people with two eyes; the second grader has 2, 1 and 0 more right than the first.
    people = np.array(["a", "a", "b", "b", "c", "c"])
    truth = np.zeros(6, dtype=int)
    first, second = np.array([1, 1, 1, 0, 0, 1]), np.array([0, 0, 0, 0, 1, 0])
    gains = [2, 1, 0]
    sums = [sum(sign * gain for sign, gain in zip(signs, gains, strict=True)) for signs in product((1, -1), repeat=3)]
    expected = np.mean([abs(one) >= 3 for one in sums])
    mixed = mixed_of_metric(share_right, truth, first, second, people)
    found = paired_permutations(mixed, 3)["metric"]
    assert found.p == expected == 0.5 and found.exact
    # By eyes, as if each were a person, it would be far smaller.
    assert paired_permutations(mixed_of_metric(share_right, truth, first, second, np.arange(6)), 6)["metric"].p < 0.4


def test_random_permutations_count_the_one_that_was_found() -> None:
    truth, names = np.zeros(40, dtype=int), np.arange(40)
    mixed = mixed_of_metric(share_right, truth, np.ones(40, dtype=int), truth, names)
    found = paired_permutations(mixed, 40, n_permutations=99)["metric"]
    assert (found.p, found.exact, found.n) == (0.01, False, 99)


def test_random_permutations_come_near_to_all() -> None:
    first, second, _ = study(3, 11)
    mixed = mixed_of_graded(first, second)
    every = paired_permutations(mixed, 11)
    some = paired_permutations(mixed, 11, n_permutations=2000, seed=1)
    assert every["accuracy"].exact and not some["accuracy"].exact
    for name, test in every.items():
        assert some[name].p == pytest.approx(test.p, abs=4 * np.sqrt(test.p * (1 - test.p) / 2000) + 1e-3), name


def test_only_people_whose_answers_differ_need_swapping() -> None:
    first, second, _ = study(4, 8)
    everybody = paired_permutations(mixed_of_graded(first, second), 8)
    same = np.unique(first.people)[:3]
    keep = np.isin(first.people, same)
    mended = graded_photographs(first.truth, np.where(keep, first.predicted, second.predicted), first.people)
    plain = graded_photographs(first.truth, first.predicted, first.people)
    differ = people_who_differ(plain, mended)
    assert not differ[:3].any() and differ.any()
    mixed = mixed_of_graded(plain, mended)
    few, all_of_them = paired_permutations(mixed, 8, differ=differ), paired_permutations(mixed, 8)
    assert few["accuracy"].n < all_of_them["accuracy"].n == 256
    for name in few:
        assert few[name].p == pytest.approx(all_of_them[name].p, abs=1e-12)
    assert everybody["accuracy"].n == 256


@pytest.mark.parametrize("kind", ["percentile", "bca"])
def test_differences_are_those_of_the_plain_bootstrap(kind: IntervalKind) -> None:
    first, second, p = study(1, 40)
    truth = first.truth
    found = paired_differences(mixed_of_graded(first, second), 40, 80, n_resamples=200, seed=3, kind=kind)
    plain = {
        "quadratic_kappa": lambda r, g: metrics.quadratic_kappa(truth[r], (first, second)[g].predicted[r]),
        "accuracy": lambda r, g: metrics.accuracy(truth[r], (first, second)[g].predicted[r]),
        "mean_absolute_error": lambda r, g: metrics.mean_absolute_error(truth[r], (first, second)[g].predicted[r]),
        "auc_referable": lambda r, g: metrics.auc(truth[r] >= 2, np.asarray((first, second)[g].p_referable)[r]),
        "specificity_referable": lambda r, g: metrics.specificity(truth[r] >= 2, p[g][r].argmax(axis=1) >= 2),
    }
    for name, value in plain.items():
        expected = bootstrap_people(
            lambda rows, value=value: value(rows, 1) - value(rows, 0), first.people, n_resamples=200, seed=3, kind=kind
        )
        interval = found[name].interval
        assert (interval.value, interval.low, interval.high) == pytest.approx(
            (expected.value, expected.low, expected.high), abs=1e-9
        ), name
        assert found[name].second - found[name].first == pytest.approx(interval.value)
        assert (interval.n_images, interval.n_people, found[name].gap) == (80, 40, "")


def test_any_metric_in_its_general_form() -> None:
    first, second, _ = study(2, 15)
    mixed = mixed_of_metric(metrics.quadratic_kappa, first.truth, first.predicted, second.predicted, first.people)
    fast = mixed_of_graded(first, second)
    slow_difference = paired_differences(mixed, 15, 30, n_resamples=50, kind="bca")["metric"]
    assert (
        slow_difference.interval
        == paired_differences(fast, 15, 30, n_resamples=50, kind="bca")["quadratic_kappa"].interval
    )
    slow = paired_permutations(mixed, 15, n_permutations=200, seed=5)["metric"]
    assert slow == paired_permutations(fast, 15, n_permutations=200, seed=5)["quadratic_kappa"]


def test_the_scale_of_probabilities_does_not_matter() -> None:
    # The same order, squeezed above 0.9: mixed as they are, all of one grader's would outrank all of the other's.
    first, second, _ = study(5, 30)
    squeezed = replace(second, p_referable=0.9 + 0.1 * np.asarray(second.p_referable))
    name = "auc_referable"
    plain = paired_permutations(mixed_of_graded(first, second), 30, n_permutations=300)[name]
    assert plain == paired_permutations(mixed_of_graded(first, squeezed), 30, n_permutations=300)[name]
    assert plain.p < 0.5
    assert np.array_equal(people_who_differ(first, second), people_who_differ(first, squeezed))


def test_by_person_and_paired_figures() -> None:
    first, second, _ = study(6, 50)
    worse = graded_people(first), graded_people(second)
    screens = tuple(
        screened_photographs(one.truth, one.called_referable, np.ones(len(one), bool), one.people) for one in worse
    )
    found = paired_figures(worse, (screens[0], screens[1]), n_resamples=100, n_permutations=99)
    assert found["accuracy"].difference.interval.n_people == 50
    assert found["accuracy"].difference.interval.n_images == 100
    auc = found["auc_referable"]
    assert auc.delong is not None and auc.delong.difference.value == pytest.approx(auc.difference.interval.value)
    # Everything was graded: intention to screen is the decision itself.
    by_screening = found["sensitivity_referable_intention_to_screen"]
    assert by_screening.difference.first == found["sensitivity_referable"].difference.first
    parts, n_tests = with_holm([found, found])
    assert n_tests == 20
    smallest = min(figure.permutation.p for figure in found.values() if figure.permutation)
    assert min(figure.p_holm for figure in parts[0].values()) == pytest.approx(min(1.0, 20 * smallest))


def test_one_class_and_one_person_are_undefined_and_say_why() -> None:
    truth = np.array([0, 0, 1, 1])
    p = np.eye(5)[truth]
    one = graded_photographs(truth, truth, ["a", "a", "b", "b"], p)
    screen = screened_photographs(truth, truth >= 2, np.ones(4, bool), one.people)
    found = paired_figures((one, one), (screen, screen), n_resamples=50)
    auc = found["auc_referable"]
    assert auc.undefined == "no photograph is labelled grade 2 or worse" and auc.permutation is None
    assert np.isnan(auc.p_holm) and np.isnan(auc.difference.interval.value)
    assert found["sensitivity_referable_intention_to_screen"].undefined == "no photograph is labelled grade 2 or worse"
    assert found["accuracy"].permutation is not None and found["accuracy"].permutation.p == 1.0
    alone = graded_photographs(truth, truth, ["a"] * 4, p)
    lonely = paired_differences(mixed_of_graded(alone, alone), 1, 4)["accuracy"]
    assert lonely.interval.value == 0.0 and np.isnan(lonely.interval.low) and "one person" in lonely.gap


def test_different_photographs_are_refused() -> None:
    first, second, _ = study(7, 10)
    with pytest.raises(ValueError, match="same photographs"):
        mixed_of_graded(first, study(8, 10)[0])
    assert set(mixed_of_graded(first, second)(np.ones((1, 10)), np.zeros((1, 10)))) >= {"accuracy", "auc_referable"}


def runs(grader: Graded, seeds: int) -> list[Predictions]:
    said = []
    for seed in range(seeds):
        guess = np.clip(grader.predicted + np.random.default_rng(seed).integers(-1, 2, len(grader)), 0, 4)
        names = np.array([f"{who}.{place % 2}" for place, who in enumerate(grader.people)])
        said.append(Predictions(names, grader.people, grader.truth, guess))
    return said


def test_rows_of_runs() -> None:
    first, second, _ = study(9, 25)
    rows = runs(first, 3), runs(second, 3)
    mixed = mixed_of_runs(*rows)
    found = paired_differences(mixed, 25, 50)["average_kappa"]
    assert found.first == pytest.approx(average_kappa(rows[0]).value)
    assert found.second == pytest.approx(average_kappa(rows[1]).value)
    assert found.interval.low < found.interval.value < found.interval.high
    # A row against itself in another order of seeds is no different row.
    same = mixed_of_runs(rows[0], rows[0])
    assert paired_permutations(same, 25, n_permutations=50)["average_kappa"].p == 1.0
    with pytest.raises(ValueError, match="as many runs"):
        mixed_of_runs(rows[0], rows[1][:2])
