"""Simulated studies: how often sets of grades hold the true grade of new people, when validation has few people.

In each study a network too sure of itself grades photographs of validation people; calibration is chosen and fitted, the
conformal quantile found, and the sets are judged on many new people. Eyes of a person are alike in their grade and in the
network's error, and people have different numbers of photographs, so that photographs are not independent.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration import (
    calibrated,
    choose_calibration,
    conformal_quantile,
    set_bounds,
    true_grade_scores,
)
from kerasdr.calibration_config import CalibrationMethod
from kerasdr.evaluation.metrics import auc_referable, quadratic_kappa

if TYPE_CHECKING:
    import pandas as pd

Way = Literal["cross-fitted", "reused", "halves"]
"""How calibration and quantile share the validation people. ``cross-fitted``: scores of each by a calibration without their
person, as training does. ``reused``: both on all people, in the naive way. ``halves``: one on each half."""
WAYS: tuple[Way, ...] = get_args(Way)

# Standard normal severity is cut where these shares of people end: a screening population with a surplus of disease.
_SHARES = (0.50, 0.15, 0.20, 0.09)
_ALIKE = 0.7  # correlation of severity between a person's eyes
_ERROR = 0.6  # standard deviation of the network's error, half of whose variance is the person's
_SHARPNESS = 2.0  # the network's log-probabilities are this many times what they should be: temperature 2 mends it
_PHOTOGRAPHS = (0.15, 0.55, 0.1, 0.2)  # of people who have 1, 2, 3 and 4


@dataclass(frozen=True, eq=False)
class SimulatedPeople:
    """Graded photographs of simulated people.

    Attributes:
        probabilities: of the network, ``(n, 5)``.
        grades: the truth, ``(n,)``.
        people: the person of each, ``(n,)``.
    """

    probabilities: NDArray[np.float64]
    grades: NDArray[np.int64]
    people: NDArray[np.int64]


def simulate_people(n_people: int, random: np.random.Generator, sharpness: float = _SHARPNESS) -> SimulatedPeople:
    """Draw people with their photographs and a network's word on them.

    Args:
        n_people: how many.
        random: where randomness comes from.
        sharpness: factor of the log-probabilities; at 1 the network is perfectly calibrated.
    """
    from scipy.special import ndtr, ndtri

    people = np.repeat(np.arange(n_people), random.choice(4, n_people, p=_PHOTOGRAPHS) + 1)

    def alike(share: float) -> NDArray[np.float64]:
        own, common = random.normal(size=len(people)), random.normal(size=n_people)[people]
        drawn: NDArray[np.float64] = np.sqrt(share) * common + np.sqrt(1.0 - share) * own
        return drawn

    cuts = ndtri(np.cumsum(_SHARES))
    severity = alike(_ALIKE)
    seen = severity + _ERROR * alike(0.5)
    # What is known of a severity of variance 1 that was seen with an error.
    mean, spread = seen / (1.0 + _ERROR**2), _ERROR / np.sqrt(1.0 + _ERROR**2)
    below = ndtr((cuts - mean[:, None]) / spread)
    p = np.diff(np.column_stack([np.zeros(len(people)), below, np.ones(len(people))]), axis=1)
    sharp = np.clip(p, 1e-12, 1.0) ** sharpness
    return SimulatedPeople(sharp / sharp.sum(axis=1, keepdims=True), np.searchsorted(cuts, severity), people)


def simulate_coverage(
    n_studies: int = 500,
    n_people: int = 70,
    level: float = 0.9,
    *,
    method: Literal["auto"] | CalibrationMethod = "auto",
    ways: tuple[Way, ...] = WAYS,
    new_people: int = 500,
    seed: int = 0,
) -> "pd.DataFrame":
    """Return the coverage of sets of grades in simulated studies.

    Args:
        n_studies: how many.
        n_people: on validation in each.
        level: of coverage that is asked for.
        method: of calibration, as the configuration has it.
        ways: of sharing the validation people.
        new_people: on whom each study's sets are judged.
        seed: of all of it.

    Returns:
        One row a study and way: ``study, way, method, quantile`` (nan where infinite), ``coverage`` and ``mean_size``, both
        averaged over the photographs of a person and then over the new people.
    """
    import pandas as pd

    rows = []
    for study in range(n_studies):
        random = np.random.default_rng([seed, study])
        known, new = simulate_people(n_people, random), simulate_people(new_people, random)
        for way in ways:
            fit_on, score_on = _halves(known, random) if way == "halves" else (known, known)
            choice = choose_calibration(
                fit_on.probabilities, fit_on.grades, fit_on.people, quadratic_kappa, auc_referable, method, seed=study
            )
            own = choice.out_of_fold if way == "cross-fitted" else calibrated(choice.mapping, score_on.probabilities)
            quantile = conformal_quantile(true_grade_scores(own, score_on.grades), score_on.people, level)
            low, high = set_bounds(calibrated(choice.mapping, new.probabilities), quantile).T
            rows.append(
                {
                    "study": study,
                    "way": way,
                    "method": choice.mapping.method,
                    "quantile": np.nan if quantile is None else quantile,
                    "coverage": _over_people((low <= new.grades) & (new.grades <= high), new.people),
                    "mean_size": _over_people(high - low + 1, new.people),
                }
            )
    return pd.DataFrame(rows)


def coverage_summary(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return by way: ``studies``, mean ``coverage`` and its Monte Carlo ``standard_error``, ``mean_size``.

    Args:
        table: from :func:`simulate_coverage`.
    """
    by_way = table.groupby("way", sort=False)
    summary: pd.DataFrame = by_way.agg(
        studies=("study", "nunique"),
        coverage=("coverage", "mean"),
        standard_error=("coverage", "sem"),
        mean_size=("mean_size", "mean"),
    )
    return summary


def _halves(known: SimulatedPeople, random: np.random.Generator) -> tuple[SimulatedPeople, SimulatedPeople]:
    chosen = np.isin(known.people, random.permutation(np.unique(known.people))[::2])
    parts = (
        SimulatedPeople(known.probabilities[side], known.grades[side], known.people[side]) for side in (chosen, ~chosen)
    )
    first, second = parts
    return first, second


def _over_people(values: NDArray[np.generic], people: NDArray[np.int64]) -> float:
    each = np.bincount(people, weights=values.astype(np.float64)) / np.bincount(people)
    return float(each.mean())
