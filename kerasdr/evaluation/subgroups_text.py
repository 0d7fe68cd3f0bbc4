"""Figures of groups as text: who is in each, then every figure group by group, beside its difference from all others."""

import math
import textwrap

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.subgroups import Difference, Group, Subgroups
from kerasdr.files import printable_path

_TITLES = {
    "quadratic_kappa": "quadratic weighted kappa",
    "sensitivity_referable": "referable: sensitivity as decided",
    "specificity_referable": "referable: specificity as decided",
    "auc_referable": "AUC, referable",
    "share_not_graded": "share not graded",
    "mean_prob_referable": "mean predicted probability of referable",
    "share_referable": "share labelled referable",
    "calibration_gap": "the former minus the latter",
}
_COUNTS = {
    "photographs": "photographs",
    "people": "people",
    "graded": "graded",
    "referable": "referable",
    "referable_people": "people with one",
}
_LONGEST_NAME = 36
_LINE = 118


def subgroups_text(found: Subgroups) -> str:
    """Return the report on the groups of one column, without a line end at its end."""
    cut = f", cut {found.cut}" if found.cut else ""
    lines = [
        *_wrapped(
            f"Groups by {printable_path(found.column)}: {found.source}{cut}; by photograph, percentile intervals over people"
        )
    ]
    names = [_short(group.name) for group in found.groups]
    width = max(map(len, names)) + 2
    lines.append(" " * (width + 2) + "".join(f"{title:>{len(title) + 2}}" for title in _COUNTS.values()))
    for name, group in zip(names, found.groups, strict=True):
        cells = "".join(f"{getattr(group, key):>{len(title) + 2}}" for key, title in _COUNTS.items())
        lines.append(f"  {name:<{width}}{cells}")
    for figure, title in _TITLES.items():
        lines += ["", title]
        same = {group.undefined.get(figure) for group in found.groups}
        if len(same) == 1 and (reason := same.pop()):
            lines.append(f"  undefined: {reason}")
            continue
        lines += [f"  {name:<{width}}{_line(figure, group)}" for name, group in zip(names, found.groups, strict=True)]
    return "\n".join([*lines, "", *_foot(found)])


def _line(figure: str, group: Group) -> str:
    if figure in group.undefined:
        return f"undefined: {group.undefined[figure]}"
    text = f"{_interval(group.figures[figure]):<27}"
    if figure in group.differences:
        return text + _difference(group.differences[figure])
    if figure in group.no_difference:
        return f"{text}no difference: {group.no_difference[figure]}"
    return text.rstrip()


def _difference(difference: Difference) -> str:
    interval = _interval(difference.interval, "+")
    return f"{interval:<29}p {_p(difference.p)}, adjusted {_p(difference.p_holm)}"


def _interval(figure: Interval, sign: str = "") -> str:
    if math.isnan(figure.low):
        return f"{figure.value:{sign}.3f} (no interval)"
    return f"{figure.value:{sign}.3f} ({figure.low:{sign}.3f} to {figure.high:{sign}.3f})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _short(name: str) -> str:
    shown = printable_path(name)
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 3] + "..."


def _foot(found: Subgroups) -> list[str]:
    lines = [
        "The second column is the group minus all others, with its interval. Another mix of grades makes a difference, most "
        "of all in kappa; the p value, of a permutation test over people of the same worst grade, asks for more than the mix "
        f"explains, and is adjusted by Holm's method for the {found.comparisons} comparisons of this column.",
    ]
    if found.people_in_several:
        number = found.people_in_several
        several = (
            f"{number} people are in several groups, and are" if number > 1 else "1 person is in several groups, and is"
        )
        lines.append(f"{several} drawn with all photographs.")
    flat = [
        f"{_TITLES[name]} ({_short(group.name)})"
        for name in _TITLES
        for group in found.groups
        if name not in group.undefined and group.figures[name].low == group.figures[name].high
    ]
    if flat:
        lines.append(f"interval without width, every resample agrees; the truth may still differ: {'; '.join(flat)}")
    return [part for line in lines for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _LINE, subsequent_indent="  ")
