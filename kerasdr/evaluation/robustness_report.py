"""What was measured of a model's robustness, as text, as a long table and as plain data."""

import csv
import io
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasdr.evaluation.intervals import Interval, few_people
from kerasdr.evaluation.robustness import FALL, Curve, Robustness, Step
from kerasdr.evaluation.severity_limit import Limit, between_text

COLUMNS = ("kind", "severity", "figure", "value", "low", "high", "count", "of", "photographs", "people", "undefined")

TITLES = {
    "quadratic_kappa": "kappa",
    "kappa_fall": "fall of kappa",
    "sensitivity_referable": "sensitivity",
    "specificity_referable": "specificity",
    "share_not_graded": "not graded",
    "share_doubtful": "doubtful",
    "silent_misses": "silent misses",
}
"""Of the figures of a step, in the order of the table."""

MIRROR_TITLES = {
    "same_grade": "same grade",
    "mean_change_of_prob_referable": "mean absolute change of prob_referable",
    "kappa_between": "kappa between the two answers",
}

DEFINITIONS = {
    "referable": "grade 2 or worse",
    "severity": "0 is the photograph as it is",
    "quadratic_kappa": "of the photographs graded at the step, as are sensitivity_referable and specificity_referable",
    "share_not_graded": "refused by the quality gate or unreadable, of all photographs",
    "kappa_fall": "kappa of the unchanged photographs minus kappa at the step, both of the photographs graded at both",
    "share_doubtful": "graded, and called doubtful: a reader is told that the photograph is not good; of all photographs",
    "silent_misses": "of the photographs called referable when unchanged, those graded and neither called referable nor "
    "doubtful at the step",
    "severity_of_fall": "the least severity at which kappa_fall reaches it, interpolated linearly; null and not_reached if "
    "that is not so up to the last severity at which kappa is known; null and between, where it is between two severities "
    "more than 1 apart, and an end of the interval there is the lower or the higher of the two",
    "mirror": "photographs mirrored left to right, with their partners; figures of those graded both ways",
}

_CELL = 23
_LINE = 118


@dataclass(frozen=True)
class RobustnessReport:
    """A measurement and what it is of.

    Attributes:
        model: the bundle's label.
        caution: what anyone who sees its grades must know, or empty.
        what: whose photographs were scored, in words.
        phantoms: whether some of them are synthetic.
        seed: of what was drawn in degradations, and of the bootstrap.
        interval: how intervals were made, in words.
        a_step: for each kind, what a step of severity is, in words.
        found: the figures.
        by_label: whether people were chosen by their labels.
    """

    model: str
    caution: str
    what: str
    phantoms: bool
    seed: int
    interval: str
    a_step: Mapping[str, str]
    found: Robustness
    by_label: bool = False


def to_json(report: RobustnessReport) -> dict[str, Any]:
    """Return a report as plain data; what is undefined is null, and ``undefined`` says why."""
    found = report.found
    mirrored = None
    if found.mirrored is not None:
        mirrored = {
            "figures": {name: _plain(figure) for name, figure in found.mirrored.figures.items()},
            "undefined": dict(found.mirrored.undefined),
            "graded_one_way": found.mirrored.one_way,
        }
    return {
        "format": 1,
        "model": report.model,
        "caution": report.caution,
        "data": {
            "what": report.what,
            "phantoms": report.phantoms,
            "photographs": found.photographs,
            "people": found.people,
        },
        "seed": report.seed,
        "interval": report.interval,
        "notes": _notes(report),
        "definitions": DEFINITIONS,
        "curves": [
            {
                "kind": curve.kind,
                "a_step": report.a_step[curve.kind],
                "steps": [_step_json(step) for step in curve.steps],
                "severity_of_fall": _limit_json(curve.limit),
            }
            for curve in found.curves
        ],
        "mirror": mirrored,
    }


