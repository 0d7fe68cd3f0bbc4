"""The choice among ensemble methods, on validation data alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.spec import EnsembleSpec, combine
from kerasdr.ensembles.voting import soft_spec
from kerasdr.ensembles.weighted import Score, fit_weights
from kerasdr.errors import KerasdrError


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what it was chosen from.

    Attributes:
        spec: how members are combined from now on.
        scores: validation score of each method, and of each member alone for comparison.
    """

    spec: EnsembleSpec
    scores: dict[str, float]


def choose(
    probabilities: NDArray[np.floating],
    grades: NDArray[np.int64],
    score: Score,
    names: Sequence[str],
    methods: Sequence[str] = ("soft", "weighted"),
) -> Choice:
    """Choose the ensemble method of the highest validation score; among equals, the first of ``methods``.

    Args:
        probabilities: of the members on validation data, ``(M, N, 5)``.
        grades: ``(N,)``.
        score: what to compare by; higher is better.
        names: the members', for the list of scores.
        methods: which to compare.

    Raises:
        KerasdrError: if a method is not known.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    candidates: list[EnsembleSpec] = []
    for method in methods:
        if method == "soft":
            candidates.append(soft_spec(len(p)))
        elif method == "weighted":
            candidates.append(EnsembleSpec("weighted", fit_weights(p, grades, score)))
        else:
            raise KerasdrError(f"ensemble.methods: {method!r} is not known; take from soft, weighted")
    if not candidates:
        raise KerasdrError("ensemble.methods names no method: take from soft, weighted")
    scores = {f"member {name}": score(grades, part) for name, part in zip(names, p, strict=True)}
    scores |= {spec.method: score(grades, combine(spec, p)) for spec in candidates}
    best = max(candidates, key=lambda spec: scores[spec.method])
    return Choice(best, scores)
