"""Figures of counts and of trainings: confusion matrix, kappa of several runs, learning curves."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.page.chart import Axis, Figure, Look, Plot, Shape, mark, picture
from kerasdr.evaluation.page.markup import Markup, element
from kerasdr.grades import GRADE_NAMES, GRADES

_CELL, _LEFT, _TOP = 74, 150, 62
_SHAPES: tuple[Shape, ...] = ("circle", "square", "diamond", "triangle")


def confusion_figure(name: str, of: str, counts: NDArray[np.int64]) -> Figure:
    """Draw a confusion matrix: counts, and the share of each true grade.

    Args:
        name: of the file.
        of: what it is of, in words.
        counts: ``(5, 5)``, rows true grades, columns predicted ones.
    """
    totals = counts.sum(axis=1)
    parts: list[Markup] = [_words("predicted grade", _LEFT + 2.5 * _CELL, 18, "middle")]
    for grade, title in zip(GRADES, GRADE_NAMES, strict=True):
        parts.append(_words(str(grade), _LEFT + (grade + 0.5) * _CELL, 38, "middle"))
        parts.append(_words(title, _LEFT + (grade + 0.5) * _CELL, 53, "middle", "faint", 9))
        parts.append(_words(f"{grade} {title}", _LEFT - 8, _TOP + (grade + 0.5) * _CELL - 3, "end"))
        parts.append(_words(f"n = {totals[grade]}", _LEFT - 8, _TOP + (grade + 0.5) * _CELL + 13, "end", "faint"))
        for said in GRADES:
            share = counts[grade, said] / totals[grade] if totals[grade] else 0.0
            parts += _cell(
                _LEFT + said * _CELL, _TOP + grade * _CELL, int(counts[grade, said]), share, totals[grade] > 0
            )
    centre = _TOP + 2.5 * _CELL
    parts.append(
        element("text", "true grade", x=12, y=centre, text_anchor="middle", transform=f"rotate(-90 12 {centre})")
    )
    right = int(np.trace(counts))
    described = f"{right} of {int(counts.sum())} are on the diagonal, where predicted and true grade agree."
    return picture(name, f"Confusion matrix, {of}", described, _LEFT + 5 * _CELL + 8, _TOP + 5 * _CELL + 8, *parts)


def forest_figure(name: str, title: str, rows: Sequence[tuple[str, Interval]], quantity: str) -> Figure:
    """Draw a figure of merit of several runs, one below another, with intervals.

    Args:
        name: of the file.
        title: of the figure.
        rows: what each is of, and the figure; nan is shown as undefined.
        quantity: what the figure is.
    """
    known = [one for _, one in rows if math.isfinite(one.value)]
    ends = [end for one in known for end in (one.value, one.low, one.high) if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([1.0, *ends])
    low = math.floor(low * 5) / 5
    ticks = tuple(round(0.2 * place, 1) for place in range(round(low * 5), round(high * 5) + 1))
    left = 20 + 6.6 * max(len(label) for label, _ in rows)
    width, height = 300.0, 30.0 * len(rows)

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * width

    parts: list[Markup] = []
    for tick in ticks:
        x = across(tick)
        parts.append(element("line", class_="grid", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=8, y2=f"{16 + height:.0f}"))
        parts.append(_words(f"{tick:g}", x, 32 + height, "middle", "faint"))
    parts.append(_words(quantity, left + width / 2, 50 + height, "middle"))
    said = []
    for place, (label, figure) in enumerate(rows):
        y = 26.0 + 30 * place
        parts.append(_words(label, left - 10, y + 4, "end"))
        text = "undefined"
        if math.isfinite(figure.value):
            text = f"{figure.value:.3f}"
            if math.isfinite(figure.low):
                text += f" ({figure.low:.3f} to {figure.high:.3f})"
                points = f"{across(figure.low):.1f},{y} {across(figure.high):.1f},{y}"
                parts.append(element("polyline", class_="line s1", points=points))
            parts.append(mark(across(figure.value), y, Look(1, shape="square"), 4.5))
        parts.append(_words(text, left + width + 12, y + 4))
        said.append(f"{label}: {text}")
    return picture(name, title, "; ".join(said) + ".", left + width + 180, 62 + height, *parts)


def curves_figure(name: str, of: str, histories: Mapping[str, Sequence[pd.DataFrame]]) -> list[Figure]:
    """Draw loss and validation kappa over the epochs, one figure each, of one or more members.

    Args:
        name: of the files, to which ``-loss`` and ``-kappa`` is put.
        of: what they are of, in words.
        histories: by member, of one training or of several (folds), which are drawn alike.
    """
    figures = []
    for what, title, columns in (
        ("loss", "loss", (("loss", "training", "dash"), ("val_loss", "validation", ""))),
        ("kappa", "quadratic weighted kappa on validation", (("val_quadratic_kappa", "", ""),)),
    ):
        values = [
            float(value)
            for several in histories.values()
            for one in several
            for column, _, _ in columns
            for value in one[column]
            if math.isfinite(value)
        ]
        last = max((int(one["epoch"].max()) for several in histories.values() for one in several), default=1)
        if not values:
            continue
        x = Axis("epoch", 1 if last > 1 else 0, max(last, 1), _whole_ticks(last))
        plot = Plot(x, _value_axis(title, values, what == "kappa"), 420, 260)
        for place, (member, several) in enumerate(histories.items()):
            shape = _SHAPES[place % len(_SHAPES)]
            for one in several:
                for column, part, dash in columns:
                    look = Look(1 + place % 4, dash, shape if len(one) <= 40 else None, filled=not dash)  # type: ignore[arg-type]
                    finite = one[np.isfinite(one[column])]
                    plot.series(f"{member}, {part}".removesuffix(", "), finite["epoch"], finite[column], look)
        best = "; ".join(
            f"{member}: {len(several)} training{'s' if len(several) > 1 else ''}, at the end "
            + ", ".join(_at_the_end(one[columns[-1][0]]) for one in several)
            for member, several in histories.items()
        )
        described = f"{title} over {last} epochs. {best}."
        figures.append(plot.figure(f"{name}-{what}", f"Learning curves, {title}, {of}", described))
    return figures


def _at_the_end(column: pd.Series) -> str:
    value = float(column.iloc[-1])
    return f"{value:.3f}" if math.isfinite(value) else "undefined"


def _value_axis(title: str, values: Sequence[float], up_to_one: bool) -> Axis:
    low, high = min(0.0, *values), max(1.0 if up_to_one else 0.0, *values)
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4, 1e6, math.inf) if (high - low) / s <= 7)
    if math.isinf(step):
        step = high - low
    low = math.floor(low / step + 1e-9) * step
    high = math.ceil(high / step - 1e-9) * step
    ticks = tuple(round(low + step * place, 6) for place in range(round((high - low) / step) + 1))
    return Axis(title, low, high if high > low else low + 1.0, ticks)


def _whole_ticks(last: int) -> tuple[float, ...]:
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 10**9) if last / step <= 10)
    return (
        tuple(dict.fromkeys([1.0, *(float(place) for place in range(step, last + 1, step))]))
        if step < 10**9
        else (1.0,)
    )


def _cell(x: float, y: float, count: int, share: float, known: bool) -> list[Markup]:
    # Above this the fill is dark enough (in dark mode: bright enough) for the other ink; text has 4.5 to 1 on either side.
    strong = share >= 0.6
    class_ = "on" if strong else None
    # From pale to full; between 0.5 and 0.8 of the colour neither ink would be legible, so that is leapt over.
    opacity = 0.82 + 0.18 * (share - 0.6) / 0.4 if strong else 0.5 * share
    middle = x + _CELL / 2
    parts = [
        element("rect", class_="cell", x=x, y=y, width=_CELL, height=_CELL, fill_opacity=f"{opacity:.3f}"),
        element("rect", class_="edge", x=x, y=y, width=_CELL, height=_CELL),
        element("text", str(count), x=middle, y=y + _CELL / 2 - 2, text_anchor="middle", class_=class_, font_size="15"),
    ]
    if known:
        parts.append(
            element("text", f"{share:.0%}", x=middle, y=y + _CELL / 2 + 16, text_anchor="middle", class_=class_)
        )
    return parts


def _words(text: str, x: float, y: float, anchor: str = "start", class_: str | None = None, size: float = 0) -> Markup:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=class_, font_size=size or None)
