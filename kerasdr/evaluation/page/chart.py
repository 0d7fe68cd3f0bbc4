"""Charts as SVG: axes, lines, bands and marks, drawn by a page's own colours in light, dark and print."""

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kerasdr.evaluation.page.markup import Markup, css, element, joined

Shape = Literal["circle", "square", "diamond", "triangle", "cross"]
Dash = Literal["", "dash", "dots", "dashdot"]

_LEFT, _TOP, _RIGHT, _BELOW, _LEGEND_LINE = 54, 14, 22, 52, 19


@dataclass(frozen=True)
class Axis:
    """One direction of a chart.

    Attributes:
        title: what it shows, with its unit.
        low, high: values at its ends.
        ticks: where values are written.
        percent: whether they are shares, written as percentages.
    """

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    percent: bool = False

    def label(self, value: float) -> str:
        """Return a tick's text."""
        return f"{100 * value:.0f}%" if self.percent else f"{value:g}"


@dataclass(frozen=True)
class Look:
    """How a series looks; never by its colour alone.

    Attributes:
        colour: 1-4, 0 for a reference.
        dash: of its line.
        shape: of its marks, if it has any.
        line: whether it has a line.
        filled: whether marks are filled.
        size: of marks, in px; those that may fall on one another differ in it.
    """

    colour: int
    dash: Dash = ""
    shape: Shape | None = None
    line: bool = True
    filled: bool = True
    size: float = 5.0


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    Attributes:
        name: of its file.
        title: in a few words.
        description: what is to be seen, in words, for those who do not see it.
        svg: the picture.
    """

    name: str
    title: str
    description: str
    svg: Markup

    def file(self) -> str:
        """Return the picture as a file of its own."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            + self.svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
                "<title>", css(chart_style()) + "<title>", 1
            )
            + "\n"
        )


def chart_style() -> str:
    """Return the style sheet of charts."""
    return (importlib.resources.files("kerasdr.evaluation.page") / "chart.css").read_text(encoding="utf-8")


def picture(name: str, title: str, description: str, width: float, height: float, *parts: Markup) -> Figure:
    """Return a figure made of parts of SVG, with its name and description for all who cannot see it."""
    svg = element(
        "svg",
        element("title", title),
        element("desc", description),
        element("rect", class_="paper", width=_n(width), height=_n(height)),
        *parts,
        class_="chart",
        role="img",
        aria_label=f"{title}. {description}",
        viewBox=f"0 0 {_n(width)} {_n(height)}",
        width=_n(width),
        height=_n(height),
    )
    return Figure(name, title, description, svg)


