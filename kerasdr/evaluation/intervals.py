"""Intervals by resampling people: both eyes of a person, and all views, are drawn together."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation import counts, metrics
from kerasdr.evaluation.bca import bca_correction, jackknife_weights
from kerasdr.evaluation.ranking import roc
from kerasdr.grades import N_GRADES, REFERABLE_FROM, referable_probability

IntervalKind = Literal["percentile", "bca"]
"""How the ends of a bootstrap interval are taken from its resamples."""

CELLS_AT_ONCE = 1_000_000
"""Resamples times entries: enough that numpy is busy, few enough that they stay in tens of megabytes."""

FEW_PEOPLE = 20
"""A bootstrap interval over fewer people than this is too narrow to be called 95%."""

Statistic = Callable[[NDArray[np.float64], NDArray[np.int64]], dict[str, NDArray[np.float64]]]
"""Takes how often each person counts and each entry's person, and returns figures; see :func:`bootstrap_figures`."""


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
        if np.isnan(self.value):
            return "undefined"
        if np.isnan(self.low):
            return f"{self.value:.3f} (no interval)"
        return f"{self.value:.3f} ({self.level:.0%} interval {self.low:.3f} to {self.high:.3f})"


def few_people(what: str, people: int) -> list[str]:
    """Return a line that says intervals are over too few people; none if they are over enough.

    Args:
        what: the figures are of, with its verb, such as ``graded photographs are``.
        people: how many.
    """
    if people >= FEW_PEOPLE:
        return []
    return [
        f"{what} of {people} {'person' if people == 1 else 'people'} only: over fewer than {FEW_PEOPLE} these intervals "
        "are too narrow"
    ]


def bootstrap_people(
    statistic: Callable[[NDArray[np.int64]], float],
    people: ArrayLike,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
) -> Interval:
    """Bootstrap over people (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 14).

    Args:
        statistic: takes positions of photographs ``(m,)``, repeats included, and returns a number, or nan where it is
            undefined (say, no positive was drawn).
        people: the person of each photograph, ``(n,)``.
        n_resamples: how often people are drawn, with replacement.
        seed: of the draws.
        level: nominal coverage.
        kind: plain percentiles, or BCa, for which the statistic is asked once more without each person.

    Returns:
        The interval; its ends are nan if more than half of the resamples are undefined, if there are fewer than two people,
        or as of :func:`resample_interval`.
    """
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    if len(names) < 2:
        return _without_ends(float(statistic(np.arange(len(owner)))), level, len(owner), len(names))
    photographs = [np.flatnonzero(owner == index) for index in range(len(names))]
    random = np.random.default_rng(seed)
    values = np.empty(n_resamples)
    for index in range(n_resamples):
        drawn = random.integers(0, len(names), len(names))
        values[index] = statistic(np.concatenate([photographs[person] for person in drawn]))
    left_out = None
    if kind == "bca":
        left_out = np.array([statistic(np.flatnonzero(owner != index)) for index in range(len(names))])
    value = float(statistic(np.arange(len(owner))))
    return resample_interval(value, values, level, len(owner), len(names), left_out)


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


@dataclass(frozen=True)
class Resampled:
    """One of many figures that were resampled together.

    Attributes:
        figure: with its interval.
        missed: in how many resamples it is undefined.
        gap: why there is no interval; empty if there is one.
    """

    figure: Interval
    missed: int
    gap: str


def bootstrap_figures(
    statistic: Statistic,
    people: ArrayLike,
    *,
    n_images: int | None = None,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
    at_once: int = 256,
) -> dict[str, Resampled]:
    """Bootstrap over people of many figures at once, with the draws of :func:`bootstrap_people`.

    Args:
        statistic: takes how often each person counts, ``(r, people)`` in the order of ``np.unique``, and the place of each
            entry's person there, ``(n,)``; returns figures ``(r,)`` by name, nan where undefined.
        people: the person of each entry, ``(n,)``.
        n_images: how many photographs these are; as many as entries if None.
        n_resamples, seed, level, kind: of the bootstrap.
        at_once: resamples that are computed together.
    """
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    images = len(owner) if n_images is None else n_images
    whole = {name: float(value[0]) for name, value in statistic(np.ones((1, len(names))), owner).items()}
    if len(names) < 2:
        gap = "all photographs are of one person: there are no people to draw from"
        nan = float("nan")
        return {
            name: Resampled(Interval(value, nan, nan, level, images, len(names)), 0, gap)
            for name, value in whole.items()
        }
    draws = people_draws(len(names), n_resamples=n_resamples, seed=seed, at_once=at_once)
    drawn = [statistic(some, owner) for some in draws]
    weights = jackknife_weights(len(names), at_once) if kind == "bca" else ()
    left_out = [statistic(some, owner) for some in weights]
    found = {}
    for name, value in whole.items():
        values = np.concatenate([some[name] for some in drawn])
        if np.isnan(value):
            values = np.full_like(values, np.nan)
        without = np.concatenate([some[name] for some in left_out]) if left_out else None
        figure = resample_interval(value, values, level, images, len(names), without)
        found[name] = Resampled(figure, int(np.isnan(values).sum()), no_ends(value, values, without))
    return found


