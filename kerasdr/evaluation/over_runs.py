"""Figures averaged over the runs of an experiment, with an interval over people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation import counts, metrics
from kerasdr.evaluation.intervals import Interval, IntervalKind, bootstrap_people
from kerasdr.grades import N_GRADES


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a run said about photographs whose grades are known.

    Attributes:
        images: names of the photographs, ``(n,)``.
        people: the person of each, ``(n,)``.
        grades, predicted: ``(n,)``, 0-4.
    """

    images: NDArray[np.str_]
    people: NDArray[np.str_]
    grades: NDArray[np.int64]
    predicted: NDArray[np.int64]


def average_kappa(
    runs: Sequence[Predictions],
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
) -> Interval:
    """Return the mean over runs of quadratic kappa, and its interval over people.

    In each resample people are drawn once, for all runs alike, and the runs' kappas on these people are averaged: runs
    that are judged by the same people err together, and more of them do not make the people more. Where runs are judged
    by different people (each has a split of its own), people are drawn from all, and each run is judged by those of
    them that it saw. What the interval does not hold is the chance of training: that would need many runs.

    Args:
        runs: one or more.
        n_resamples, seed, level, kind: as in :func:`~kerasdr.evaluation.intervals.bootstrap_people`, whose draws these are.

    Returns:
        The mean, nan where one of the runs has no kappa; ``n_images`` and ``n_people`` count those that any run was judged by,
        each once.
    """
    names = np.unique(np.concatenate([run.people for run in runs]))
    cells = np.zeros((len(runs), len(names), N_GRADES**2))
    for index, run in enumerate(runs):
        np.add.at(cells[index], (np.searchsorted(names, run.people), run.grades * N_GRADES + run.predicted), 1.0)

    def mean(people: NDArray[np.int64]) -> float:
        together = cells[:, people].sum(axis=1)
        judged = together[together.sum(axis=1) > 0]
        return float(counts.kappa(judged.reshape(-1, N_GRADES, N_GRADES)).mean())

    interval = bootstrap_people(mean, names, n_resamples=n_resamples, seed=seed, level=level, kind=kind)
    return replace(interval, n_images=len(np.unique(np.concatenate([run.images for run in runs]))))


_Figure = Callable[[NDArray[np.int64], NDArray[np.float64]], float]
_FIGURES: dict[str, _Figure] = {
    "quadratic_kappa": lambda grades, p: float(counts.kappa(metrics.confusion_matrix(grades, p.argmax(axis=1)))),
    "accuracy": lambda grades, p: metrics.accuracy(grades, p.argmax(axis=1)),
    "balanced_accuracy": lambda grades, p: metrics.balanced_accuracy(grades, p.argmax(axis=1)),
    "mean_absolute_error": lambda grades, p: metrics.mean_absolute_error(grades, p.argmax(axis=1)),
    "auc_referable": metrics.auc_referable,
}


def average_figures(
    repeats: ArrayLike,
    grades: ArrayLike,
    probabilities: ArrayLike,
    people: ArrayLike,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the mean over repeats of each standard figure, and its interval over people.

    As in :func:`average_kappa`, people are drawn once for all repeats: these are of the same people, so more repeats make the
    mean steadier and not the people more. For one repeat it is :func:`kerasdr.evaluation.intervals.grade_metrics`.

    Args:
        repeats: of which repeat each prediction is, ``(n,)``.
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``.
        people: ``(n,)``.
        n_resamples, seed: of the bootstrap.

    Returns:
        By name; ``n_images`` counts the predictions of the largest repeat. A figure that is undefined in one of the repeats is
        nan.
    """
    of_repeat = np.unique(np.asarray(repeats), return_inverse=True)[1]
    truth, p = np.asarray(grades), np.asarray(probabilities, dtype=np.float64)
    sizes = np.bincount(of_repeat)

    def mean_of(figure: _Figure) -> Callable[[NDArray[np.int64]], float]:
        def mean(rows: NDArray[np.int64]) -> float:
            parts = [rows[of_repeat[rows] == repeat] for repeat in range(len(sizes))]
            return float(np.mean([figure(truth[part], p[part]) if len(part) else np.nan for part in parts]))

        return mean

    return {
        name: replace(
            bootstrap_people(mean_of(figure), people, n_resamples=n_resamples, seed=seed), n_images=int(sizes.max())
        )
        for name, figure in _FIGURES.items()
    }