class Plot:
    """A frame with axes, into which series are drawn.

    Args:
        x, y: the axes.
        width, height: of the frame's inside, in px.
    """

    def __init__(self, x: Axis, y: Axis, width: float = 340, height: float = 320) -> None:
        self.x, self.y, self._width, self._height = x, y, width, height
        self._behind: list[Markup] = []
        self._parts: list[Markup] = []
        self._legend: list[tuple[Look, str]] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point lies, in px."""
        across = (x - self.x.low) / (self.x.high - self.x.low) * self._width
        up = (y - self.y.low) / (self.y.high - self.y.low) * self._height
        return _LEFT + across, _TOP + self._height - up

    def series(self, label: str, xs: ArrayLike, ys: ArrayLike, look: Look) -> None:
        """Draw points ``(n,)`` as a line, marks or both; an empty label is not in the legend."""
        places = zip(np.asarray(xs, float).tolist(), np.asarray(ys, float).tolist(), strict=True)
        points = [self.at(x, y) for x, y in places]
        if look.line and points:
            self._parts.append(_line(points, look))
        if look.shape:
            self._parts += [mark(x, y, look, look.size) for x, y in points]
        self.legend(label, look)

    def legend(self, label: str, look: Look) -> None:
        """Name a look in the legend, once."""
        if label and (look, label) not in self._legend:
            self._legend.append((look, label))

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], look: Look) -> None:
        """Fill what lies between two lines ``(n,)``, cut off where the chart ends."""
        inside = [
            (self.at(x, self._held(low)), self.at(x, self._held(high)))
            for x, low, high in zip(xs, lows, highs, strict=True)
        ]
        ring = [low for low, _ in inside] + [high for _, high in reversed(inside)]
        self._behind.append(element("polygon", class_=f"band s{look.colour}", points=_points(ring)))

    def upright(self, x: float, low: float, high: float, look: Look) -> None:
        """Draw an interval at one place, as a line upward."""
        points = [self.at(x, self._held(low)), self.at(x, self._held(high))]
        self._parts.append(element("polyline", class_=f"line thin s{look.colour}", points=_points(points)))

    def text(self, x: float, y: float, words: str, anchor: str = "start") -> None:
        """Write at a point of the chart."""
        px, py = self.at(x, y)
        self._parts.append(element("text", words, x=_n(px), y=_n(py), text_anchor=anchor, class_="faint"))

    def figure(self, name: str, title: str, description: str) -> Figure:
        """Return the finished figure."""
        frame, below = self._frame(), _TOP + self._height + _BELOW
        legend = [
            joined(
                _sample(look, _LEFT, below + place * _LEGEND_LINE),
                element("text", label, x=_LEFT + 36, y=_n(below + place * _LEGEND_LINE + 4)),
            )
            for place, (look, label) in enumerate(self._legend)
        ]
        height = below + len(legend) * _LEGEND_LINE
        widest = max((36 + 6.6 * len(label) for _, label in self._legend), default=0.0)
        width = _LEFT + max(self._width + _RIGHT, widest)
        return picture(name, title, description, width, height, frame, *self._behind, *self._parts, *legend)

    def _held(self, y: float) -> float:
        return min(max(y, self.y.low), self.y.high)

    def _frame(self) -> Markup:
        parts = []
        left, bottom = self.at(self.x.low, self.y.low)
        right, top = self.at(self.x.high, self.y.high)
        for value in self.y.ticks:
            _, y = self.at(self.x.low, value)
            parts.append(element("line", class_="grid", x1=_n(left), x2=_n(right), y1=_n(y), y2=_n(y)))
            parts.append(
                element("text", self.y.label(value), x=_n(left - 6), y=_n(y + 4), text_anchor="end", class_="faint")
            )
        for value in self.x.ticks:
            x, _ = self.at(value, self.y.low)
            parts.append(element("line", class_="grid", x1=_n(x), x2=_n(x), y1=_n(top), y2=_n(bottom)))
            parts.append(
                element("text", self.x.label(value), x=_n(x), y=_n(bottom + 16), text_anchor="middle", class_="faint")
            )
        parts.append(
            element("rect", class_="axis", x=_n(left), y=_n(top), width=_n(right - left), height=_n(bottom - top))
        )
        middle = (left + right) / 2
        parts.append(element("text", self.x.title, x=_n(middle), y=_n(bottom + 33), text_anchor="middle"))
        centre = (top + bottom) / 2
        parts.append(
            element(
                "text",
                self.y.title,
                x=13,
                y=_n(centre),
                text_anchor="middle",
                transform=f"rotate(-90 13 {_n(centre)})",
            )
        )
        return joined(*parts)


def mark(x: float, y: float, look: Look, size: float = 5.0) -> Markup:
    """Return a mark at a place in px."""
    looks = f"mark s{look.colour}" + ("" if look.filled else " open")
    if look.shape == "circle":
        return element("circle", class_=looks, cx=_n(x), cy=_n(y), r=_n(size * 0.9))
    if look.shape == "square":
        side = size * 1.7
        return element("rect", class_=looks, x=_n(x - side / 2), y=_n(y - side / 2), width=_n(side), height=_n(side))
    if look.shape == "cross":
        arms = [[(x - size, y - size), (x + size, y + size)], [(x - size, y + size), (x + size, y - size)]]
        return joined(*(element("polyline", class_=f"line s{look.colour}", points=_points(arm)) for arm in arms))
    corners = {
        "diamond": [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        "triangle": [(0.0, -1.25), (1.2, 1.0), (-1.2, 1.0)],
    }[str(look.shape)]
    return element("polygon", class_=looks, points=_points([(x + dx * size, y + dy * size) for dx, dy in corners]))


def _line(points: Sequence[tuple[float, float]], look: Look) -> Markup:
    return element("polyline", class_=f"line s{look.colour} {look.dash}".rstrip(), points=_points(points))


def _sample(look: Look, x: float, y: float) -> Markup:
    parts = [_line([(x, y), (x + 28, y)], look)] if look.line else []
    return joined(*parts, mark(x + 14, y, look, look.size) if look.shape else None)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """Return a number of px: tenths, and always the same text for the same number."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
