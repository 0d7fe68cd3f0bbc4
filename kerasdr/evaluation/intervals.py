"""Intervals by resampling people: both eyes of a person, and all views, are drawn together."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation import metrics
from kerasdr.grades import N_GRADES


@dataclass(frozen=True)
class Interval:
    """A figure with its interval.

    Attributes:
        value: the figure on all photographs.
        low, high: ends of the interval; nan where it is undefined.
        level: its nominal coverage, such as 0.95.
        n_images, n_people: of how many it is.
    """

    value: float
    low: float
    high: float
    level: float
    n_images: int
    n_people: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.level:.0%} interval {self.low:.3f} to {self.high:.3f})"


def bootstrap_people(
    statistic: Callable[[NDArray[np.int64]], float],
    people: ArrayLike,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap over people (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).

    Args:
        statistic: takes positions of photographs ``(m,)``, repeats included, and returns a number, or nan where it is
            undefined (say, no positive was drawn).
        people: the person of each photograph, ``(n,)``.
        n_resamples: how often people are drawn, with replacement.
        seed: of the draws.
        level: nominal coverage.

    Returns:
        The interval; its ends are nan if more than half of the resamples are undefined.
    """
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    photographs = [np.flatnonzero(owner == index) for index in range(len(names))]
    random = np.random.default_rng(seed)
    values = np.empty(n_resamples)
    for index in range(n_resamples):
        drawn = random.integers(0, len(names), len(names))
        values[index] = statistic(np.concatenate([photographs[person] for person in drawn]))
    everything = np.arange(len(owner))
    return percentile_interval(float(statistic(everything)), values, level, len(owner), len(names))


def people_draws(
    n_people: int, *, n_resamples: int = 2000, seed: int = 0, at_once: int = 256
) -> Iterator[NDArray[np.float64]]:
    """Yield how often each person is drawn in each resample: the draws of :func:`bootstrap_people`, as weights.

    Args:
        n_people: how many there are, in the order of ``np.unique``.
        n_resamples, seed: as of :func:`bootstrap_people`.
        at_once: how many resamples are yielded together, so that those of many people need little memory.

    Yields:
        Whole numbers ``(at_once or fewer, n_people)``, each row summing to ``n_people``.
    """
    random = np.random.default_rng(seed)
    for start in range(0, n_resamples, at_once):
        rows = min(at_once, n_resamples - start)
        counts = [np.bincount(random.integers(0, n_people, n_people), minlength=n_people) for _ in range(rows)]
        yield np.stack(counts).astype(np.float64)


def kappa_interval(
    grades: ArrayLike,
    predicted: ArrayLike,
    people: ArrayLike,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Quadratic kappa with the interval of :func:`bootstrap_people`, from each person's own confusion matrix.

    The same draws as :func:`bootstrap_people` with the same seed, without going back to the photographs.
    """
    truth, guess = np.asarray(grades), np.asarray(predicted)
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    cells = np.zeros((len(names), N_GRADES**2))
    np.add.at(cells, (owner, truth * N_GRADES + guess), 1.0)
    draws = people_draws(len(names), n_resamples=n_resamples, seed=seed)
    confusions = np.concatenate([some @ cells for some in draws])
    values = metrics.kappa_of_confusion(confusions.reshape(-1, N_GRADES, N_GRADES))
    return percentile_interval(metrics.quadratic_kappa(truth, guess), values, level, len(owner), len(names))


def mean_interval(
    values: ArrayLike, people: ArrayLike, *, n_resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Interval:
    """The mean over photographs with the interval of :func:`bootstrap_people`, from each person's own sum.

    Args:
        values: ``(n,)``; photographs where it is nan are left out.
        people: ``(n,)``.
        n_resamples, seed, level: of the bootstrap.

    Returns:
        The interval; value and ends are nan if there is no photograph, the ends also if all are of one person.
    """
    x, who = np.asarray(values, np.float64), np.asarray(people)
    x, who = x[~np.isnan(x)], who[~np.isnan(x)]
    names, owner = np.unique(who, return_inverse=True)
    if len(names) < 2:
        value = float(x.mean()) if len(x) else float("nan")
        return Interval(value, float("nan"), float("nan"), level, len(x), len(names))
    sums, counts = np.bincount(owner, x), np.bincount(owner)
    draws = people_draws(len(names), n_resamples=n_resamples, seed=seed)
    means = np.concatenate([(some @ sums) / (some @ counts) for some in draws])
    return percentile_interval(float(x.mean()), means, level, len(x), len(names))


def grade_metrics(
    grades: ArrayLike, probabilities: ArrayLike, people: ArrayLike, *, seed: int = 0, n_resamples: int = 2000
) -> dict[str, Interval]:
    """Return the standard figures, each with its 95% interval over people.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``; the predicted grade is the most probable one.
        people: ``(n,)``.
        seed, n_resamples: of the bootstrap.

    Returns:
        ``quadratic_kappa``, ``accuracy``, ``balanced_accuracy``, ``mean_absolute_error`` and ``auc_referable``.
    """
    truth = np.asarray(grades)
    p = np.asarray(probabilities, dtype=np.float64)
    guess = p.argmax(axis=1)

    def interval(statistic: Callable[[NDArray[np.int64]], float]) -> Interval:
        return bootstrap_people(statistic, people, seed=seed, n_resamples=n_resamples)

    return {
        "quadratic_kappa": kappa_interval(truth, guess, people, seed=seed, n_resamples=n_resamples),
        "accuracy": interval(lambda rows: metrics.accuracy(truth[rows], guess[rows])),
        "balanced_accuracy": interval(lambda rows: metrics.balanced_accuracy(truth[rows], guess[rows])),
        "mean_absolute_error": interval(lambda rows: metrics.mean_absolute_error(truth[rows], guess[rows])),
        "auc_referable": interval(lambda rows: metrics.auc_referable(truth[rows], p[rows])),
    }


def to_json(figures: dict[str, Interval]) -> dict[str, dict[str, Any]]:
    """Return figures as plain data; undefined ends become null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return {name: {key: plain(value) for key, value in asdict(figure).items()} for name, figure in figures.items()}


def percentile_interval(
    value: float, values: NDArray[np.float64], level: float, n_images: int, n_people: int
) -> Interval:
    """Return a figure with the percentiles of its resamples.

    Args:
        value: the figure on all people.
        values: of the resamples; those that are nan are left out, and if they are more than half there are no ends.
        level, n_images, n_people: of the :class:`Interval`.
    """
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) / 2:
        return Interval(value, float("nan"), float("nan"), level, n_images, n_people)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high), level, n_images, n_people)
