"""Figures as PNG or SVG bytes, drawn without a display and without matplotlib's global state."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from kerasdr.evaluation.intervals import Interval

Format = Literal["png", "svg"]


@dataclass(frozen=True)
class Series:
    """One kind of points of :func:`kappa_chart`.

    Attributes:
        label: for the legend.
        points: of each line of the chart, a figure with its interval, a bare number, or None for none.
        marker, colour: as matplotlib names them.
    """

    label: str
    points: Sequence[Interval | float | None]
    marker: str = "o"
    colour: str = "tab:blue"


def training_curves(*histories: pd.DataFrame, format: Format = "png", title: str = "") -> bytes:
    """Draw loss, accuracy and validation kappa over the epochs (Figure 4 of the report).

    Args:
        histories: of one or more trainings of the same network, drawn over one another; columns ``epoch, stage, loss,
            accuracy, val_loss, val_accuracy, val_quadratic_kappa``.
        format: of the figure.
        title: above all, if any.

    Returns:
        The file; stages, those of the first history, are told apart by a vertical line and their name.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 3.9 if title else 3.6), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=10, wrap=True)
    panels = figure.subplots(1, 3)
    lines = [
        ("Loss", [("loss", "training"), ("val_loss", "validation")]),
        ("Accuracy", [("accuracy", "training"), ("val_accuracy", "validation")]),
        ("Quadratic weighted kappa", [("val_quadratic_kappa", "validation")]),
    ]
    first = histories[0]
    starts = first["epoch"][first["stage"] != first["stage"].shift()]
    for panel, (name, series) in zip(panels, lines, strict=True):
        for column, label in series:
            colour = "tab:blue" if label == "training" else "tab:orange"
            for index, history in enumerate(histories):
                panel.plot(
                    history["epoch"],
                    history[column],
                    label=label if index == 0 else None,
                    color=colour,
                    marker=".",
                    markersize=4,
                    alpha=1.0 if len(histories) == 1 else 0.6,
                )
        for start, stage in zip(starts, first["stage"][starts.index], strict=True):
            if start > first["epoch"].min():
                panel.axvline(start - 0.5, color="0.6", linestyle=":")
            if len(starts) > 1:
                panel.annotate(
                    stage, (start, 1.0), xycoords=("data", "axes fraction"), va="bottom", fontsize=8, color="0.4"
                )
        panel.set_title(name, pad=14)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    return save_figure(figure, format)


def kappa_chart(labels: Sequence[str], series: Sequence[Series], *, format: Format = "png", title: str = "") -> bytes:
    """Draw figures of merit with their intervals, one line of the chart for each experiment.

    Args:
        labels: of the lines, from the top.
        series: one or more, each with a point a label.
        format: of the figure.
        title: above it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.6 + (0.2 + 0.16 * len(series)) * len(labels)), layout="constrained")
    panel = figure.subplots()
    for index, one in enumerate(series):
        shift = 0.6 * ((index + 0.5) / len(series) - 0.5)
        places = [(place + shift, point) for place, point in enumerate(one.points) if point is not None]
        values = [point.value if isinstance(point, Interval) else point for _, point in places]
        arms = [_arms(point) for _, point in places]
        panel.errorbar(
            values,
            [place for place, _ in places],
            xerr=[[low for low, _ in arms], [high for _, high in arms]] if any(map(any, arms)) else None,
            fmt=one.marker,
            markersize=6,
            capsize=3,
            color=one.colour,
            label=one.label,
        )
    panel.set_yticks(range(len(labels)), labels)
    panel.set_ylim(len(labels) - 0.5, -0.5)
    panel.set_xlabel("quadratic weighted kappa, with 95% interval over people")
    for place in range(1, len(labels)):
        panel.axhline(place - 0.5, color="0.9", linewidth=0.8)
    panel.grid(axis="x", alpha=0.3)
    if title:
        figure.suptitle(title, fontsize=10, wrap=True)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return save_figure(figure, format)


def _arms(point: Interval | float) -> tuple[float, float]:
    if not isinstance(point, Interval) or math.isnan(point.low) or math.isnan(point.high):
        return 0.0, 0.0
    # The figure on all people may lie outside the middle of its resamples; an arm of negative length is none.
    return max(point.value - point.low, 0.0), max(point.high - point.value, 0.0)


def save_figure(figure: Any, format: Format) -> bytes:
    """Return a matplotlib figure as a file whose bytes hang on nothing but what is drawn."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    # Without these the file would carry the version of matplotlib, the date or random names; nothing else in it varies.
    metadata: Mapping[str, None] = {"Software": None} if format == "png" else {"Creator": None, "Date": None}
    with matplotlib.rc_context({"svg.hashsalt": "kerasdr", "svg.fonttype": "none"}):
        figure.savefig(stream, format=format, dpi=110, metadata=metadata)
    return stream.getvalue()
