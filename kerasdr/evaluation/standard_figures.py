"""The standard figures of a grader, each with its interval over people, and why one is undefined."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.calibration_figures import calibration_statistic
from kerasdr.evaluation.graded import Graded, Screened
from kerasdr.evaluation.intervals import (
    CELLS_AT_ONCE,
    Interval,
    IntervalKind,
    Resampled,
    Statistic,
    bootstrap_figures,
)
from kerasdr.evaluation.ranking import roc
from kerasdr.grades import GRADES, N_GRADES, REFERABLE_FROM, SIGHT_THREATENING_FROM

NO_PROBABILITIES = "the predictions have no probabilities (columns prob_0 to prob_4)"
OF_PHOTOGRAPHS = "of photographs alone: the highest of a person's probabilities is no forecast for the person"

CALIBRATION_FIGURES = ("brier_grades", "brier_referable", "ece_top_grade", "ece_referable")
SET_FIGURES = ("coverage_of_grade_set", "mean_size_of_grade_set")

_Values = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class StandardFigures:
    """Figures by their plain names.

    Attributes:
        figures: each with its interval; nan where undefined.
        undefined: of the figures that are, why.
        no_interval: of the figures that are defined and have no interval, why.
        no_width: figures whose interval has no width, as every resample agrees: of a share of 0 or 1 the bootstrap cannot
            say how far the truth may be from it.
        undefined_resamples: in how many resamples a figure was undefined, where any; its interval leaves them out.
    """

    figures: dict[str, Interval]
    undefined: dict[str, str]
    no_interval: dict[str, str]
    no_width: list[str]
    undefined_resamples: dict[str, int]


def standard_figures(
    graded: Graded,
    screened: Screened | None = None,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    kind: IntervalKind = "percentile",
) -> StandardFigures:
    """Return all figures with their bootstrap intervals over people.

    The draws are those of :func:`~kerasdr.evaluation.intervals.bootstrap_people`. In every resample all is computed anew,
    thresholds at a given sensitivity or specificity too.

    Args:
        graded: photographs, or people, with true and predicted grades.
        screened: the same with those that were not graded, for figures by intention to screen.
        n_resamples, seed, level, kind: of the bootstrap.

    Returns:
        Agreement and errors (``quadratic_kappa``, ``linear_kappa``, ``unweighted_kappa``, ``accuracy``,
        ``balanced_accuracy``, ``mean_absolute_error``), ``sensitivity_grade_0`` to ``precision_grade_4``, ``auc_`` and
        ``average_precision_`` ``referable`` and ``sight_threatening``, ``sensitivity_at_90_specificity``,
        ``specificity_at_90_sensitivity`` and the same at 95 (of referable, best on the empirical ROC, not
        interpolated), ``sensitivity_referable`` and ``specificity_referable`` at the decision itself, of photographs
        ``brier_grades``, ``brier_referable``, ``ece_top_grade`` and ``ece_referable``
        (:mod:`~kerasdr.evaluation.calibration_figures`) and, where there are sets of grades, ``coverage_of_grade_set`` and
        ``mean_size_of_grade_set`` (each person counts once); with ``screened`` the two at the decision under
        ``_intention_to_screen`` and ``share_not_graded``.
    """
    found = _bootstrap(graded, _statistic_of_graded(graded), n_resamples, seed, level, kind)
    reasons = {name: why_undefined(name, graded) for name in found}
    if screened is not None:
        more = _bootstrap(screened, _statistic_of_screened(screened), n_resamples, seed, level, kind)
        reasons |= {name: why_undefined_of_screened(screened) for name in more}
        found |= more
    figures = {name: one.figure for name, one in found.items()}
    undefined = {name: reasons[name] for name, figure in figures.items() if np.isnan(figure.value)}
    missed = {name: one.missed for name, one in found.items() if one.missed and name not in undefined}
    no_interval = {name: one.gap for name, one in found.items() if one.gap and name not in undefined}
    no_width = [name for name, figure in figures.items() if figure.low == figure.high]
    return StandardFigures(figures, undefined, no_interval, no_width, missed)


def _bootstrap(
    entries: Graded | Screened,
    statistic: Statistic,
    n_resamples: int,
    seed: int,
    level: float,
    kind: IntervalKind,
) -> dict[str, Resampled]:
    return bootstrap_figures(
        statistic,
        entries.people,
        n_images=entries.n_images,
        n_resamples=n_resamples,
        seed=seed,
        level=level,
        kind=kind,
        at_once=max(1, CELLS_AT_ONCE // max(len(entries), 1)),
    )


def _statistic_of_graded(graded: Graded) -> Statistic:
    """Return what computes all figures from how often each person counts, ``(r, people)``."""
    referable, sight_threatening = graded.truth >= REFERABLE_FROM, graded.truth >= SIGHT_THREATENING_FROM

    calibration = None if graded.probabilities is None else calibration_statistic(graded.truth, graded.probabilities)
    covered = graded.set_bounds

    def statistic(draws: NDArray[np.float64], owner: NDArray[np.int64]) -> _Values:
        confusion = tally(draws, owner, graded.truth, graded.predicted, N_GRADES)
        values: _Values = {
            "quadratic_kappa": counts.kappa(confusion, "quadratic"),
            "linear_kappa": counts.kappa(confusion, "linear"),
            "unweighted_kappa": counts.kappa(confusion, "none"),
            "accuracy": counts.accuracy(confusion),
            "balanced_accuracy": counts.balanced_accuracy(confusion),
            "mean_absolute_error": counts.mean_absolute_error(confusion),
        }
        for title, each in (
            ("sensitivity", counts.sensitivities(confusion)),
            ("precision", counts.precisions(confusion)),
        ):
            values |= {f"{title}_grade_{grade}": each[..., grade] for grade in GRADES}
        undefined = np.full(len(draws), np.nan)
        weights = draws[:, owner]
        curve = None if graded.p_referable is None else roc(referable, graded.p_referable, weights)
        severe = (
            None if graded.p_sight_threatening is None else roc(sight_threatening, graded.p_sight_threatening, weights)
        )
        values["auc_referable"] = curve.auc() if curve else undefined
        values["auc_sight_threatening"] = severe.auc() if severe else undefined
        values["average_precision_referable"] = curve.average_precision() if curve else undefined
        values["average_precision_sight_threatening"] = severe.average_precision() if severe else undefined
        for percent in (90, 95):
            at = curve.sensitivity_at(percent / 100) if curve else undefined
            values[f"sensitivity_at_{percent}_specificity"] = at
        for percent in (90, 95):
            at = curve.specificity_at(percent / 100) if curve else undefined
            values[f"specificity_at_{percent}_sensitivity"] = at
        decided = tally(draws, owner, referable, graded.called_referable, 2)
        values["sensitivity_referable"] = counts.sensitivity(decided)
        values["specificity_referable"] = counts.specificity(decided)
        believed = {} if calibration is None else calibration(weights)
        values |= {name: believed.get(name, undefined) for name in CALIBRATION_FIGURES}
        return values | ({} if covered is None else _set_figures(graded.truth, covered, draws, owner))

    return statistic


def _set_figures(
    truth: NDArray[np.int64], bounds: NDArray[np.int64], draws: NDArray[np.float64], owner: NDArray[np.int64]
) -> _Values:
    """Return coverage and mean size of the photographs that have a set, averaged over each person's and then over people."""
    low, high = bounds[:, 0], bounds[:, 1]
    there = (low >= 0).astype(np.float64)
    inside, size = there * ((low <= truth) & (truth <= high)), there * (high - low + 1)
    each = np.bincount(owner, weights=there, minlength=draws.shape[1])
    once = draws[:, owner] / np.maximum(each, 1.0)[owner]
    people = draws @ (each > 0)
    total = np.where(people > 0, people, np.nan)
    return dict(zip(SET_FIGURES, ((once @ column / total).round(12) for column in (inside, size)), strict=True))


