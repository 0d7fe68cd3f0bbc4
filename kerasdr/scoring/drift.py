"""Drift: do new photographs look like those that the model was validated on?

Compared are the shares of grades, the share of what is ungradable, and the distributions of the probability of referable and of
the quality gate's figures. Photographs of a person are alike, so each person counts once, however many photographs there are of
them (each weighs one over their number), and every test is told the number of people as its sample size: exact if a person's
photographs were all the same, careful if they are not. The reference is a sample too, and tests are of two samples.

========== ==================================================================================================
shares     chi-square test of homogeneity (Pearson, 1900), neighbouring grades put together until each is
           expected five times in the smaller sample
ungradable Fisher's exact test, two-sided
others     two-sample test of Kolmogorov and Smirnov, tail series with Stephens's correction (1970); careful where
           values are tied
all        Holm (1979): the chance that an ordinary night is called different in anything is at most :data:`LEVEL`
           in each comparison
========== ==================================================================================================

Each photograph is compared once, together with all that came since the last comparison, as soon as they are of enough people.
So no look is at what an earlier one saw, and of a hundred looks at ordinary photographs at most one alarm is to be expected.
The level is not made smaller the more looks there are: an alarm costs a look at the camera, and one that is missed costs eyes.
All looks share one reference: where validation was by chance unlike the site, alarms come again.

Small shifts in who is photographed need tens of thousands of people to be seen, and are not promised. The reference's grades
are those of validation photographs with a known grade; what experts called ungradable and the gate lets through is in a
night's grades and not in the reference's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kerasdr.grades import N_GRADES, referable_probability
from kerasdr.multiplicity import holm
from kerasdr.scoring.drift_reference import CONTINUOUS, Distribution, DriftReference
from kerasdr.scoring.drift_tests import chi_square_shares, fisher_exact, kolmogorov_tail

LEVEL = 0.01
"""Of the family of all tests of one comparison."""

FEWEST_PEOPLE = 50
"""Fewer that are new, or in the reference, and nothing is said."""

_QUANTILES = 201


@dataclass(frozen=True)
class Observed:
    """What became of photographs that could be read, ``(N,)`` each.

    Attributes:
        people: a number for each person.
        ungradable: refused by the quality gate.
        grades: the predicted grade, -1 where there is none.
        values: by the names of :data:`CONTINUOUS`, NaN where unknown.
    """

    people: NDArray[np.int64]
    ungradable: NDArray[np.bool_]
    grades: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Compared:
    """One quantity of a job beside the reference.

    Attributes:
        quantity: ``grades``, ``ungradable`` or one of :data:`CONTINUOUS`.
        test: its name.
        people: in the job and in the reference.
        statistic, p, adjusted: of the test, and p after Holm's correction; None if undefined.
        undefined: why there is no test.
        here, reference: shares, a share, or quartiles.
    """

    quantity: str
    test: str
    people: tuple[int, int]
    statistic: float | None
    p: float | None
    adjusted: float | None
    undefined: str
    here: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def differs(self) -> bool:
        """Whether the job is called different in it."""
        return self.adjusted is not None and self.adjusted <= LEVEL


@dataclass(frozen=True)
class Drift:
    """A job beside the reference; ``undefined`` says why nothing is said, and is empty if something is.

    Attributes:
        people: in the job.
        undefined: why nothing was compared.
        compared: by quantity.
    """

    people: int
    undefined: str
    compared: tuple[Compared, ...] = ()

    @property
    def alarms(self) -> tuple[Compared, ...]:
        """The quantities that differ, the clearest first."""
        return tuple(sorted((one for one in self.compared if one.differs), key=lambda one: one.p or 0.0))


def observe(
    people: Sequence[str],
    statuses: Sequence[str],
    probabilities: NDArray[np.float64],
    figures: Sequence[Mapping[str, float]],
) -> Observed:
    """Return photographs as drift sees them.

    Args:
        people: whose each is.
        statuses: ``graded``, ``ungradable``, or anything else for one that passed the gate without a grade.
        probabilities: of the grades, ``(N, 5)``, of use where graded.
        figures: of the quality gate, as far as they are known.
    """
    graded = np.array([status == "graded" for status in statuses], bool)
    values: dict[str, NDArray[np.float64]] = {
        name: np.array([found.get(name, np.nan) for found in figures], np.float64)
        for name in CONTINUOUS
        if name != "prob_referable"
    }
    given = np.where(graded[:, None], probabilities, 0.2)
    values["prob_referable"] = np.where(graded, referable_probability(given), np.nan)
    return Observed(
        np.unique(np.array(people, dtype=str), return_inverse=True)[1].astype(np.int64),
        np.array([status == "ungradable" for status in statuses], bool),
        np.where(graded, given.argmax(axis=1), -1),
        values,
    )


def reference_of(observed: Observed) -> DriftReference:
    """Return the distributions of validation photographs, at least one of them graded, as a bundle carries them."""
    graded = observed.grades >= 0
    distributions = {}
    for name in CONTINUOUS:
        known = np.isfinite(observed.values[name])
        if known.any():
            values, weights = observed.values[name][known], person_weights(observed.people[known])
            quantiles = _quantiles(values, weights, _QUANTILES)
            people = len(np.unique(observed.people[known]))
            distributions[name] = Distribution(people=people, quantiles=tuple(quantiles.tolist()))
    return DriftReference(
        part="validation",
        people=len(np.unique(observed.people)),
        photographs=len(observed.people),
        graded_people=len(np.unique(observed.people[graded])),
        grade_shares=tuple(_grade_shares(observed).tolist()),
        ungradable_share=_ungradable_share(observed),
        distributions=distributions,
    )


def compare(observed: Observed, reference: DriftReference | None) -> Drift:
    """Compare a job's photographs with the reference.

    Args:
        observed: the job's.
        reference: of the bundle; None of a bundle of earlier versions.
    """
    people = len(np.unique(observed.people))
    if reference is None:
        return Drift(people, "the model was written without a reference")
    if reference.people < FEWEST_PEOPLE:
        few = f"the model's validation part has {reference.people} people, and {FEWEST_PEOPLE} are needed"
        return Drift(people, f"too few to say: {few}")
    if people < FEWEST_PEOPLE:
        few = f"too few new photographs ({len(observed.people)}) to compare"
        return Drift(people, f"{few}: they are of fewer than {FEWEST_PEOPLE} people; the next job has them as well")
    compared = [_grades(observed, reference), _ungradable(observed, reference, people)]
    compared += [_distribution(name, observed, reference) for name in CONTINUOUS]
    adjusted = holm([np.nan if one.p is None else one.p for one in compared])
    return Drift(
        people,
        "",
        tuple(
            one if one.p is None else replace(one, adjusted=float(p)) for one, p in zip(compared, adjusted, strict=True)
        ),
    )


def person_weights(people: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of each photograph, ``(N,)``: people weigh the same, and all weights sum to 1."""
    _, owner, counts = np.unique(people, return_inverse=True, return_counts=True)
    return 1.0 / (counts[owner] * len(counts))


