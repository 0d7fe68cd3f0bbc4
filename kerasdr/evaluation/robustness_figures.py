"""Curves of a model's figures over severity, a small panel a kind."""

import math
from typing import Any

import numpy as np

from kerasdr.evaluation.figures import Format, save_figure
from kerasdr.evaluation.robustness import Curve
from kerasdr.evaluation.robustness_report import RobustnessReport

_COLUMNS = 4
# Figure, label, colour, line, and whether its interval is drawn as a band.
_LINES = (
    ("quadratic_kappa", "quadratic weighted kappa", "tab:blue", "-", True),
    ("sensitivity_referable", "sensitivity, referable", "tab:green", "-", False),
    ("silent_misses", "silent misses, of those called referable when unchanged", "tab:red", "-", True),
    ("share_not_graded", "not graded", "0.4", "--", False),
)


def robustness_curves(report: RobustnessReport, *, format: Format = "png") -> bytes:
    """Draw all curves, with 95% bands over people of kappa and of silent misses.

    Args:
        report: what was measured.
        format: of the figure.

    Returns:
        The file. A dotted line stands at the severity at which kappa has fallen by 0.1, where it does.
    """
    from matplotlib.figure import Figure

    curves = report.found.curves
    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(max(3.0 * columns, 7.5), 2.5 * rows + 1.3), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel, curve in zip(panels.flat, curves, strict=False):
        _panel(panel, curve)
    for panel in list(panels.flat)[len(curves) :]:
        panel.set_visible(False)
    lowest = min([0.0, *(figure.low for curve in curves for step in curve.steps for figure in _drawn(step.figures))])
    panels[0, 0].set_ylim(max(-1.0, lowest - 0.03), 1.03)
    for place in range(columns):
        column = [panel for panel in panels[:, place] if panel.get_visible()]
        column[-1].set_xlabel("severity")
        column[-1].tick_params(labelbottom=True)
    found = report.found
    drawn = "synthetic photographs" if report.phantoms else "photographs"
    figure.suptitle(
        f"{report.model}: {found.photographs} {drawn} of {found.people} people, 95% bands over people", fontsize=10
    )
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    return save_figure(figure, format)


def _drawn(figures: Any) -> list[Any]:
    return [figures[name] for name, *_, band in _LINES if band and not math.isnan(figures[name].low)]


def _panel(panel: Any, curve: Curve) -> None:
    severities = [step.severity for step in curve.steps]
    for name, label, colour, line, band in _LINES:
        figures = [step.figures[name] for step in curve.steps]
        panel.plot(severities, [f.value for f in figures], line, color=colour, label=label, marker=".", markersize=4)
        if band:
            low, high = np.array([f.low for f in figures]), np.array([f.high for f in figures])
            panel.fill_between(severities, low, high, color=colour, alpha=0.15, linewidth=0)
    if curve.limit.between:
        panel.axvspan(*curve.limit.between, facecolor="none", edgecolor="tab:blue", linestyle=":", linewidth=1)
    elif math.isfinite(curve.limit.value):
        panel.axvline(curve.limit.value, color="tab:blue", linestyle=":", linewidth=1)
    panel.set_title(curve.kind, fontsize=10)
    panel.grid(alpha=0.3)
