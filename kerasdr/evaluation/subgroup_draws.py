"""Resamples of people for figures of groups: drawn for intervals, exchanged between the sides for p values."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.intervals import people_draws
from kerasdr.evaluation.subgroup_figures import Labelled, Values, statistic
from kerasdr.grades import GRADES

_CELLS_AT_ONCE = 1_000_000


def resampled(
    photographs: Labelled,
    owner: NDArray[np.int64],
    members: Sequence[NDArray[np.bool_]],
    n_resamples: int,
    seed: int,
) -> list[Values]:
    """Return the figures of several groups in every bootstrap resample of all people; the draws are the same for all groups.

    Args:
        photographs: all of them.
        owner: place of each photograph's person among all people, ``(n,)``.
        members: which photographs are of each group, ``(n,)``.
        n_resamples, seed: of the draws.
    """
    parts: list[list[Values]] = [[] for _ in members]
    n_people = int(owner.max()) + 1
    at_once = max(1, _CELLS_AT_ONCE // len(owner))
    for draws in people_draws(n_people, n_resamples=n_resamples, seed=seed, at_once=at_once):
        weights = draws[:, owner]
        for place, member in enumerate(members):
            parts[place].append(statistic(photographs, weights * member))
    return [{name: np.concatenate([part[name] for part in some]) for name in some[0]} for some in parts]


def permuted(
    photographs: Labelled,
    owner: NDArray[np.int64],
    member: NDArray[np.bool_],
    wanted: Sequence[str],
    n_permutations: int,
    seed: int,
) -> Values:
    """Return the differences between a group and all others, each ``(r,)``, when people have changed sides by chance.

    People all of whose photographs are on one side exchange places with others of the same worst true grade, so that both
    sides keep their numbers of people of each; of those on both sides, each one's two parts are exchanged or not with equal
    chances.

    Args:
        photographs, owner: as of :func:`resampled`.
        member: which photographs are of the group, ``(n,)``.
        wanted: names of figures.
        n_permutations, seed: of the exchanges.
    """
    random = np.random.default_rng(seed)
    n_people = int(owner.max()) + 1
    here = np.bincount(owner[member], minlength=n_people) > 0
    there = np.bincount(owner[~member], minlength=n_people) > 0
    both = here & there
    worst = np.zeros(n_people, dtype=np.int64)
    np.maximum.at(worst, owner, photographs.truth)
    alike = [np.flatnonzero((here != there) & (worst == grade)) for grade in GRADES]
    parts: list[Values] = []
    at_once = max(1, _CELLS_AT_ONCE // len(owner))
    for start in range(0, n_permutations, at_once):
        rows = min(at_once, n_permutations - start)
        side = np.zeros((rows, n_people), dtype=bool)
        for people in alike:
            side[:, people] = random.permuted(np.tile(here[people], (rows, 1)), axis=1)
        swapped = random.random((rows, n_people)) < 0.5
        now = np.where(both[owner], member ^ swapped[:, owner], side[:, owner])
        one, other = statistic(photographs, now.astype(np.float64)), statistic(photographs, (~now).astype(np.float64))
        parts.append({name: one[name] - other[name] for name in wanted})
    return {name: np.concatenate([part[name] for part in parts]) for name in wanted}
