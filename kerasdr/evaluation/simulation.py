"""Simulated studies of two graders of equal skill: how often tests call them different, and how often intervals hold 0.

A test at 5% must reject in 5% of such studies, and a 95% interval must hold the true difference, which is 0, in 95%.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.delong import compare_areas
from kerasdr.evaluation.graded import Graded, graded_photographs
from kerasdr.evaluation.intervals import IntervalKind
from kerasdr.evaluation.paired import paired_differences, paired_permutations
from kerasdr.evaluation.paired_grades import mixed_of_graded, people_who_differ
from kerasdr.grades import N_GRADES, REFERABLE_FROM

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("quadratic_kappa", "accuracy", "auc_referable")
# Where the latent disease and what a grader sees of it become grades; graders are a little too lenient.
_TRUE_CUTS = (-0.2, 0.3, 0.9, 1.5)
_SEEN_CUTS = (-0.2, 0.4, 1.1, 1.8)


def equal_graders(random: np.random.Generator, n_people: int) -> tuple[Graded, Graded]:
    """Return what two graders of equal skill say of both eyes of some people.

    The eyes of a person share most of the disease and most of each grader's error; the graders share some of their errors, as
    networks of one kind do. Which grader is which is chance.

    Args:
        random: where all chance is from.
        n_people: how many; photographs are twice as many.
    """

    def eyes(share: float, spread: float) -> NDArray[np.float64]:
        """A normal quantity of both eyes, ``(people, 2)``: a share of its variance is the person's."""
        own, common = random.normal(0, spread, (n_people, 2)), random.normal(0, spread, (n_people, 1))
        return np.sqrt(share) * common + np.sqrt(1.0 - share) * own

    disease = eyes(0.8, 1.0)
    truth = np.digitize(disease, _TRUE_CUTS).ravel()
    people = np.repeat(np.arange(n_people), 2)
    shared = eyes(0.6, 0.4)

    def grader() -> Graded:
        seen = (disease + shared + eyes(0.6, 0.6)).ravel()
        logits = -2.0 * np.abs(np.arange(N_GRADES) - 2.5 * (seen[:, None] + 0.6))
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        said = graded_photographs(truth, np.digitize(seen, _SEEN_CUTS), people, p / p.sum(axis=1, keepdims=True))
        return replace(said, p_sight_threatening=None)  # one AUC takes half the time of two

    return grader(), grader()


def null_studies(
    n_studies: int = 500,
    n_people: int = 80,
    *,
    n_resamples: int = 1000,
    n_permutations: int = 399,
    kinds: Sequence[IntervalKind] = ("percentile", "bca"),
    seed: int = 0,
) -> "pd.DataFrame":
    """Return how often tests at 5% reject, and 95% intervals miss 0, between graders of equal skill.

    Args:
        n_studies: how many are simulated.
        n_people: of each, with two eyes.
        n_resamples, n_permutations: of each bootstrap and test; 399 assignments and the one that was found make 5% a whole
            number of them.
        kinds: of intervals.
        seed: of everything.

    Returns:
        One row a method and figure: ``method``, ``figure``, ``people``, ``studies`` (in which it was defined), ``share`` (of
        these that call the graders different), ``nominal`` and ``error``, the simulation's own standard error of a share that
        is as nominal. DeLong's test is there as well with every eye as a person of its own, to show what that costs.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    called: dict[tuple[str, str], list[bool]] = {}

    def note(method: str, figure: str, different: bool | None) -> None:
        called.setdefault((method, figure), []).extend([] if different is None else [different])

    for number in range(n_studies):
        first, second = equal_graders(random, n_people)
        mixed = mixed_of_graded(first, second)
        tests = paired_permutations(
            mixed, n_people, differ=people_who_differ(first, second), n_permutations=n_permutations, seed=number
        )
        for figure in FIGURES:
            note("permutation over people", figure, None if np.isnan(tests[figure].p) else tests[figure].p <= 0.05)
        for kind in kinds:
            found = paired_differences(
                mixed, n_people, len(first), n_resamples=n_resamples, seed=number, kind=kind, at_once=n_resamples
            )
            for figure in FIGURES:
                ends = found[figure].interval
                missed = None if np.isnan(ends.low) else not ends.low <= 0.0 <= ends.high
                note(f"{kind} bootstrap over people", figure, missed)
        positive = first.truth >= REFERABLE_FROM
        assert first.p_referable is not None and second.p_referable is not None
        for method, people in (("DeLong, clustered", first.people), ("DeLong, each eye a person", None)):
            p = compare_areas(positive, first.p_referable, second.p_referable, people).p
            note(method, "auc_referable", None if np.isnan(p) else p <= 0.05)
    rows = [
        {
            "method": method,
            "figure": figure,
            "people": n_people,
            "studies": len(answers),
            "share": float(np.mean(answers)) if answers else float("nan"),
            "nominal": 0.05,
            "error": float(np.sqrt(0.05 * 0.95 / len(answers))) if answers else float("nan"),
        }
        for (method, figure), answers in called.items()
    ]
    return pd.DataFrame(rows)
