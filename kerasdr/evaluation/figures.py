"""Figures as PNG bytes, drawn without a display and without matplotlib's global state."""

import io
from typing import Any

import pandas as pd


def training_curves(history: pd.DataFrame) -> bytes:
    """Draw loss, accuracy and validation kappa over the epochs (Figure 4 of the report).

    Args:
        history: columns ``epoch, stage, loss, accuracy, val_loss, val_accuracy, val_quadratic_kappa``.

    Returns:
        A PNG; stages are told apart by a vertical line and their name.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, 3)
    lines = [
        ("Loss", [("loss", "training"), ("val_loss", "validation")]),
        ("Accuracy", [("accuracy", "training"), ("val_accuracy", "validation")]),
        ("Quadratic weighted kappa", [("val_quadratic_kappa", "validation")]),
    ]
    starts = history["epoch"][history["stage"] != history["stage"].shift()]
    for panel, (title, series) in zip(panels, lines, strict=True):
        for column, label in series:
            colour = "tab:blue" if label == "training" else "tab:orange"
            panel.plot(history["epoch"], history[column], label=label, color=colour, marker=".", markersize=4)
        for start, stage in zip(starts, history["stage"][starts.index], strict=True):
            if start > history["epoch"].min():
                panel.axvline(start - 0.5, color="0.6", linestyle=":")
            if len(starts) > 1:
                panel.annotate(
                    stage, (start, 1.0), xycoords=("data", "axes fraction"), va="bottom", fontsize=8, color="0.4"
                )
        panel.set_title(title, pad=14)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    return _png(figure)


def _png(figure: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    # Without these the file would carry the version of matplotlib; nothing else in it varies.
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()
