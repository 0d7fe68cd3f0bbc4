"""What calibration, sets of grades and operating point do for photographs whose grades are known."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.calibration import Decision
from kerasdr.evaluation import calibration_figures
from kerasdr.evaluation.calibration_figures import calibration_statistic, weighted_share
from kerasdr.evaluation.intervals import Interval, bootstrap_figures, from_json, to_json
from kerasdr.grades import REFERABLE_FROM

DEFINITIONS = calibration_figures.DEFINITIONS | {
    "coverage": "share of a person's photographs whose true grade is in the set, averaged over people",
    "mean_set_size": "grades in the set, averaged over a person's photographs and then over people",
    "share_to_reader": "share of graded photographs whose set holds grades below 2 and grades of 2 or worse",
    "sensitivity": "share of the photographs of grade 2 or worse that are positive at the operating point",
    "specificity": "share of the other photographs that are negative at the operating point",
}

TITLES = {
    "log_loss": "log-loss",
    "brier_grades": "Brier score, grades (0 to 2)",
    "brier_referable": "Brier score, referable",
    "ece_top_grade": "calibration error, top grade",
    "ece_referable": "calibration error, referable",
    "coverage": "coverage, over people",
    "mean_set_size": "mean size of a set, grades",
    "share_to_reader": "share of graded to a reader",
    "sensitivity": "sensitivity, referable",
    "specificity": "specificity, referable",
}
"""Of every figure, in the order of the text."""

_WIDTH, _CELL = 30, 28


@dataclass(frozen=True)
class CalibrationReport:
    """Figures with intervals over people, by the names of :data:`DEFINITIONS`.

    Attributes:
        method: of calibration.
        level: of coverage, that the sets are made for.
        target: of the operating point, in words.
        before, after: of uncalibrated and calibrated probabilities.
        decisions: of sets and operating point.
        undefined: why a figure is undefined, by its name.
        undefined_threshold: why there is no operating point; empty if there is one.
    """

    method: str
    level: float
    target: str
    before: dict[str, Interval]
    after: dict[str, Interval]
    decisions: dict[str, Interval]
    undefined: dict[str, str] = field(default_factory=dict)
    undefined_threshold: str = ""


def calibration_report(
    grades: ArrayLike,
    people: ArrayLike,
    raw: ArrayLike,
    probabilities: ArrayLike,
    decision: Decision,
    *,
    method: str,
    level: float,
    target: str,
    no_threshold: str = "",
    seed: int = 0,
    n_resamples: int = 2000,
) -> CalibrationReport:
    """Judge calibrated probabilities and what follows from them.

    Args:
        grades: ``(n,)``, 0-4.
        people: ``(n,)``.
        raw, probabilities: uncalibrated and calibrated, ``(n, 5)``.
        decision: what followed.
        method, level, target: as of :class:`CalibrationReport`.
        no_threshold: why there is no operating point, if ``decision`` has none.
        seed, n_resamples: of the bootstrap.
    """
    truth = np.asarray(grades, dtype=np.int64)
    referable = truth >= REFERABLE_FROM
    low, high = decision.bounds[:, 0], decision.bounds[:, 1]
    inside = (low <= truth) & (truth <= high)
    columns = {"coverage": inside.astype(np.float64), "mean_set_size": (high - low + 1).astype(np.float64)}
    statistics = [calibration_statistic(truth, p) for p in (raw, probabilities)]

    def statistic(draws: NDArray[np.float64], owner: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        weights = draws[:, owner]
        found = {
            f"{place} {name}": values
            for place, one in zip(("before", "after"), statistics, strict=True)
            for name, values in one(weights).items()
        }
        once = weights / np.bincount(owner)[owner]  # each person counts once, by however many photographs
        found |= {f"decision {name}": once @ column / draws.sum(axis=1) for name, column in columns.items()}
        found["decision share_to_reader"] = weights @ decision.to_reader / weights.sum(axis=1)
        if decision.positive is None:
            undefined = np.full(len(draws), np.nan)
            return found | {"decision sensitivity": undefined, "decision specificity": undefined}
        return found | {
            "decision sensitivity": weighted_share(weights, referable, decision.positive),
            "decision specificity": weighted_share(weights, ~referable, ~decision.positive),
        }

    figures = {
        name: one.figure
        for name, one in bootstrap_figures(statistic, people, seed=seed, n_resamples=n_resamples).items()
    }

    def of(place: str) -> dict[str, Interval]:
        return {name.split()[1]: figure for name, figure in figures.items() if name.startswith(place)}

    decisions = of("decision")
    reasons = {"sensitivity": "no photograph is referable", "specificity": "every photograph is referable"}
    if decision.positive is None:
        reasons = dict.fromkeys(reasons, no_threshold)
    undefined = {name: reason for name, reason in reasons.items() if math.isnan(decisions[name].value)}
    return CalibrationReport(method, level, target, of("before"), of("after"), decisions, undefined, no_threshold)


def report_to_json(report: CalibrationReport) -> dict[str, Any]:
    """Return it as plain data; what is undefined is null and ``undefined`` says why."""
    return {
        "method": report.method,
        "level": report.level,
        "target": report.target,
        "before": to_json(report.before),
        "after": to_json(report.after),
        "decisions": to_json(report.decisions),
        "undefined": report.undefined,
        "undefined_threshold": report.undefined_threshold,
        "definitions": DEFINITIONS,
    }


def report_from_json(content: Mapping[str, Any]) -> CalibrationReport:
    """Read what :func:`report_to_json` gave."""
    before, after, decisions = (from_json(content[name]) for name in ("before", "after", "decisions"))
    texts = (content[name] for name in ("undefined", "undefined_threshold"))
    return CalibrationReport(content["method"], content["level"], content["target"], before, after, decisions, *texts)


def report_text(report: CalibrationReport) -> str:
    """Return the report as lines, without a line end at its end."""
    # Folds may differ in their method, so it has a line of its own.
    lines = [f"calibration: {report.method}", _line("", "before", "after")]
    lines += [_line(TITLES[name], *map(_cell, (report.before[name], report.after[name]))) for name in report.before]
    for head, names in (
        (f"sets of grades, level {report.level:g}", ("coverage", "mean_set_size", "share_to_reader")),
        (f"screening, target {report.target}", ("sensitivity", "specificity")),
    ):
        lines.append(head)
        for name in names:
            reason = report.undefined.get(name)
            text = f"undefined, because {reason}" if reason else _cell(report.decisions[name])
            lines.append(_line(f"  {TITLES[name]}", text))
    return "\n".join(lines)


def _line(title: str, *cells: str) -> str:
    return (f"{title:<{_WIDTH}}" + "".join(f"{cell:<{_CELL}}" for cell in cells)).rstrip()


def _cell(figure: Interval) -> str:
    ends = "no interval" if math.isnan(figure.low) else f"{figure.low:.3f} to {figure.high:.3f}"
    return f"{figure.value:.3f} ({ends})"
