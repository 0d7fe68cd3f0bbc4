"""How far probabilities may be believed: log-loss, Brier scores, expected calibration error, and tables of reliability."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.calibration import brier_scores, log_losses
from kerasdr.evaluation.intervals import Interval, bootstrap_figures
from kerasdr.grades import REFERABLE_FROM, referable_probability

MOST_BINS, FEWEST_IN_BIN = 10, 10

DEFINITIONS = {
    "log_loss": "mean of minus the natural logarithm of the true grade's probability; probabilities below 1e-6 count as 1e-6",
    "brier_grades": "mean squared distance between the five probabilities and the truth, summed over grades, 0 to 2",
    "brier_referable": "mean squared distance between the probability of grade 2 or worse and the truth, 0 to 1",
    "ece_top_grade": "expected calibration error of the most probable grade: mean over photographs of the distance, in "
    f"the bin, between mean probability and share that is right; bins of equal mass, {MOST_BINS} or as many as hold "
    f"{FEWEST_IN_BIN} photographs each. Chance alone keeps it above 0, the more so the fewer photographs, and resamples "
    "more than the figure itself: its interval may lie above it",
    "ece_referable": "the same of the probability of grade 2 or worse and the share that is referable",
}

Weighted = Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]
"""Takes how often each photograph counts, ``(r, n)``, and returns figures ``(r,)`` by name."""


def equal_mass_bins(scores: ArrayLike) -> NDArray[np.int64]:
    """Return the bin of each score, ``(n,)`` from 0 on, in ascending order; equal scores are in one bin.

    There are 10 bins of equal mass, or as many as hold 10 scores each, at least one (Nguyen and O'Connor, EMNLP 2015, and
    Roelofs et al., AISTATS 2022, who find less bias than with bins of equal width).

    Args:
        scores: ``(n,)``.
    """
    values = np.asarray(scores, dtype=np.float64)
    n_bins = min(MOST_BINS, max(1, len(values) // FEWEST_IN_BIN))
    ranked = np.sort(values)
    edges = np.unique(ranked[[len(values) * index // n_bins for index in range(1, n_bins)]])
    places: NDArray[np.int64] = np.searchsorted(edges, values, side="right")
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def forecasts(grades: ArrayLike, probabilities: ArrayLike) -> dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Return the two forecasts whose calibration is looked at, each as probability ``(n,)`` and what came true ``(n,)``.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``.

    Returns:
        ``top_grade``, that the most probable grade is right, and ``referable``, that the grade is 2 or worse.
    """
    truth = np.asarray(grades, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    return {
        "top_grade": (p.max(axis=1).round(12), p.argmax(axis=1) == truth),
        "referable": (referable_probability(p).round(12), truth >= REFERABLE_FROM),
    }


def calibration_statistic(grades: ArrayLike, probabilities: ArrayLike) -> Weighted:
    """Return what computes :data:`DEFINITIONS`' figures from how often each photograph counts.

    Bins are those of all photographs, in every resample.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``.
    """
    columns = {"log_loss": log_losses(grades, probabilities), "brier_grades": brier_scores(grades, probabilities)}
    gaps = {}
    for name, (forecast, came_true) in forecasts(grades, probabilities).items():
        if name == "referable":
            columns["brier_referable"] = np.square(forecast - came_true)
        bins = equal_mass_bins(forecast)
        gaps[f"ece_{name}"] = (forecast - came_true)[:, None] * (bins[:, None] == np.arange(bins.max(initial=0) + 1))

    def statistic(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        total = np.where(weights.sum(axis=1) > 0, weights.sum(axis=1), np.nan)
        sums = {name: weights @ column for name, column in columns.items()}
        sums |= {name: np.abs(weights @ gap).sum(axis=1) for name, gap in gaps.items()}
        # The last digits of a sum hang on how many resamples are computed together.
        return {name: (values / total).round(12) for name, values in sums.items()}

    return statistic


def weighted_share(
    weights: NDArray[np.float64], among: NDArray[np.bool_], said: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the share of some photographs of which something is said, ``(r,)``; nan where there are none of them.

    Args:
        weights: how often each photograph counts, ``(r, n)``.
        among: which photographs are meant, ``(n,)``.
        said: whether it is said of them, ``(n,)``.
    """
    total = weights @ among
    share: NDArray[np.float64] = weights @ (among & said) / np.where(total > 0, total, np.nan)
    return share


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability table.

    Attributes:
        probability: mean probability in it.
        observed: share that came true, with its interval over people; ``n_images`` are those in the bin.
    """

    probability: float
    observed: Interval


def reliability_table(
    forecast: ArrayLike, came_true: ArrayLike, people: ArrayLike, *, seed: int = 0, n_resamples: int = 2000
) -> list[ReliabilityBin]:
    """Return the bins of :func:`equal_mass_bins`, from the lowest probability on.

    Args:
        forecast: probabilities ``(n,)``.
        came_true: ``(n,)`` booleans.
        people: ``(n,)``.
        seed, n_resamples: of the bootstrap.
    """
    values, outcome, persons = np.asarray(forecast, float), np.asarray(came_true, bool), np.asarray(people)
    bins = equal_mass_bins(values)
    table = []
    for place in range(bins.max(initial=-1) + 1):
        inside = bins == place
        own = outcome[inside]

        def share(
            draws: NDArray[np.float64], owner: NDArray[np.int64], own: NDArray[np.bool_] = own
        ) -> dict[str, NDArray[np.float64]]:
            weights = draws[:, owner]
            return {"observed": weights @ own / weights.sum(axis=1)}

        found = bootstrap_figures(share, persons[inside], seed=seed, n_resamples=n_resamples)
        table.append(ReliabilityBin(float(values[inside].mean()), found["observed"].figure))
    return table