def kappa_interval(
    grades: ArrayLike,
    predicted: ArrayLike,
    people: ArrayLike,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
) -> Interval:
    """Quadratic kappa with the interval of :func:`bootstrap_people`, from each person's own confusion matrix.

    The same draws as :func:`bootstrap_people` with the same seed, without going back to the photographs. Where truth and
    prediction are one and the same single grade kappa is undefined, in a resample too.
    """
    cells = _confusions_by_person(grades, predicted, people)

    def kappas(draws: NDArray[np.float64], _: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        return {"kappa": counts.kappa((draws @ cells).reshape(-1, N_GRADES, N_GRADES))}

    found = bootstrap_figures(kappas, people, n_resamples=n_resamples, seed=seed, level=level, kind=kind)
    return found["kappa"].figure


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
    return resample_interval(float(x.mean()), means, level, len(x), len(names))


def grade_metrics(
    grades: ArrayLike,
    probabilities: ArrayLike,
    people: ArrayLike,
    *,
    seed: int = 0,
    n_resamples: int = 2000,
    kind: IntervalKind = "percentile",
) -> dict[str, Interval]:
    """Return the standard figures, each with its 95% interval over people.

    Args:
        grades: ``(n,)``, 0-4.
        probabilities: ``(n, 5)``; the predicted grade is the most probable one.
        people: ``(n,)``.
        seed, n_resamples, kind: of the bootstrap.

    Returns:
        ``quadratic_kappa``, ``accuracy``, ``balanced_accuracy``, ``mean_absolute_error`` and ``auc_referable``; nan where
        undefined.
    """
    truth = np.asarray(grades)
    p = np.asarray(probabilities, dtype=np.float64)
    cells = _confusions_by_person(truth, p.argmax(axis=1), people)
    referable, scores = truth >= REFERABLE_FROM, referable_probability(p)

    def statistic(draws: NDArray[np.float64], owner: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        confusion = (draws @ cells).reshape(-1, N_GRADES, N_GRADES)
        return {
            "quadratic_kappa": counts.kappa(confusion),
            "accuracy": counts.accuracy(confusion),
            "balanced_accuracy": counts.balanced_accuracy(confusion),
            "mean_absolute_error": counts.mean_absolute_error(confusion),
            "auc_referable": roc(referable, scores, draws[:, owner]).auc(),
        }

    at_once = max(1, CELLS_AT_ONCE // max(1, len(truth)))
    found = bootstrap_figures(statistic, people, n_resamples=n_resamples, seed=seed, kind=kind, at_once=at_once)
    return {name: one.figure for name, one in found.items()}


def _confusions_by_person(grades: ArrayLike, predicted: ArrayLike, people: ArrayLike) -> NDArray[np.float64]:
    """Return each person's own confusion matrix, ``(people, 25)``, in the order of ``np.unique``."""
    truth, guess = np.asarray(grades, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    metrics.confusion_matrix(truth, guess)  # refuses what is no grade, which would be counted in another one's place
    names, owner = np.unique(np.asarray(people), return_inverse=True)
    cells = np.zeros((len(names), N_GRADES**2))
    np.add.at(cells, (owner, truth * N_GRADES + guess), 1.0)
    return cells


def _without_ends(value: float, level: float, n_images: int, n_people: int) -> Interval:
    return Interval(value, float("nan"), float("nan"), level, n_images, n_people)


def to_json(figures: dict[str, Interval]) -> dict[str, dict[str, Any]]:
    """Return figures as plain data; undefined ends become null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    return {name: {key: plain(value) for key, value in asdict(figure).items()} for name, figure in figures.items()}


def from_json(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Interval]:
    """Read what :func:`to_json` gave."""
    return {
        name: Interval(**{key: float("nan") if value is None else value for key, value in figure.items()})  # type: ignore[arg-type]
        for name, figure in content.items()
    }


def resample_interval(
    value: float,
    values: NDArray[np.float64],
    level: float,
    n_images: int,
    n_people: int,
    left_out: NDArray[np.float64] | None = None,
) -> Interval:
    """Return a figure with an interval from its resamples.

    Args:
        value: the figure on all people.
        values: of the resamples, ``(r,)``; those that are nan are left out.
        level, n_images, n_people: of the :class:`Interval`.
        left_out: the figure without each person in turn, ``(people,)``, for a BCa interval; None for plain percentiles.

    Returns:
        The interval; its ends are nan where :func:`no_ends` says why.
    """
    if no_ends(value, values, left_out):
        return _without_ends(value, level, n_images, n_people)
    tail = (1.0 - level) / 2.0
    shares = (tail, 1.0 - tail) if left_out is None else bca_correction(value, values, left_out).percentiles(level)
    low, high = np.quantile(values[np.isfinite(values)], shares)
    return Interval(value, float(low), float(high), level, n_images, n_people)


def no_ends(value: float, values: NDArray[np.float64], left_out: NDArray[np.float64] | None = None) -> str:
    """Say why a figure has no interval; an empty text if it has one. Arguments are those of :func:`resample_interval`."""
    missed = int((~np.isfinite(values)).sum())
    if missed > len(values) / 2:
        return f"undefined in {missed} of {len(values)} resamples of people, more than half"
    gap = "" if left_out is None else bca_correction(value, values, left_out).gap
    return gap and f"no BCa interval: {gap}"
