"""What sanity checks say about a kind of heat map: that it depends on what the network has learnt, or that it does not.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. Two things are asked of the maps of a network whose weights
are all random: that they are unlike the trained network's, and that they do not lie on lesions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation.intervals import Interval, mean_interval

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
            photographs, of each the mean over random weights.
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
        return mean_interval(mean_of_known(values), people, seed=seed)

    silent = int(np.isnan(spearman).sum())
    return Stage(kind, layers, share, mean(spearman), mean(np.abs(spearman)), mean(pearson), silent)


def mean_of_known(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean over the first axis of what is not nan, ``(r, ...)`` -> ``(...)``; nan where nothing is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


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


def chance_verdict(auc: Interval, minus: Sequence[tuple[str, Interval]]) -> Verdict:
    """Say whether maps of a network with random weights lie on lesions no better than maps that know nothing.

    It passes if they are not clearly better than one of these: if the interval of a difference does not lie above 0.

    Args:
        auc: of pixels, of the network with random weights.
        minus: of each map that knows nothing, its name and the paired difference of the AUCs.
    """
    check = "what localises is learnt"
    if not np.isfinite(auc.value) or not minus or not all(np.isfinite(difference.low) for _, difference in minus):
        return Verdict(check, None, "UNDEFINED, because the AUC of the network with random weights has no interval")
    differences = "; ".join(f"minus {name} {_text(difference)}" for name, difference in minus)
    said = f"with all weights random, AUC of pixels on lesions {_text(auc)}; {differences}"
    level = [name for name, difference in minus if difference.low <= 0]
    if level:
        return Verdict(check, True, f"PASSED: {said}: no better than the {' and the '.join(level)}")
    return Verdict(
        check,
        False,
        f"FAILED: {said}: above chance, so a part of where the maps lie comes from the photographs and the network's build",
    )


def _text(one: Interval) -> str:
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
