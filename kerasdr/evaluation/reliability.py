"""The reliability diagram: what was forecast against what came true."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasdr.evaluation.calibration_figures import ReliabilityBin, forecasts, reliability_table
from kerasdr.evaluation.figures import Format, save_figure

_TITLES = {"top_grade": "most probable grade", "referable": "referable (grade 2 or worse)"}
_OBSERVED = {"top_grade": "share that is right", "referable": "share that is referable"}


def reliability_diagram(
    grades: ArrayLike,
    raw: ArrayLike,
    probabilities: ArrayLike,
    people: ArrayLike,
    *,
    format: Format = "png",
    title: str = "",
    seed: int = 0,
) -> bytes:
    """Draw how often forecasts came true, uncalibrated and calibrated, in bins of equal mass with intervals over people.

    Args:
        grades: ``(n,)``, 0-4.
        raw, probabilities: uncalibrated and calibrated, ``(n, 5)``; where they are equal they are drawn once.
        people: ``(n,)``.
        format: of the figure.
        title: above all, if any.
        seed: of the bootstrap.

    Returns:
        The file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.6 if title else 4.3), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=10, wrap=True)
    given = [("as the networks say", raw, "0.55", "s"), ("calibrated", probabilities, "tab:blue", "o")]
    if np.array_equal(np.asarray(raw), np.asarray(probabilities)):
        given = [("as the networks say (no calibration)", raw, "tab:blue", "o")]
    for panel, name in zip(figure.subplots(1, 2), _TITLES, strict=True):
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", zorder=0)
        for label, p, colour, marker in given:
            forecast, came_true = forecasts(grades, p)[name]
            _draw(panel, reliability_table(forecast, came_true, people, seed=seed), label, colour, marker)
        panel.set_title(_TITLES[name], fontsize=10)
        panel.set_xlabel("mean probability in the bin")
        panel.set_ylabel(f"{_OBSERVED[name]} (95% interval)")
        panel.set_xlim(-0.02, 1.02)
        panel.set_ylim(-0.02, 1.02)
        panel.set_aspect("equal")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="upper left")
    return save_figure(figure, format)


def _draw(panel: Any, bins: list[ReliabilityBin], label: str, colour: str, marker: str) -> None:
    arms = np.array(
        [
            [max(one.observed.value - one.observed.low, 0.0), max(one.observed.high - one.observed.value, 0.0)]
            for one in bins
        ]
    ).reshape(len(bins), 2)
    panel.errorbar(
        [one.probability for one in bins],
        [one.observed.value for one in bins],
        yerr=np.nan_to_num(arms).T,  # a bin of one person has no interval
        fmt=marker,
        markersize=5,
        capsize=2,
        linewidth=1,
        color=colour,
        label=label,
    )