def _grades(observed: Observed, reference: DriftReference) -> Compared:
    graded = observed.grades >= 0
    n = len(np.unique(observed.people[graded]))
    here = _grade_shares(observed) if n else np.zeros(N_GRADES)
    known = np.array(reference.grade_shares)
    found = chi_square_shares(here, known, n, reference.graded_people)
    return Compared(
        "grades",
        "chi-square" if found is None else f"chi-square, {found.degrees} degrees of freedom",
        (n, reference.graded_people),
        None if found is None else found.statistic,
        None if found is None else found.p,
        None,
        "all are of one grade, or too few" if found is None else "",
        tuple(here.tolist()),
        reference.grade_shares,
    )


def _ungradable(observed: Observed, reference: DriftReference, people: int) -> Compared:
    here, known = _ungradable_share(observed), reference.ungradable_share
    counts = round(here * people), round(known * reference.people)
    return Compared(
        "ungradable",
        "Fisher's exact test",
        (people, reference.people),
        None,
        fisher_exact(counts[0], people, counts[1], reference.people),
        None,
        "",
        (here,),
        (known,),
    )


def _distribution(name: str, observed: Observed, reference: DriftReference) -> Compared:
    values = observed.values[name]
    known = np.isfinite(values)
    n = len(np.unique(observed.people[known]))
    other = next((found for quantity, found in reference.distributions.items() if quantity == name), None)
    test = "Kolmogorov-Smirnov"
    theirs = () if other is None else tuple(float(v) for v in np.quantile(other.quantiles, (0.25, 0.5, 0.75)))
    if other is None or n < FEWEST_PEOPLE or other.people < FEWEST_PEOPLE:
        why = f"known of {n} people here and of {0 if other is None else other.people} in validation"
        return Compared(name, test, (n, 0 if other is None else other.people), None, None, None, why, (), theirs)
    weights = person_weights(observed.people[known])
    apart = _largest_distance(values[known], weights, np.array(other.quantiles))
    return Compared(
        name,
        test,
        (n, other.people),
        apart,
        kolmogorov_tail(apart, n * other.people / (n + other.people)),
        None,
        "",
        tuple(_quantiles(values[known], weights, 5)[1:4].tolist()),
        theirs,
    )


def _largest_distance(
    values: NDArray[np.float64], weights: NDArray[np.float64], quantiles: NDArray[np.float64]
) -> float:
    """Return the largest distance of two distribution functions: of weighted values, and of evenly spaced quantiles.

    Both are steps that are level from one value to the next, so that it is enough to look at these. The quantiles' function
    lies up to half a percent low between its own.
    """
    order = np.argsort(values, kind="stable")
    ordered, summed = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    at = np.concatenate([ordered, quantiles])
    here = summed[np.searchsorted(ordered, at, side="right")]
    there = np.maximum(np.searchsorted(quantiles, at, side="right") - 1, 0) / (len(quantiles) - 1)
    return float(np.abs(here - there).max())


def _quantiles(values: NDArray[np.float64], weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the quantiles of weighted values at ``count`` evenly spaced shares from 0 to 1: each the least value whose
    distribution function reaches the share."""
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    # Sums of many weights are a little off, which must not decide.
    places = np.searchsorted(summed, np.linspace(0.0, 1.0, count) - 1e-9, side="left")
    return values[order][np.minimum(places, len(values) - 1)]


def _grade_shares(observed: Observed) -> NDArray[np.float64]:
    graded = observed.grades >= 0
    weights = person_weights(observed.people[graded])
    return np.minimum(np.bincount(observed.grades[graded], weights, minlength=N_GRADES), 1.0)


def _ungradable_share(observed: Observed) -> float:
    return min(1.0, float(person_weights(observed.people)[observed.ungradable].sum()))
