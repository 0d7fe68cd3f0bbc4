"""Figures of how probabilities rank and what they are worth: ROC, precision and recall, reliability, decision curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasdr.evaluation.calibration_figures import ReliabilityBin
from kerasdr.evaluation.decision_curve import DecisionCurve
from kerasdr.evaluation.page.chart import Axis, Figure, Look, Plot
from kerasdr.evaluation.ranking import Roc
from kerasdr.evaluation.roc_band import RocBand

SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_SLACK = 1e-12  # of net benefits: what is equal but for rounding is no better
_OURS, _ALL, _NONE = Look(1), Look(2, "dash"), Look(0, "dots")


@dataclass(frozen=True)
class OperatingPoint:
    """A place on the ROC that is marked.

    Attributes:
        label: what it is.
        sensitivity, specificity: there, in 0-1.
        look: how it is marked.
    """

    label: str
    sensitivity: float
    specificity: float
    look: Look


def roc_figure(name: str, of: str, band: RocBand, points: Sequence[OperatingPoint]) -> Figure:
    """Draw the ROC with its band and operating points.

    Args:
        name: of the file.
        of: what it is of, in words.
        band: the curve.
        points: to be marked; those that are nan are left out.
    """
    plot = Plot(Axis("1 - specificity", 0, 1, SHARES, True), Axis("sensitivity", 0, 1, SHARES, True))
    known = np.isfinite(band.low)
    if known.any():
        plot.band(band.at[known].tolist(), band.low[known].tolist(), band.high[known].tolist(), _OURS)
    plot.series("no better than chance", [0, 1], [0, 1], _NONE)
    curve = band.roc
    plot.series("", curve.false_positives / curve.negatives, curve.true_positives / curve.positives, _OURS)
    plot.legend(
        f"ROC with pointwise {band.level:.0%} band over people" if known.any() else "ROC (no band: too few people)",
        _OURS,
    )
    shown = [point for point in points if np.isfinite(point.sensitivity) and np.isfinite(point.specificity)]
    for point in shown:
        plot.series(point.label, [1 - point.specificity], [point.sensitivity], point.look)
    area = float(curve.auc())
    marked = "; ".join(f"{p.label}: sensitivity {p.sensitivity:.1%}, specificity {p.specificity:.1%}" for p in shown)
    described = (
        f"Sensitivity against 1 - specificity for referable (grade 2 or worse). Area under the curve {area:.3f}."
    )
    return plot.figure(name, f"ROC, {of}", described + (f" Marked {marked}." if marked else ""))


def precision_recall_figure(name: str, of: str, curve: Roc) -> Figure:
    """Draw precision over sensitivity, in the steps that average precision sums up.

    Args:
        name: of the file.
        of: what it is of, in words.
        curve: with both classes.
    """
    tp, fp = curve.true_positives[1:], curve.false_positives[1:]
    recall, precision = tp / float(curve.positives), tp / (tp + fp)
    xs, ys = [0.0], [float(precision[0])]
    for x, y in zip(recall, precision, strict=True):
        xs += [xs[-1], float(x)]
        ys += [float(y), float(y)]
    prevalence = float(curve.positives / (curve.positives + curve.negatives))
    plot = Plot(Axis("sensitivity (recall)", 0, 1, SHARES, True), Axis("precision", 0, 1, SHARES, True))
    plot.series(f"calling everybody referable: precision {prevalence:.0%}", [0, 1], [prevalence] * 2, _NONE)
    plot.series("precision at every threshold", xs, ys, _OURS)
    described = (
        f"Precision against sensitivity for referable (grade 2 or worse). Average precision "
        f"{float(curve.average_precision()):.3f}; the share of referable is {prevalence:.1%}."
    )
    return plot.figure(name, f"Precision and recall, {of}", described)


def reliability_figure(name: str, of: str, several: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Draw how often groups that were called so probable were referable.

    Args:
        name: of the file.
        of: what it is of, in words.
        several: one or two, groups of photographs by what their probabilities are, such as calibrated and before.
    """
    plot = Plot(
        Axis("probability of referable, mean of the group", 0, 1, SHARES, True),
        Axis("share that is referable", 0, 1, SHARES, True),
    )
    plot.series("as often as said", [0, 1], [0, 1], _NONE)
    looks = (Look(1, shape="circle", line=False), Look(2, shape="square", line=False, filled=False))
    said = []
    for (title, groups), look in zip(several.items(), looks, strict=False):
        for one in groups:
            if np.isfinite(one.observed.low):
                plot.upright(one.probability, one.observed.low, one.observed.high, look)
        plot.series(title, [one.probability for one in groups], [one.observed.value for one in groups], look)
        words = "; ".join(
            f"said {one.probability:.0%}, seen {one.observed.value:.0%} of {one.observed.n_images}" for one in groups
        )
        said.append(f"{title}: {words}")
    return plot.figure(
        name,
        f"Reliability, {of}",
        "How often groups of about equal size and of similar probability are referable, with 95% intervals over people; "
        f"{'; '.join(said)}. Where all or none of a group are, the interval has no width, and the truth may still differ.",
    )


def decision_figure(name: str, of: str, found: DecisionCurve) -> Figure:
    """Draw net benefit against referring everybody and nobody.

    Args:
        name: of the file.
        of: what it is of, in words.
        found: the curve.
    """
    top = max(found.prevalence, float(np.nanmax(np.append(found.high, found.model)))) * 1.08 or 0.1
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if top / step <= 8)
    ticks = tuple(round(step * place, 4) for place in range(-1, int(top / step) + 1))
    low = -step * 1.5
    plot = Plot(Axis("threshold probability", 0, 1, SHARES, True), Axis("net benefit", low, top, ticks), 400)
    known = np.isfinite(found.low)
    if known.any():
        xs = found.thresholds[known].tolist()
        plot.band(xs, found.low[known].tolist(), found.high[known].tolist(), _OURS)
    inside = found.refer_all >= low
    plot.series("refer everybody", found.thresholds[inside], found.refer_all[inside], _ALL)
    plot.series("refer nobody", [0, 1], [0, 0], _NONE)
    drawn = found.model >= low
    label = f"refer by the network, {found.level:.0%} band over people" if known.any() else "refer by the network"
    plot.series(label, found.thresholds[drawn], found.model[drawn], _OURS)
    better = found.model > np.maximum(found.refer_all, 0.0) + _SLACK
    said = "Nowhere is the network better than the better of referring everybody and nobody."
    if better.any():
        where = found.thresholds[better]
        said = (
            f"Of those judged here, the network is better than the better of referring everybody and nobody at {better.sum()} "
            f"of {len(better)} thresholds, between {where.min():.0%} and {where.max():.0%}; the band says how sure that is."
        )
    return plot.figure(
        name, f"Decision curve, {of}", f"Net benefit over threshold probabilities, of those who were graded. {said}"
    )