def to_csv(report: RobustnessReport) -> str:
    """Return one row a figure: of every step, of every limit (severity empty, ``inf`` if not reached), and of mirroring."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(report.found))
    return text.getvalue()


def to_text(report: RobustnessReport) -> str:
    """Return the whole report, without a line end at its end."""
    found = report.found
    head = {
        "model": report.model + (f" ({report.caution})" if report.caution else ""),
        "photographs": f"{found.photographs} of {found.people} people: {report.what}",
        "referable": "grade 2 or worse",
        "intervals": report.interval,
    }
    width = max(map(len, head)) + 2
    if notes := _notes(report):
        head["note"] = "; ".join(notes)
    lines = [part for name, text in head.items() for part in _wrapped(f"{name:<{width}}{text}", " " * width)]
    for curve in found.curves:
        lines += ["", f"{curve.kind}, {_a_step(curve.kind, report.a_step[curve.kind])}"]
        lines.append("severity  " + "".join(f"{title:<{_CELL}}" for title in _columns().values()).rstrip())
        lines += [_step_line(step) for step in curve.steps]
        reasons = dict.fromkeys(
            f"{TITLES[name]}: {why}" for step in curve.steps for name, why in step.undefined.items()
        )
        lines += [part for reason in reasons for part in _wrapped(f"undefined, {reason}", "  ")]
        lines.append(f"kappa has fallen by {FALL:g} at severity: {curve.limit}")
    if found.mirrored is not None:
        lines += ["", "mirrored left to right, with partners"]
        for name, title in MIRROR_TITLES.items():
            reason = found.mirrored.undefined.get(name)
            lines.append(f"  {title:<40}{f'undefined: {reason}' if reason else _cell(found.mirrored.figures[name])}")
        lines.append(f"  graded one way only: {found.mirrored.one_way} of {found.photographs} photographs")
    foot = [
        "Kappa, sensitivity and specificity: of the photographs graded at that severity. The fall of kappa is from the "
        "unchanged photographs, of those graded at both.",
        "Silent misses: of the photographs called referable when unchanged, those graded and neither called referable nor "
        "doubtful; k of n. Doubted and refused: those of the n that were not called referable, and of which a reader is told.",
        "An interval without width says that every resample agrees; the truth may still differ.",
    ]
    return "\n".join([*lines, "", *(part for line in foot for part in _wrapped(line, "  "))])


def _notes(report: RobustnessReport) -> list[str]:
    notes = few_people("photographs are", report.found.people)
    if report.by_label:
        notes.append(
            "people were chosen by their labels: kappa and specificity are not those of all people, and silent misses leave "
            "out calls of people who are labelled otherwise"
        )
    return notes


def _columns() -> dict[str, str]:
    return {name: title for name, title in TITLES.items() if name not in ("kappa_fall", "share_doubtful")}


def _a_step(kind: str, words: str) -> str:
    return f"severities 1 to 5: {words}" if kind in ("jpeg", "small") else f"for each step: {words}"


def _step_line(step: Step) -> str:
    cells = []
    for name in _columns():
        if name in step.undefined:
            text = "undefined"
        elif name == "silent_misses":
            text = f"{step.missed} of {step.called_referable}"
            text += f", {step.doubted} doubted" if step.doubted else ""
            text += f", {step.refused} refused" if step.refused else ""
        else:
            text = _cell(step.figures[name])
        cells.append(f"{text:<{_CELL}}")
    return f"{step.severity:<10g}" + "".join(cells).rstrip()


def _cell(figure: Interval) -> str:
    if math.isnan(figure.low):
        return f"{figure.value:.2f} (no interval)"
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def _rows(found: Robustness) -> Iterator[list[Any]]:
    for curve in found.curves:
        for step in curve.steps:
            for name in TITLES:
                counted = [step.missed, step.called_referable] if name == "silent_misses" else ["", ""]
                yield _row(curve.kind, step.severity, name, step.figures[name], counted, step.undefined.get(name, ""))
        yield _limit_row(curve)
    if found.mirrored is not None:
        for name, figure in found.mirrored.figures.items():
            yield _row("mirror", "", name, figure, ["", ""], found.mirrored.undefined.get(name, ""))


def _row(
    kind: str, severity: float | str, name: str, figure: Interval, counted: list[Any], undefined: str
) -> list[Any]:
    ends = [_number(value) for value in (figure.value, figure.low, figure.high)]
    at = severity if isinstance(severity, str) else f"{severity:g}"
    return [kind, at, name, *ends, *counted, figure.n_images, figure.n_people, undefined]


def _limit_row(curve: Curve) -> list[Any]:
    limit = curve.limit
    why = ""
    if np.isnan(limit.value):
        why = "kappa is known at no severity above 0"
    elif np.isinf(limit.value):
        why = f"not reached up to {limit.last:g}"
    elif limit.between:
        why = between_text(limit.between)
    ends = [_number(value) for value in (np.nan if limit.between else limit.value, limit.low, limit.high)]
    return [curve.kind, "", f"severity_of_fall_{limit.fall:g}", *ends, "", "", "", "", why]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "severity": step.severity,
        "figures": {name: _plain(step.figures[name]) for name in TITLES},
        "undefined": dict(step.undefined),
        "called_referable_when_unchanged": step.called_referable,
        "silently_missed": step.missed,
        "doubted": step.doubted,
        "refused": step.refused,
    }


def _limit_json(limit: Limit) -> dict[str, Any]:
    return {
        "fall": limit.fall,
        "value": None if limit.between else _finite(limit.value),
        **{key: _finite(getattr(limit, key)) for key in ("low", "high")},
        "between": limit.between,
        "not_reached": bool(np.isinf(limit.value)),
        "high_not_reached": bool(np.isinf(limit.high)),
        "low_not_reached": bool(np.isinf(limit.low)),
        "last_severity": limit.last,
        "share_of_resamples_not_reached": _finite(limit.not_reached),
    }


def _plain(figure: Interval) -> dict[str, Any]:
    ends = {key: _finite(getattr(figure, key)) for key in ("value", "low", "high")}
    return {**ends, "n_images": figure.n_images, "n_people": figure.n_people}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(line, _LINE, subsequent_indent=indent)
