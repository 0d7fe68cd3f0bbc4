"""The figures of one part of a run's data: tables and charts, each named by the part that it is of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasdr.evaluation.calibration_figures import ReliabilityBin, forecasts, reliability_table
from kerasdr.evaluation.decision_curve import decision_curve
from kerasdr.evaluation.intervals import FEW_PEOPLE
from kerasdr.evaluation.judged import describe_interval
from kerasdr.evaluation.judged_text import TITLES
from kerasdr.evaluation.page.chart import Figure, Look
from kerasdr.evaluation.page.curve_figures import (
    OperatingPoint,
    decision_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
)
from kerasdr.evaluation.page.judged_part import JudgedPart, probabilities_of
from kerasdr.evaluation.page.markup import Child, Markup, element, joined
from kerasdr.evaluation.page.other_figures import confusion_figure
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.tables import figure_cell, table
from kerasdr.evaluation.page.worst import MakeThumbnails, worst_errors, worst_list
from kerasdr.evaluation.ranking import Roc
from kerasdr.evaluation.roc_band import roc_band
from kerasdr.evaluation.standard_figures import OF_PHOTOGRAPHS, StandardFigures
from kerasdr.grades import GRADE_NAMES, GRADES

_SCREENING = (
    "share_not_graded",
    "sensitivity_referable_intention_to_screen",
    "specificity_referable_intention_to_screen",
)
# What says how often referable is found stands with the share that was not graded, always.
_REFERABLE = ("sensitivity_referable", "specificity_referable", *_SCREENING)
_OTHERS = tuple(
    name
    for name in TITLES
    if name not in _REFERABLE and not name.startswith(("sensitivity_grade_", "precision_grade_"))
)
_POINT_LOOKS = {
    "90": (Look(2, shape="square", line=False, size=8), Look(2, shape="square", line=False, filled=False, size=8)),
    "95": (Look(3, shape="diamond", line=False), Look(3, shape="diamond", line=False, filled=False)),
}
_LAYOUT = {
    "test": "People whom neither training nor any choice has seen; opened {opened}.",
    "out of fold": "Every person is graded once, by networks that have not seen them; this judges the whole procedure, not one "
    "network.{repeats}",
    "validation": "These people chose the epochs that were kept and how networks are combined, so figures of them are too "
    "good. They are no test.",
}
_SLACK = 1e-12  # shares of counts


@dataclass(frozen=True)
class FiguresSection:
    """The figures of a part.

    Attributes:
        markup: of the page.
        figures: the charts, to be written as files as well.
        gaps: what is not there, and why, one line each.
    """

    markup: Markup
    figures: tuple[Figure, ...]
    gaps: tuple[str, ...]


def figures_section(
    run: RunFiles, part: JudgedPart, level: int, stem: str, seed: int, *, thumbnails: MakeThumbnails | None, whole: bool
) -> FiguresSection:
    """Return the figures of a part.

    Args:
        run: whose they are.
        part: judged.
        level: of its heading.
        stem: of the figures' files and names.
        seed: of the bootstrap.
        thumbnails: draws photographs, if that is wanted and can be done.
        whole: all of it; or tables and the confusion matrix alone.
    """
    of = f"{part.title} of {run.name}" + (" (phantoms)" if run.phantoms else "")
    drawn, gaps = _charts(part, of, stem, seed, whole)
    parts: list[Child] = [
        element(
            f"h{level}", f"Figures of the {part.title}" if part.files.key != "out of fold" else "Figures out of fold"
        ),
        element("p", _what(run, part), class_="warn" if part.files.key == "validation" else "note"),
        _headline(part, of),
    ]
    parts += _foot(part)
    parts += [element(f"h{level + 1}", "Grade by grade"), _by_grade(part, of)]
    parts += [element(f"h{level + 1}", "Charts"), _figures(drawn)]
    if whole:
        worst, missing = _worst(run, part, level + 1, thumbnails)
        parts.append(worst)
        gaps += missing
    return FiguresSection(joined(*parts), tuple(drawn), tuple(gaps))


def _what(run: RunFiles, part: JudgedPart) -> str:
    repeats = len(run.metrics.get("repeats") or [])
    more = f" Of {repeats} repeats, this is the first; figures of all are below." if repeats > 1 else ""
    text = _LAYOUT[part.files.key].format(opened=part.files.opened or "when is not recorded", repeats=more)
    asked, graded = part.files.asked, len(part.photographs)
    count = f" {graded} photographs of {len(part.people)} people were graded"
    if asked is not None:
        count += f"; {asked - graded} of {asked} with a known grade were not (ungradable, labelled so, or unreadable)"
        if part.files.asked_by_run not in (None, asked):
            count += f", of which the run itself counts {part.files.asked_by_run}, without those labelled ungradable"
    few = ""
    if len(part.people) < FEW_PEOPLE:
        few = f" Over fewer than {FEW_PEOPLE} people these intervals are too narrow."
    return f"{text}{count}.{few}"


def _headline(part: JudgedPart, of: str) -> Markup:
    """Return the headline figures; where nothing says what was not graded, the gap stands in its row."""
    rows = []
    for name in (*_REFERABLE, *_OTHERS):
        if name in _SCREENING or name in part.by_eye.figures:
            rows.append([TITLES[name], *(_headline_cell(part, found, name) for found in (part.by_eye, part.by_person))])
        if name == _REFERABLE[-1] and part.at_point_by_eye is not None and part.at_point_by_person is not None:
            point = (part.at_point_by_eye, part.at_point_by_person)
            rows += [
                [_at_the_point(TITLES[one]), *(_headline_cell(part, found, one) for found in point)]
                for one in _REFERABLE
                if one != "share_not_graded"
            ]
    return table(f"{of}, with 95% intervals", ["figure", "by eye", "by person (worse eye)"], rows, numbers=True)


def _at_the_point(title: str) -> str:
    return f"at the run's operating point: {title.removeprefix('referable: ').removesuffix(' as decided')}"


def _headline_cell(part: JudgedPart, found: StandardFigures, name: str) -> str:
    if name in found.figures:
        return figure_cell(found.figures[name], found, name)
    if name not in _SCREENING:
        return f"undefined: {OF_PHOTOGRAPHS}"
    return _share_known(part) if name == "share_not_graded" and found is part.by_eye else _unknown(part)


def _share_known(part: JudgedPart) -> str:
    asked, graded = part.files.asked, len(part.photographs)
    return f"{(asked - graded) / asked:.3f} (no interval)" if asked else _unknown(part)


def _unknown(part: JudgedPart) -> str:
    return f"undefined: {part.screened_gap}"


def _foot(part: JudgedPart) -> list[Markup]:
    lines = [
        f"Intervals: {describe_interval('percentile')}. Referable is grade 2 or worse, sight-threatening grade 3 or worse, "
        "as decided is by the most probable grade. At 90% or 95%: the best on the empirical ROC, chosen on these very people. "
        "Intention to screen: what was not graded counts as called referable. By person: the worst true grade, the worst "
        "predicted one and the highest probability of the person's photographs."
    ]
    for title, found in (("by eye", part.by_eye), ("by person", part.by_person)):
        if found.no_width:
            names = "; ".join(TITLES[name] for name in found.no_width)
            lines.append(f"Interval without width {title}, every resample agrees; the truth may still differ: {names}.")
        missed = [
            f"{TITLES[name]} ({n})" for name, n in found.undefined_resamples.items() if name not in found.no_interval
        ]
        if missed:
            lines.append(f"Left out of intervals {title}, resamples where undefined: {'; '.join(missed)}.")
    return [element("p", line, class_="soft") for line in lines]


def _by_grade(part: JudgedPart, of: str) -> Markup:
    rows = []
    for grade in GRADES:
        rows.append(
            [
                f"{grade} {GRADE_NAMES[grade]}",
                int(part.confusion[grade].sum()),
                figure_cell(
                    part.by_eye.figures[f"sensitivity_grade_{grade}"], part.by_eye, f"sensitivity_grade_{grade}"
                ),
                int(part.confusion[:, grade].sum()),
                figure_cell(part.by_eye.figures[f"precision_grade_{grade}"], part.by_eye, f"precision_grade_{grade}"),
            ]
        )
    header = ["grade", "photographs that have it", "sensitivity", "photographs given it", "precision"]
    return table(f"{of}, by eye, with 95% intervals", header, rows, numbers=True)


def _charts(part: JudgedPart, of: str, stem: str, seed: int, whole: bool) -> tuple[list[Figure], list[str]]:
    drawn = [confusion_figure(f"{stem}-confusion", f"{of}, photographs", part.confusion)]
    if not whole:
        return drawn, []
    gaps = []
    band = roc_band(part.photographs, seed=seed)
    if band is None:
        why = part.by_eye.undefined.get("auc_referable", "it cannot be computed")
        gaps.append(f"ROC, precision and recall of the {part.title}: {why}")
    else:
        drawn.append(roc_figure(f"{stem}-roc", f"{of}, by eye", band, operating_points(part, band.roc)))
        drawn.append(precision_recall_figure(f"{stem}-precision-recall", f"{of}, by eye", band.roc))
    groups = _reliability(part, seed)
    if groups:
        drawn.append(reliability_figure(f"{stem}-reliability", f"{of}, by eye", groups))
    benefit = decision_curve(part.people, seed=seed)
    if benefit is not None:
        drawn.append(decision_figure(f"{stem}-decision", f"{of}, by person", benefit))
    if not groups or benefit is None:
        gaps.append(f"reliability and decision curve of the {part.title}: there are no probabilities")
    if part.at_point_by_eye is None:
        calibration = part.files.more.get("calibration")
        reason = calibration.get("undefined_threshold") if isinstance(calibration, dict) else ""
        gaps.append(
            f"the run's own operating point of the {part.title}: {reason or 'the run chose none'}; the ROC has the points at "
            "90% and 95% and the decision by grade alone"
        )
    return drawn, gaps


def _reliability(part: JudgedPart, seed: int) -> dict[str, list[ReliabilityBin]]:
    """Return the reliability of the probability of referable, before calibration too if there was any."""
    table = part.files.predictions
    calibrated, raw = probabilities_of(table), probabilities_of(table, "prob_raw_")
    if calibrated is None or not len(table):
        return {}
    several = {"as the networks gave them" if raw is None else "calibrated": calibrated}
    if raw is not None and not np.array_equal(raw, calibrated):
        several["before calibration"] = raw
    return {
        name: reliability_table(*forecasts(table["grade"], p)["referable"], part.photographs.people, seed=seed)
        for name, p in several.items()
    }


def operating_points(part: JudgedPart, curve: Roc) -> list[OperatingPoint]:
    """Return the operating points of a part, by eye: at 90% and 95%, by the grade, at the run's own.

    A point at a specificity (or sensitivity) or more is where the curve has its best sensitivity (or specificity) so, and of
    those places the one with the most of the other: a point of the empirical curve, as its figure is.
    """
    tp, fp = curve.true_positives / curve.positives, curve.false_positives / curve.negatives
    points = []
    for percent, (first, second) in _POINT_LOOKS.items():
        share = int(percent) / 100
        sensitivity = float(curve.sensitivity_at(share))
        specificity = 1.0 - float(fp[np.flatnonzero(tp >= sensitivity - _SLACK)[0]])
        points.append(OperatingPoint(f"at {percent}% specificity or more", sensitivity, specificity, first))
        specificity = float(curve.specificity_at(share))
        sensitivity = float(tp[np.flatnonzero(fp <= 1.0 - specificity + _SLACK)[-1]])
        points.append(OperatingPoint(f"at {percent}% sensitivity or more", sensitivity, specificity, second))
    figures = part.by_eye.figures
    decided = (figures["sensitivity_referable"].value, figures["specificity_referable"].value)
    points.append(
        OperatingPoint(
            "by the most probable grade", *decided, Look(4, shape="triangle", line=False, filled=False, size=3.5)
        )
    )
    if part.at_point_by_eye is not None:
        chosen = part.at_point_by_eye.figures
        at = "" if part.threshold is None else f", from probability {part.threshold:.3f} on"
        place = (chosen["sensitivity_referable"].value, chosen["specificity_referable"].value)
        points.append(OperatingPoint(f"the run's operating point{at}", *place, Look(0, shape="cross", line=False)))
    return points


def _figures(drawn: Sequence[Figure]) -> Markup:
    return element(
        "div",
        *(element("figure", one.svg, element("figcaption", f"{one.title}. {one.description}")) for one in drawn),
        class_="figures",
    )


def _worst(run: RunFiles, part: JudgedPart, level: int, thumbnails: MakeThumbnails | None) -> tuple[Markup, list[str]]:
    worst = worst_errors(part.files)
    heading = element(f"h{level}", "Worst errors")
    if worst.empty:
        return joined(heading, element("p", f"Every photograph of the {part.title} was given its true grade.")), []
    made = thumbnails(run, worst) if thumbnails else None
    words = "By the distance of predicted and true grade, then by the probability of the wrong one."
    gaps = ["pictures of the worst errors: the page was made without pictures"] if made is None else list(made.gaps)
    return joined(heading, element("p", words), worst_list(worst, made.by_image if made else {})), gaps
