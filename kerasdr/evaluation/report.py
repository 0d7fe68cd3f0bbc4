"""Figures as text."""

from kerasdr.evaluation.intervals import Interval

_TITLES = {
    "quadratic_kappa": "quadratic weighted kappa",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mean_absolute_error": "mean absolute error (grades)",
    "auc_referable": "AUC, referable (grade 2 or worse)",
}


def metrics_table(figures: dict[str, Interval]) -> str:
    """Return one line a figure: name, value, interval, and of how many photographs and people."""
    width = max(len(_TITLES.get(name, name)) for name in figures)
    lines = []
    for name, figure in figures.items():
        title = _TITLES.get(name, name)
        lines.append(
            f"{title:<{width}}  {figure.value:6.3f}  ({figure.level:.0%} interval {figure.low:.3f} to {figure.high:.3f}; "
            f"{figure.n_images} photographs of {figure.n_people} people)"
        )
    return "\n".join(lines)
