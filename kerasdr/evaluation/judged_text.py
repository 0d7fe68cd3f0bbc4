"""A judged CSV as text: one line a figure, by eye beside by person, and what must stand beside the figures."""

import math
import textwrap

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.judged import Judged
from kerasdr.evaluation.standard_figures import StandardFigures
from kerasdr.evaluation.subgroups_text import subgroups_text
from kerasdr.files import printable_path
from kerasdr.grades import GRADE_NAMES, GRADES

TITLES = {
    "quadratic_kappa": "quadratic weighted kappa",
    "linear_kappa": "linear weighted kappa",
    "unweighted_kappa": "unweighted kappa",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mean_absolute_error": "mean absolute error (grades)",
    "auc_referable": "AUC, referable",
    "average_precision_referable": "average precision, referable",
    "auc_sight_threatening": "AUC, sight-threatening",
    "average_precision_sight_threatening": "average precision, sight-threatening",
    "sensitivity_at_90_specificity": "referable: sensitivity at 90% specificity",
    "sensitivity_at_95_specificity": "referable: sensitivity at 95% specificity",
    "specificity_at_90_sensitivity": "referable: specificity at 90% sensitivity",
    "specificity_at_95_sensitivity": "referable: specificity at 95% sensitivity",
    "sensitivity_referable": "referable: sensitivity as decided",
    "specificity_referable": "referable: specificity as decided",
    "brier_grades": "Brier score, grades (0 to 2)",
    "brier_referable": "Brier score, referable (0 to 1)",
    "ece_top_grade": "expected calibration error, top grade",
    "ece_referable": "expected calibration error, referable",
    "coverage_of_grade_set": "coverage of grade_set, over people",
    "mean_size_of_grade_set": "mean size of grade_set, grades",
    "share_not_graded": "share not graded",
    "sensitivity_referable_intention_to_screen": "referable: sensitivity, intention to screen",
    "specificity_referable_intention_to_screen": "referable: specificity, intention to screen",
    **{f"sensitivity_grade_{grade}": f"sensitivity of grade {grade}" for grade in GRADES},
    **{f"precision_grade_{grade}": f"precision of grade {grade}" for grade in GRADES},
}
"""Of every figure, in the order of the table."""

_TITLE_WIDTH = max(map(len, TITLES.values())) + 2
_FIGURE_WIDTH = 25
_LINE = 118


def judged_text(judged: Judged) -> str:
    """Return the whole report, without a line end at its end."""
    parts = [_head(judged), _table(judged)]
    for title, matrix in (
        ("photographs", judged.confusion_by_eye),
        ("people, by the worse eye", judged.confusion_by_person),
    ):
        if matrix is not None:
            parts.append(_confusion(title, matrix))
    return "\n\n".join([*parts, _foot(judged), *map(subgroups_text, judged.subgroups)])


def _head(judged: Judged) -> str:
    counts = judged.counts
    not_graded = counts["photographs"] - counts["graded"]
    share = f"{not_graded} not graded ({counts['ungradable']} ungradable"
    share += f" of which {counts['missing_as_ungradable']} without a row" if counts["missing_as_ungradable"] else ""
    share += f", {counts['failed']} failed"
    share += f", {counts['no_grade']} without a grade)" if counts["no_grade"] else ")"
    lines = {
        "predictions": f"{printable_path(judged.predictions)}, column {judged.columns[0]}",
        "labels": f"{printable_path(judged.labels)}, column {judged.columns[1]}",
        "photographs": f"{counts['photographs']} labelled = {counts['graded']} graded + {share}",
        "people": f"{counts['people']}; from {judged.people_from}",
        "referable": f"grade 2 or worse; decided by {judged.decision}. Sight-threatening: grade 3 or worse",
        "intervals": judged.interval,
    }
    return "\n".join(f"{name:<13}{text}" for name, text in lines.items())


def _table(judged: Judged) -> str:
    columns = [
        (title, found)
        for title, found in (("by eye", judged.by_eye), ("by person (worse eye)", judged.by_person))
        if found is not None
    ]
    head = " " * _TITLE_WIDTH + "".join(f"{title:<{_FIGURE_WIDTH}}" for title, _ in columns) + "photographs  people"
    lines = [head]
    for name, title in TITLES.items():
        if all(name not in found.figures for _, found in columns):
            continue  # no column of the predictions speaks of it
        cells = "".join(f"{_cell(found, name):<{_FIGURE_WIDTH}}" for _, found in columns)
        figure = next(found.figures[name] for _, found in columns if name in found.figures)
        lines.append(f"{title:<{_TITLE_WIDTH}}{cells}{figure.n_images:>11}  {figure.n_people:>6}")
    return "\n".join(lines)


def _cell(found: StandardFigures, name: str) -> str:
    if name not in found.figures:
        return ""
    figure = found.figures[name]
    if math.isnan(figure.value):
        return "undefined"
    if math.isnan(figure.low):
        return f"{figure.value:.3f} (no interval)"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _confusion(title: str, matrix: NDArray[np.int64]) -> str:
    totals = [*matrix.sum(axis=0), matrix.sum()]
    width = max(6, len(str(totals[-1])) + 2)
    labels = [f"labelled {grade} {name}" for grade, name in zip(GRADES, GRADE_NAMES, strict=True)]
    first = max(len(title), *map(len, labels))

    def line(name: str, cells: list[str]) -> str:
        return f"{name:<{first}}" + "".join(f"{cell:>{width}}" for cell in cells)

    rows = [line(title, [*(f"as {grade}" for grade in GRADES), "all"])]
    rows += [line(name, [*map(str, row), str(row.sum())]) for name, row in zip(labels, matrix, strict=True)]
    return "\n".join([*rows, line("all", list(map(str, totals)))])


def _foot(judged: Judged) -> str:
    lines = [
        "At 90% or 95%: the best on the empirical ROC of the probability of referable; ties together, not interpolated.",
        "Intention to screen: what was not graded counts as called referable.",
        "Calibration error: bins of equal mass; chance alone keeps it above 0, and resamples more so than the figure.",
    ]
    if judged.by_person is not None:
        lines.append(
            "By person: worst label, worst grade and highest probability, of the person's graded photographs; not graded, "
            "and referred by intention to screen, is who has any photograph that was not graded."
        )
    for title, found in (("by eye", judged.by_eye), ("by person", judged.by_person)):
        if found is not None:
            lines += _gaps(title, found)
    return "\n".join(part for line in lines for part in textwrap.wrap(line, _LINE, subsequent_indent="  "))


def _gaps(title: str, found: StandardFigures) -> list[str]:
    """Say what is undefined and why, one line a reason, and what resamples lack."""
    lines = []
    for word, gaps in (("undefined", found.undefined), ("no interval", found.no_interval)):
        for reason in dict.fromkeys(gaps.values()):
            names = [TITLES[name] for name in TITLES if gaps.get(name) == reason]
            lines.append(f"{word} {title}: {reason}: {'; '.join(names)}")
    if found.no_width:
        names = [TITLES[name] for name in TITLES if name in found.no_width]
        lines.append(
            f"interval without width {title}, every resample agrees; the truth may still differ: {'; '.join(names)}"
        )
    missed = [
        f"{TITLES[name]} ({found.undefined_resamples[name]})"
        for name in TITLES
        if name in found.undefined_resamples and name not in found.no_interval
    ]
    if missed:
        lines.append(f"left out of intervals {title}, resamples where undefined: {'; '.join(missed)}")
    return lines
