"""How often what was called so probable was so: the points of a reliability diagram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.graded import Graded
from kerasdr.evaluation.intervals import people_draws
from kerasdr.grades import REFERABLE_FROM


@dataclass(frozen=True, eq=False)
class Reliability:
    """Groups of photographs (or people) of similar probability of referable.

    Attributes:
        said: mean probability in each group, ``(b,)``, rising.
        seen: share of each group that is referable, ``(b,)``.
        low, high: ends of that share's interval over people, ``(b,)``; nan where more than half of the resamples have
            nobody of the group.
        n: how many are in each group, ``(b,)``.
        level: nominal coverage.
    """

    said: NDArray[np.float64]
    seen: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]
    level: float


def reliability(
    graded: Graded, *, groups: int = 10, n_resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Reliability | None:
    """Return groups of equal size by probability (Niculescu-Mizil and Caruana, ICML 2005, with quantiles for bins).

    Equal probabilities stay in one group, so there may be fewer groups, of unequal size.

    Args:
        graded: photographs, or people.
        groups: how many at most.
        n_resamples, seed, level: of the bootstrap over people.

    Returns:
        None where there are no probabilities or nobody is judged.
    """
    if graded.p_referable is None or not len(graded):
        return None
    positive, p = graded.truth >= REFERABLE_FROM, graded.p_referable
    edges = np.unique(np.quantile(p, np.arange(1, groups) / groups, method="inverted_cdf"))
    group = np.searchsorted(edges, p, side="left")
    group = np.unique(group, return_inverse=True)[1]
    count = int(group.max()) + 1
    names, owner = np.unique(graded.people, return_inverse=True)
    all_of, referable_of = np.zeros((len(names), count)), np.zeros((len(names), count))
    np.add.at(all_of, (owner, group), 1.0)
    np.add.at(referable_of, (owner, group), positive.astype(np.float64))
    n = all_of.sum(axis=0)
    low, high = np.full(count, np.nan), np.full(count, np.nan)
    if len(names) > 1:
        shares = []
        for draws in people_draws(len(names), n_resamples=n_resamples, seed=seed):
            some = draws @ all_of
            shares.append(np.where(some > 0, draws @ referable_of / np.maximum(some, 1.0), np.nan))
        drawn = np.concatenate(shares)
        tail = (1.0 - level) / 2.0
        known = np.isfinite(drawn).mean(axis=0) >= 0.5
        low[known], high[known] = np.nanquantile(drawn[:, known], [tail, 1.0 - tail], axis=0)
    said = np.bincount(group, weights=p, minlength=count) / n
    return Reliability(said, referable_of.sum(axis=0) / n, low, high, n.astype(np.int64), level)
