"""What sanity checks say about a kind of heat map: that it depends on what the network has learnt, or that it does not.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. Two things are asked of the maps of a network whose weights
are all random: that they are unlike the trained network's, and that they do not lie on lesions.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation.intervals import Interval, people_draws, resample_interval

SIMILAR: Final = 0.5
"""From which absolute rank correlation on two maps count as alike."""


@dataclass(frozen=True)
class Stage:
    """Maps of a network with some layers at random weights, beside those of the trained one.

    Attributes:
        kind: ``cascade`` (from the head down to these layers all are random) or ``independent`` (these alone are).
        layers: which, in words.
        share: of the layers with weights that are random, 0..1.
        spearman, absolute, pearson: correlation of the maps, Spearman's, its absolute value, and Pearson's; means over
            photographs and random weights.
        silent: in how many pairs of maps one was constant; these are left out.
    """

    kind: str
    layers: str
    share: float
    spearman: Interval
    absolute: Interval
    pearson: Interval
    silent: int


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Attributes:
        check: its name.
        passed: None where it cannot be said.
        text: the outcome in a sentence that begins with PASSED, FAILED or UNDEFINED.
    """

    check: str
    passed: bool | None
    text: str


def make_stage(
    kind: str,
    layers: str,
    share: float,
    spearman: NDArray[np.floating],
    pearson: NDArray[np.floating],
    people: ArrayLike,
    *,
    seed: int = 0,
) -> Stage:
    """Sum up the correlations of one stage.

    Args:
        kind, layers, share: as of :class:`Stage`.
        spearman, pearson: ``(r, n)`` of ``r`` random weights and ``n`` photographs, nan where a map is constant.
        people: ``(n,)``.
        seed: of the intervals.
    """

    def mean(values: NDArray[np.floating]) -> Interval:
        return interval_over_draws(values, people, seed=seed)

    silent = int(np.isnan(spearman).sum())
    return Stage(kind, layers, share, mean(spearman), mean(np.abs(spearman)), mean(pearson), silent)


def interval_over_draws(
    values: NDArray[np.floating], people: ArrayLike, *, n_resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Interval:
    """The mean over random weights and photographs, with an interval for other people and for other random weights.

    Both are drawn with replacement, independently of one another (Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1(2), 2007): the few networks with random weights are a sample as the people are.

    Args:
        values: ``(r, n)`` of ``r`` random weights and ``n`` photographs; those that are nan are left out.
        people: ``(n,)``.
        n_resamples, seed, level: of the bootstrap.

    Returns:
        The interval, nan as of :func:`kerasdr.evaluation.intervals.mean_interval`; ``n_images`` counts photographs with a
        value.
    """
    known = ~np.isnan(values)
    used = known.any(axis=0)
    names, owner = np.unique(np.asarray(people)[used], return_inverse=True)
    x, there = np.where(known, values, 0.0)[:, used], known[:, used].astype(np.float64)
    value = float(x.sum() / there.sum()) if used.any() else float("nan")
    if len(names) < 2:
        return Interval(value, float("nan"), float("nan"), level, int(used.sum()), len(names))
    membership = np.eye(len(names))[owner]
    sums, counts = x @ membership, there @ membership
    of_people = np.concatenate(list(people_draws(len(names), n_resamples=n_resamples, seed=seed)))
    of_draws = np.concatenate(list(people_draws(len(values), n_resamples=n_resamples, seed=seed + 1)))
    number = ((of_draws @ counts) * of_people).sum(axis=1)
    total = ((of_draws @ sums) * of_people).sum(axis=1)
    means = np.divide(total, number, out=np.full(n_resamples, np.nan), where=number > 0)
    return resample_interval(value, means, level, int(used.sum()), len(names))


def similarity_verdict(stage: Stage) -> Verdict:
    """Say whether maps stay as they were when all weights are random.

    It passes if the whole interval of the absolute rank correlation lies below :data:`SIMILAR`.
    """
    check, found = "maps change with the weights", stage.absolute
    if not np.isfinite(found.high):
        why = (
            "all maps of the network with random weights are constant"
            if np.isnan(found.value)
            else "there is no interval"
        )
        return Verdict(check, None, f"UNDEFINED, because {why}")
    said = f"with all weights random, absolute rank correlation with the trained network's maps {_text(found)}"
    if found.high < SIMILAR:
        return Verdict(check, True, f"PASSED: {said}, below {SIMILAR}")
    return Verdict(
        check,
        False,
        f"FAILED: {said}, not below {SIMILAR}: the maps stay similar, so they do not show what the network has learnt",
    )


def chance_verdict(auc: Interval, above_random: Interval, above_centre: Interval) -> Verdict:
    """Say whether maps of a network with random weights lie on lesions no better than noise does.

    It passes if the interval of the difference to a random map does not lie above 0; the text says how much of one the
    interval still holds, since few photographs cannot rule one out.

    Args:
        auc: of pixels, of the network with random weights.
        above_random, above_centre: the paired differences to a random map and to the centre prior.
    """
    check = "what localises is learnt"
    if not np.isfinite([auc.value, above_random.low, above_centre.low]).all():
        return Verdict(check, None, "UNDEFINED, because the AUC of the network with random weights has no interval")
    said = (
        f"with all weights random, AUC of pixels on lesions {_text(auc)}; minus a random map {_text(above_random)}; minus "
        f"the centre prior {_text(above_centre)}"
    )
    if above_random.low <= 0:
        # That no difference is seen among few photographs does not show that there is none.
        doubt = (
            f"not shown to be better than a random map; up to {above_random.high:.3f} better is not ruled out"
            if above_random.high > 0
            else "no better than a random map"
        )
        return Verdict(check, True, f"PASSED: {said}: {doubt}")
    return Verdict(
        check,
        False,
        f"FAILED: {said}: above chance, so a part of where the maps lie comes from the photographs and the network's build",
    )


def _text(one: Interval) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
