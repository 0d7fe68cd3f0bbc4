"""Tables of the page: with a caption and scopes, so that a reader hears what a cell is of."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.page.markup import Child, Markup, element
from kerasdr.evaluation.standard_figures import StandardFigures

_SHORT = 28


def table(caption: Child, header: Sequence[Child], rows: Sequence[Sequence[Child]], *, numbers: bool = False) -> Markup:
    """Return a table whose first column names the rows.

    Args:
        caption: what it shows.
        header: of the columns.
        rows: cells, as many as the header has.
        numbers: whether all but the first column hold numbers, which are set to the right.
    """
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    body = [
        element("tr", element("th", row[0], scope="row"), *(_cell(cell, numbers) for cell in row[1:])) for row in rows
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="numbers" if numbers else None,
    )
    # Wide tables scroll by themselves; those who use the keyboard must be able to do so as well.
    return element("div", whole, class_="scroll", tabindex="0", role="group", aria_label=f"table: {_plain(caption)}")


def facts(rows: Sequence[tuple[str, Child]]) -> Markup:
    """Return names with what they are."""
    return element("dl", *([element("dt", name), element("dd", what)] for name, what in rows))


def figure_cell(figure: Interval, found: StandardFigures | None = None, name: str = "") -> str:
    """Return a figure with its interval, or why it is undefined."""
    if math.isnan(figure.value):
        return f"undefined: {found.undefined.get(name, '')}".removesuffix(": ") if found else "undefined"
    if math.isnan(figure.low):
        why = found.no_interval.get(name, "") if found else ""
        return f"{figure.value:.3f} (no interval{': ' if why else ''}{why})"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def plain_rows(
    content: Any, prefix: str = "", words: Mapping[str, str] = MappingProxyType({})
) -> list[tuple[str, str]]:
    """Return plain data as rows of name and text: what has a value and an interval is one row, lists of numbers too.

    Args:
        content: the data.
        prefix: name of the whole.
        words: what stands in the place of some names.
    """

    def named(name: object) -> str:
        name = words.get(str(name), str(name))
        return f"{prefix}, {name}" if prefix else name

    if isinstance(content, dict) and {"value", "low", "high"} <= set(content):
        ends = [content[key] for key in ("value", "low", "high")]
        value, low, high = (_number(end) for end in ends)
        text = value if ends[1] is None else f"{value} ({low} to {high})"
        people = content.get("n_people")
        return [
            (prefix, text if people is None else f"{text}, {content.get('n_images')} photographs of {people} people")
        ]
    if isinstance(content, dict):
        return [row for key, item in content.items() for row in plain_rows(item, named(key), words)]
    if isinstance(content, list):
        if any(isinstance(item, (dict, list)) for item in content):
            return [row for place, item in enumerate(content, start=1) for row in plain_rows(item, named(place), words)]
        return [(prefix, ", ".join(_number(item) for item in content) or "none")]
    return [(prefix, _number(content))]


def _cell(cell: Child, numbers: bool) -> Markup:
    # A figure and its interval stay on one line; reasons may be long.
    whole = numbers and isinstance(cell, str) and len(cell) <= _SHORT
    return element("td", cell, class_="whole" if whole else None)


def _number(value: Any) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(caption: Child) -> str:
    return str(caption) if not isinstance(caption, Markup) else "figures"