def _statistic_of_screened(screened: Screened) -> Statistic:
    def statistic(draws: NDArray[np.float64], owner: NDArray[np.int64]) -> _Values:
        decided = tally(draws, owner, screened.referable, screened.referred, 2)
        # Rows are all the same: the share of the second column is that of those not graded.
        missing = tally(draws, owner, np.ones(len(screened), dtype=bool), screened.not_graded, 2)
        return {
            "sensitivity_referable_intention_to_screen": counts.sensitivity(decided),
            "specificity_referable_intention_to_screen": counts.specificity(decided),
            "share_not_graded": counts.sensitivity(missing),
        }

    return statistic


def tally(
    draws: NDArray[np.float64],
    owner: NDArray[np.int64],
    truth: NDArray[np.generic],
    said: NDArray[np.generic],
    size: int,
) -> NDArray[np.float64]:
    """Return the confusion matrices of resamples, ``(r, size, size)``, from each person's own.

    Args:
        draws: how often each person counts, ``(r, people)``.
        owner: the person of each entry, ``(n,)`` positions.
        truth, said: of each entry, ``(n,)``, from 0 to below ``size``.
        size: of the matrices.
    """
    cells = np.zeros((draws.shape[1], size * size))
    np.add.at(cells, (owner, truth.astype(np.int64) * size + said.astype(np.int64)), 1.0)
    return (draws @ cells).reshape(-1, size, size)


def why_undefined(name: str, graded: Graded) -> str:
    """Say why a figure of :func:`standard_figures` is undefined, should it be."""
    if not len(graded):
        return "no photograph has both a label and a grade"
    person = graded.unit == "person"
    if name in SET_FIGURES:
        return "no photograph that has a label has a set of grades"
    if name.endswith("_kappa"):
        return f"labels and predictions are all grade {graded.truth[0]}: agreement by chance is full"
    if name.startswith("sensitivity_grade_"):
        return f"{'nobody has' if person else 'no photograph is labelled'} grade {name[-1]}"
    if name.startswith("precision_grade_"):
        return f"{'nobody' if person else 'no photograph'} was given grade {name[-1]}"
    if name not in ("sensitivity_referable", "specificity_referable") and graded.p_referable is None:
        return NO_PROBABILITIES
    if name in CALIBRATION_FIGURES:
        return OF_PHOTOGRAPHS
    lowest = SIGHT_THREATENING_FROM if name.endswith("_sight_threatening") else REFERABLE_FROM
    return one_class(graded.truth >= lowest, lowest, graded.unit)


def why_undefined_of_screened(screened: Screened) -> str:
    """Say why a figure by intention to screen is undefined, should it be."""
    return one_class(screened.referable, REFERABLE_FROM, screened.unit)


def one_class(positive: NDArray[np.bool_], lowest: int, unit: str) -> str:
    """Say that all or none of some ``photograph`` or ``person`` has a grade or a worse one."""
    if positive.any():
        return f"{'everybody has' if unit == 'person' else 'every photograph is labelled'} grade {lowest} or worse"
    return f"{'nobody has' if unit == 'person' else 'no photograph is labelled'} grade {lowest} or worse"
