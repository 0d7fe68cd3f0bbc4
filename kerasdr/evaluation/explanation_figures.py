"""The figure of evidence about heat maps: deletion and insertion, and how alike maps stay as layers forget."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.figures import Format, save_figure
from kerasdr.evaluation.perturbation import FILLS, WAYS, Fill, Way
from kerasdr.evaluation.sanity_checks import SIMILAR, Stage

_TITLES = {
    ("deletion", "black"): "Deletion, black: low is good",
    ("deletion", "blur"): "Deletion, blurred: low is good",
    ("insertion", "black"): "Insertion, from black: high is good",
    ("insertion", "blur"): "Insertion, from blurred: high is good",
}


def evidence_figure(
    curves: Mapping[tuple[str, Way, Fill], NDArray[np.float64]],
    stages: Sequence[Stage],
    methods: Sequence[str],
    *,
    title: str = "",
    format: Format = "png",
) -> bytes:
    """Draw the curves, and beside them the sanity checks.

    Args:
        curves: by map, way and fill, ``(steps + 1,)``; may be empty.
        stages: of the sanity checks of the first method; may be empty.
        methods: of heat maps; drawn in colour, other maps in grey.
        title: above all.
        format: of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.4), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=10, wrap=True)
    panels = figure.subplots(2, 3)
    names = list(dict.fromkeys(name for name, _, _ in curves))
    greys = iter(("--", ":", "-.", (0, (1, 3)), (0, (6, 2, 1, 2, 1, 2))))
    looks = {
        name: {"color": f"C{methods.index(name)}"} if name in methods else {"color": "0.35", "linestyle": next(greys)}
        for name in names
    }
    for row, way in enumerate(WAYS):
        for column, fill in enumerate(FILLS):
            panel = panels[row, column]
            for name in names:
                line = curves[name, way, fill]
                panel.plot(np.linspace(0, 1, len(line)), line, label=name, **looks[name])
            panel.set_title(_TITLES[way, fill], fontsize=10)
            panel.set_xlabel("share of the retina's pixels, hottest first")
            panel.set_ylabel("probability of the explained grade")
            panel.set_ylim(0, 1)
            panel.grid(alpha=0.3)
            if names and row == column == 0:
                panel.legend(fontsize=8)
            if not names:
                panel.text(0.5, 0.5, "not drawn", ha="center", transform=panel.transAxes)
    for row, kind in enumerate(("cascade", "independent")):
        _draw_stages(panels[row, 2], [stage for stage in stages if stage.kind == kind], kind)
    return save_figure(figure, format)


def _draw_stages(panel: Any, stages: Sequence[Stage], kind: str) -> None:
    places = np.arange(len(stages))
    for name, colour in (("absolute", "tab:blue"), ("spearman", "tab:orange")):
        found = [getattr(stage, name) for stage in stages]
        values = np.array([one.value for one in found])
        arms = np.array([[one.value - one.low for one in found], [one.high - one.value for one in found]])
        label = "absolute rank correlation" if name == "absolute" else "rank correlation"
        if len(found):
            arms = np.nan_to_num(np.maximum(arms, 0.0))
            panel.errorbar(places, values, yerr=arms, marker="o", capsize=3, color=colour, label=label)
    panel.axhline(SIMILAR, color="0.5", linestyle="--", linewidth=1)
    title = "Random weights from the head down to" if kind == "cascade" else "Random weights in these layers alone"
    panel.set_title(title, fontsize=10)
    labels = [stage.layers.split(" to ")[-1] if kind == "cascade" else stage.layers for stage in stages]
    panel.set_xticks(places, [label.replace(" to ", "\nto ") for label in labels], rotation=35, fontsize=7)
    panel.set_ylim(-1, 1.02)
    panel.set_ylabel("likeness to the trained network's maps")
    panel.grid(alpha=0.3)
    if len(stages):
        panel.legend(fontsize=8, loc="lower left")
