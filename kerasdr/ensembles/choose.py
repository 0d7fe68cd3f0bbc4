"""The choice among ensemble methods, on validation data alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.ensembles.crossfit import N_FOLDS, cross_fit, person_folds
from kerasdr.ensembles.permitted import DEFAULT_METHODS, permitted_methods
from kerasdr.ensembles.registry import Score, find_method
from kerasdr.ensembles.spec import EnsembleSpec, combine, equal_spec
from kerasdr.grades import N_GRADES


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen, and what it was chosen from.

    Attributes:
        spec: how members are combined from now on; one that is fitted was fitted on all validation data.
        scores: validation score of each method, and of each member alone for comparison.
        predictions: of each method the probabilities ``(N, 5)`` that its score judges. Where a method is fitted, score
            and predictions are out of fold: each photograph's by a fit without its person.
        specs: of each method, as ``spec`` is of the chosen one.
        reason: why it was chosen, in one sentence.
    """

    spec: EnsembleSpec
    scores: dict[str, float]
    predictions: dict[str, NDArray[np.float64]]
    specs: dict[str, EnsembleSpec]
    reason: str


def choose(
    probabilities: NDArray[np.floating],
    grades: NDArray[np.int64],
    score: Score,
    names: Sequence[str],
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    people: ArrayLike,
    trained: EnsembleSpec | None = None,
    n_folds: int = N_FOLDS,
    seed: int = 0,
) -> Choice:
    """Choose the ensemble method of the highest validation score; among equals, the first of ``methods``.

    A method that is fitted (``weighted``, ``stacking``) is judged out of fold, by folds of people dealt out by worst
    grade: judged on what it was fitted to it would look better than it is, and always beat voting.

    Args:
        probabilities: of the members on validation data, ``(M, N, 5)``.
        grades: ``(N,)``, 0-4.
        score: what to compare by; higher is better.
        names: the members', for the list of scores.
        methods: which to compare, the simplest first.
        people: the person of each photograph, ``(N,)``. Two photographs of a person are not independent, so there is no
            going without; where persons are unknown, name each photograph's own.
        trained: the spec that the members' training gave (``bagging_spec``, ``boosting_spec``), which permits that
            method. None for members that were trained independently of one another.
        n_folds: of people; fewer if there are fewer people.
        seed: of the folds.

    Raises:
        KerasdrError: if a method is not known, or does not fit these members; see
            :func:`~kerasdr.ensembles.permitted.permitted_methods`.
        ValueError: if the shapes do not fit, or a grade is none.
    """
    p, truth, persons = np.asarray(probabilities, np.float64), np.asarray(grades), np.asarray(people)
    if p.ndim != 3 or truth.shape != (p.shape[1],) or persons.shape != truth.shape or len(names) != len(p):
        raise ValueError(
            f"expected probabilities (M, N, {N_GRADES}), grades and people (N,), and M names; "
            f"got {p.shape}, {truth.shape}, {persons.shape} and {len(names)}"
        )
    if truth.size == 0 or truth.min() < 0 or truth.max() >= N_GRADES:
        raise ValueError("every validation photograph must have a grade 0, 1, 2, 3 or 4, and there must be one")
    n_people = len(np.unique(persons.astype(str)))
    allowed, notes = permitted_methods(
        methods, len(p), trained=None if trained is None else trained.method, n_people=n_people
    )
    folds: NDArray[np.int64] | None = None
    specs: dict[str, EnsembleSpec] = {}
    predictions: dict[str, NDArray[np.float64]] = {}
    for name in allowed:
        method = find_method(name)
        if method.fit is not None:
            folds = person_folds(persons, truth, n_folds, seed) if folds is None else folds
            specs[name] = method.fit(p, truth, score)
            predictions[name] = cross_fit(method.fit, p, truth, score, folds)
        else:
            specs[name] = trained if trained is not None and method.own_training else equal_spec(name, len(p))
            predictions[name] = combine(specs[name], p)
    scores = {name: score(truth, predictions[name]) for name in allowed}
    best = first_of_highest(scores)
    reason = _reason(best, scores, notes, 0 if folds is None else len(np.unique(folds)))
    alone = {f"member {name}": score(truth, part) for name, part in zip(names, p, strict=True)}
    return Choice(specs[best], alone | scores, predictions, specs, reason)


def first_of_highest(scores: Mapping[str, float]) -> str:
    """Return the first name whose score is highest to nine digits; a score that is undefined (nan) is below all."""
    return max(scores, key=lambda name: _comparable(scores[name]))


def _comparable(value: float) -> float:
    return -math.inf if math.isnan(value) else round(value, 9)


def _reason(best: str, scores: Mapping[str, float], notes: Sequence[str], n_folds: int) -> str:
    others = [name for name in scores if name != best]
    tied = [name for name in others if _comparable(scores[name]) == _comparable(scores[best])]
    fitted = [name for name in scores if n_folds and find_method(name).fit is not None]
    if not others:
        text = f"{best} was the only method to compare (validation score {scores[best]:.4f})"
    else:
        text = f"{best} has the highest validation score, {scores[best]:.4f}"
        if tied:
            text += f", as {_listed(tied)} {'has' if len(tied) == 1 else 'have'}, and stands before in the list"
        behind = [f"{name} {scores[name]:.4f}" for name in others if name not in tied]
        text += f", against {_listed(behind)}" if behind else ""
    if fitted:
        text += f"; {_listed(fitted)} judged out of fold ({n_folds} folds by person)"
    return "; ".join([text, *notes])


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
