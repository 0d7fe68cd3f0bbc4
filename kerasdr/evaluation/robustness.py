"""How figures hold when the same photographs get worse: curves over severity, silent misses, and answers to mirrored eyes.

All is computed of the same draws of people, so what is compared between steps is paired by person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.given_tables import NO_GRADE
from kerasdr.evaluation.intervals import Interval, people_draws, resample_interval
from kerasdr.evaluation.severity_limit import Limit, severity_limit
from kerasdr.grades import N_GRADES, REFERABLE_FROM

FALL = 0.1
"""The fall of kappa whose severity is looked for."""

_COLUMNS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Answers:
    """What was said of the photographs at one step; arrays ``(n,)`` in the order of the photographs.

    Attributes:
        grades: 0-4, or :data:`~kerasdr.evaluation.given_tables.NO_GRADE` where a photograph was refused or could not be read.
        p_referable: probability of grade 2 or worse, nan where not graded.
        doubtful: which were graded and called doubtful: a reader was told that the photograph is not good.
    """

    grades: NDArray[np.int64]
    p_referable: NDArray[np.float64]
    doubtful: NDArray[np.bool_]

    @property
    def graded(self) -> NDArray[np.bool_]:
        """Which were graded, ``(n,)``."""
        return self.grades != NO_GRADE


@dataclass(frozen=True)
class Step:
    """Figures at one severity of one kind.

    Attributes:
        severity: 0 to 5.
        figures: by name, each with its interval; nan where undefined. Of the photographs graded at this step:
            ``quadratic_kappa``, ``sensitivity_referable`` and ``specificity_referable``; of all: ``share_not_graded`` and
            ``share_doubtful``; of those graded at this step and when unchanged: ``kappa_fall``, kappa when unchanged minus
            kappa at this step; of those called referable when unchanged: ``silent_misses``, the share that at this step is
            graded, not called referable and not called doubtful.
        undefined: of the figures that are, why.
        called_referable: photographs called referable when unchanged.
        missed: of these, graded and neither called referable nor doubtful at this step.
        doubted: of these, graded, not called referable and called doubtful at this step.
        refused: of these, not graded at this step.
    """

    severity: float
    figures: Mapping[str, Interval]
    undefined: Mapping[str, str]
    called_referable: int
    missed: int
    doubted: int
    refused: int


@dataclass(frozen=True)
class Curve:
    """One kind of degradation.

    Attributes:
        kind: its name.
        steps: from severity 0, which is unchanged, to the last.
        limit: the severity at which kappa has fallen by :data:`FALL`.
    """

    kind: str
    steps: tuple[Step, ...]
    limit: Limit


@dataclass(frozen=True)
class Mirrored:
    """How answers to mirrored photographs agree with those to the photographs themselves.

    Attributes:
        figures: ``same_grade`` (share), ``mean_change_of_prob_referable`` (absolute) and ``kappa_between`` (quadratic), of the
            photographs graded both ways.
        undefined: of the figures that are, why.
        one_way: photographs graded one way only.
    """

    figures: Mapping[str, Interval]
    undefined: Mapping[str, str]
    one_way: int


@dataclass(frozen=True)
class Robustness:
    """All curves, and the mirrored answers if there are any.

    Attributes:
        photographs, people: how many.
        curves: one a kind.
        mirrored: or None.
    """

    photographs: int
    people: int
    curves: tuple[Curve, ...]
    mirrored: Mirrored | None


def robustness(
    truth: NDArray[np.int64],
    people: NDArray[np.str_],
    clean: Answers,
    degraded: Mapping[str, Mapping[float, Answers]],
    mirrored: Answers | None = None,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Robustness:
    """Return how figures hold, with percentile intervals over people.

    Args:
        truth: true grades ``(n,)``, 0-4.
        people: the person of each photograph, ``(n,)``.
        clean: answers to the photographs as they are.
        degraded: answers by kind and severity (above 0).
        mirrored: answers to the mirrored photographs.
        n_resamples, seed, level: of the bootstrap over people (:func:`~kerasdr.evaluation.intervals.people_draws`).
    """
    _, owner = np.unique(people, return_inverse=True)
    study = _Study(truth, owner, int(owner.max()) + 1, n_resamples, seed, level)
    curves = []
    for kind, answers in degraded.items():
        severities = sorted(answers)
        steps, falls = [], []
        for severity, said in ((0.0, clean), *((severity, answers[severity]) for severity in severities)):
            step, fall = _step(study, severity, clean, said)
            steps.append(step)
            falls.append(fall)
        limit = severity_limit([0.0, *severities], np.stack(falls, axis=1), FALL, level=level)
        curves.append(Curve(kind, tuple(steps), limit))
    both = None if mirrored is None else _mirrored(study, clean, mirrored)
    return Robustness(len(truth), study.n_people, tuple(curves), both)


@dataclass(frozen=True, eq=False)
class _Study:
    truth: NDArray[np.int64]
    owner: NDArray[np.int64]
    n_people: int
    n_resamples: int
    seed: int
    level: float

    def sums(self, columns: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
        """Return sums of columns ``(n,)`` over all photographs, then over those of each resample, ``(1 + r, columns)``."""
        by_person = np.stack([np.bincount(self.owner, column, self.n_people) for column in columns], axis=1)
        at_once = max(1, _COLUMNS_AT_ONCE // max(self.n_people, len(columns)))
        draws = people_draws(self.n_people, n_resamples=self.n_resamples, seed=self.seed, at_once=at_once)
        return np.concatenate([by_person.sum(axis=0)[None], *(some @ by_person for some in draws)])

    def interval(self, values: NDArray[np.float64], counted: NDArray[np.bool_]) -> Interval:
        """Return a figure from its value on all and on each resample, of the photographs that count for it."""
        of = int(counted.sum()), len(np.unique(self.owner[counted]))
        resampled = values[1:] if self.n_people > 1 and not np.isnan(values[0]) else np.full(1, np.nan)
        return resample_interval(float(values[0]), resampled, self.level, *of)


def _step(study: _Study, severity: float, clean: Answers, said: Answers) -> tuple[Step, NDArray[np.float64]]:
    truth, graded, both = study.truth, said.graded, said.graded & clean.graded
    called = clean.graded & (clean.grades >= REFERABLE_FROM)
    other = called & graded & (said.grades < REFERABLE_FROM)
    missed, doubted = other & ~said.doubtful, other & said.doubtful
    tallies = [(truth, said.grades, graded), (truth, clean.grades, both), (truth, said.grades, both)]
    cells = [cell for one in tallies for cell in _cells(*one)]
    sums = study.sums([*cells, ~graded, said.doubtful, np.ones(len(truth)), missed, called])
    size = N_GRADES**2
    confusion, before, after = (sums[:, k * size : (k + 1) * size].reshape(-1, N_GRADES, N_GRADES) for k in range(3))
    not_graded, doubtful, everything, misses, calls = sums[:, 3 * size :].T
    decided = _by_referable(confusion)
    fall = counts.kappa(before) - counts.kappa(after)
    positive = truth >= REFERABLE_FROM
    figures = {
        "quadratic_kappa": study.interval(counts.kappa(confusion), graded),
        "sensitivity_referable": study.interval(counts.sensitivity(decided), graded & positive),
        "specificity_referable": study.interval(counts.specificity(decided), graded & ~positive),
        "share_not_graded": study.interval(not_graded / everything, np.ones(len(truth), dtype=bool)),
        "share_doubtful": study.interval(doubtful / everything, np.ones(len(truth), dtype=bool)),
        "kappa_fall": study.interval(fall, both),
        "silent_misses": study.interval(_share(misses, calls), called),
    }
    undefined = {name: _why(name, study, graded, both) for name, figure in figures.items() if np.isnan(figure.value)}
    counted = int(called.sum()), int(missed.sum()), int(doubted.sum()), int((called & ~graded).sum())
    return Step(severity, figures, undefined, *counted), fall


def _mirrored(study: _Study, clean: Answers, mirrored: Answers) -> Mirrored:
    both = clean.graded & mirrored.graded
    change = np.where(both, np.abs(clean.p_referable - mirrored.p_referable), 0.0)
    cells = _cells(clean.grades, mirrored.grades, both)
    sums = study.sums([*cells, change, both])
    confusion = sums[:, : N_GRADES**2].reshape(-1, N_GRADES, N_GRADES)
    figures = {
        "same_grade": study.interval(counts.accuracy(confusion), both),
        "mean_change_of_prob_referable": study.interval(_share(sums[:, -2], sums[:, -1]), both),
        "kappa_between": study.interval(counts.kappa(confusion), both),
    }
    none = "no photograph was graded both ways"
    same = "all answers are one and the same grade: agreement by chance is full"
    undefined = {name: same if both.any() else none for name, figure in figures.items() if np.isnan(figure.value)}
    return Mirrored(figures, undefined, int((clean.graded ^ mirrored.graded).sum()))


def _cells(truth: NDArray[np.int64], said: NDArray[np.int64], counted: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return for each cell of the confusion matrix, row by row, which photographs are in it."""
    place = np.where(counted, truth * N_GRADES + said, -1)
    return [place == cell for cell in range(N_GRADES**2)]


def _by_referable(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = slice(None, REFERABLE_FROM), slice(REFERABLE_FROM, None)
    parts = [[confusion[:, true, said].sum(axis=(1, 2)) for said in (low, high)] for true in (low, high)]
    return np.moveaxis(np.array(parts), 2, 0)


def _share(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(below > 0, above / np.maximum(below, 1.0), np.nan)


def _why(name: str, study: _Study, graded: NDArray[np.bool_], both: NDArray[np.bool_]) -> str:
    if name == "silent_misses":
        return "no unchanged photograph is called referable"
    if not (both if name == "kappa_fall" else graded).any():
        return "no photograph is graded"
    if name in ("quadratic_kappa", "kappa_fall"):
        return "labels and answers are all one and the same grade: agreement by chance is full"
    none = "no" if name == "sensitivity_referable" else "every"
    return f"{none} graded photograph is labelled grade {REFERABLE_FROM} or worse"
