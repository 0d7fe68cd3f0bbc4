"""Figures as text."""

import math

from kerasdr.evaluation.intervals import Interval, few_people

_TITLES = {
    "quadratic_kappa": "quadratic weighted kappa",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mean_absolute_error": "mean absolute error (grades)",
    "auc_referable": "AUC, referable (grade 2 or worse)",
}


def metrics_table(figures: dict[str, Interval]) -> str:
    """Return one line a figure: name, value, interval or why there is none, and of how many photographs and people.

    Where people are few, a last line says so.
    """
    width = max(len(_TITLES.get(name, name)) for name in figures)
    lines = []
    for name, figure in figures.items():
        title = _TITLES.get(name, name)
        of = f"{figure.n_images} photographs of {figure.n_people} people"
        if math.isnan(figure.value):
            lines.append(f"{title:<{width}}  undefined  ({_why_undefined(name, figure.n_images)}; {of})")
            continue
        ends = f"{figure.level:.0%} interval {figure.low:.3f} to {figure.high:.3f}"
        if math.isnan(figure.low):
            few = figure.n_people < 2
            ends = f"no interval, because {'there is one person only' if few else 'most resamples leave it undefined'}"
        lines.append(f"{title:<{width}}  {figure.value:6.3f}  ({ends}; {of})")
    people = max((figure.n_people for figure in figures.values()), default=0)
    lines += [f"note: {line}" for line in few_people("these figures are", people) if people > 1]
    return "\n".join(lines)


def _why_undefined(name: str, n_images: int) -> str:
    if not n_images:
        return "because there are no photographs"
    if name.startswith("auc_"):
        return "because all or none of the photographs are referable"
    return "because labels and grades are all one and the same"
