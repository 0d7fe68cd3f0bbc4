"""A comparison of sets of grades as text and as plain data."""

import math
import textwrap
from string import ascii_uppercase
from typing import Any

from kerasdr.evaluation.compared import Compared
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.judged import describe_interval
from kerasdr.evaluation.judged_text import TITLES
from kerasdr.evaluation.number_text import p_text, signed
from kerasdr.evaluation.paired_figures import PairedFigure

UNITS = {"eye": "by eye (each photograph)", "person": "by person (worse eye)"}
_TITLE_WIDTH = 45
_LINE = 118


def compared_text(compared: Compared) -> str:
    """Return the whole comparison, without a line end at its end."""
    tables = [_table(compared, other) for other in range(1, len(compared.files))]
    return "\n\n".join([_head(compared), *tables, _foot(compared)])


def compared_json(compared: Compared) -> dict[str, Any]:
    """Return the comparison as plain data; what is undefined is null, and ``undefined`` or ``no_interval`` says why."""
    files = [
        {
            "name": letter(place),
            "file": name,
            "column": column,
            **{status.replace(" ", "_"): counts[status] for status in ("graded", "ungradable", "failed", "no grade")},
        }
        for place, (name, column, counts) in enumerate(
            zip(compared.files, compared.columns, compared.counts, strict=True)
        )
    ]
    return {
        "files": files,
        "labels": {"file": compared.labels[0], "column": compared.labels[1]},
        "by": compared.by,
        "people_from": compared.people_from,
        "photographs": compared.n_common,
        "people": compared.n_people_common,
        "photographs_compared": compared.n_compared,
        "people_compared": compared.n_people_compared,
        "comparisons": [
            {"first": letter(0), "second": letter(other), "figures": _figures_json(figures)}
            for other, figures in enumerate(compared.figures, start=1)
        ],
        "methods": methods(compared),
        "notes": compared.notes,
    }


def methods(compared: Compared) -> dict[str, str]:
    """Say how intervals and p values of a comparison are made."""
    tests = {
        (test.n, test.exact)
        for figures in compared.figures
        for figure in figures.values()
        if (test := figure.permutation) is not None
    }
    drawn = next((f"{n} random assignments" for n, exact in sorted(tests) if not exact), "")
    every = any(exact for _, exact in tests)
    counted = f"all assignments where these are fewer, else {drawn}" if drawn and every else drawn or "all assignments"
    delong = "DeLong 1988"
    if compared.clustered:
        delong = "DeLong's in its form for several photographs a person, people being the clusters (Obuchowski 1997)"
    return {
        "difference": f"second less first; paired {describe_interval(compared.kind, compared.n_resamples)}",
        "p": f"permutation test, two-sided: answers of a person swapped as a whole, {counted}; probabilities as ranks",
        "p_holm": f"adjusted for all {compared.n_tests} permutation tests shown (Holm 1979)",
        "p_delong": f"of AUC, {delong}; not adjusted",
    }


def letter(place: int) -> str:
    """Return the name of a file in tables: A, B, ... Z, then A2, B2, ..."""
    row, column = divmod(place, len(ascii_uppercase))
    return ascii_uppercase[column] + (str(row + 1) if row else "")


def _head(compared: Compared) -> str:
    lines = []
    for place, (name, column, counts) in enumerate(zip(compared.files, compared.columns, compared.counts, strict=True)):
        gaps = f"{counts['ungradable']} ungradable, {counts['failed']} failed"
        gaps += f", {counts['no grade']} without a grade" if counts["no grade"] else ""
        lines.append((letter(place), f"{name}, column {column}: {counts['graded']} graded, {gaps}"))
    lines += [
        ("labels", f"{compared.labels[0]}, column {compared.labels[1]}"),
        (
            "photographs",
            f"{compared.n_common} labelled ones are in all files, of {compared.n_people_common} people; "
            f"all grade {compared.n_compared} of them, of {compared.n_people_compared} people",
        ),
        ("people", f"from {compared.people_from}"),
        ("compared", f"{UNITS[compared.by]}; intention to screen: all {compared.n_common}, not graded being referred"),
    ]
    titles = {"difference": "difference", "p": "p", "p_holm": "p Holm", "p_delong": "p DeLong"}
    lines += [(titles[name], text) for name, text in methods(compared).items()]
    return "\n".join(part for name, text in lines for part in _wrapped(f"{name:<13}{text}", " " * 13))


def _table(compared: Compared, other: int) -> str:
    first, second = letter(0), letter(other)
    difference = f"{second} less {first}"
    head = f"{'':<{_TITLE_WIDTH}}{first:>7}{second:>8}  {difference:<26}{'p':>8}{'p Holm':>9}{'p DeLong':>10}"
    figures = compared.figures[other - 1]
    return "\n".join([head, *(_row(title, figures[name]) for name, title in TITLES.items() if name in figures)])


def _row(title: str, figure: PairedFigure) -> str:
    one = figure.difference
    p = "" if figure.permutation is None else p_text(figure.permutation.p)
    delong = "" if figure.delong is None else p_text(figure.delong.p)
    values = "".join(f"{_number(value):>{width}}" for value, width in ((one.first, 7), (one.second, 8)))
    return (
        f"{title:<{_TITLE_WIDTH}}{values}  {_difference_text(one.interval):<26}{p:>8}{p_text(figure.p_holm):>9}{delong:>10}"
    ).rstrip()


def _difference_text(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "undefined"
    if math.isnan(interval.low):
        return f"{signed(interval.value)} (no interval)"
    return f"{signed(interval.value)} ({signed(interval.low)} to {signed(interval.high)})"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _foot(compared: Compared) -> str:
    lines = ["Of the mean absolute error less is better, of all others more."]
    if compared.by == "person":
        lines.append("By person: worst label, worst grade and highest probability of the person's photographs.")
    for other, figures in enumerate(compared.figures, start=1):
        gaps: dict[str, list[str]] = {}
        for name in TITLES:
            if name not in figures:
                continue
            for gap in _gaps(figures[name]):
                gaps.setdefault(gap, []).append(TITLES[name])
        whose = f" of {letter(other)} less {letter(0)}" if len(compared.figures) > 1 else ""
        lines += [f"{gap}{whose}: {'; '.join(titles)}" for gap, titles in gaps.items()]
    return "\n".join(part for line in lines for part in _wrapped(line, "  "))


def _wrapped(line: str, indent: str) -> list[str]:
    # Paths stay whole.
    return textwrap.wrap(line, _LINE, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _gaps(figure: PairedFigure) -> list[str]:
    if figure.undefined:
        return [f"undefined, because {figure.undefined}"]
    gaps = [f"no interval, because {figure.difference.gap}"] if figure.difference.gap else []
    if figure.difference.interval.low == figure.difference.interval.high:
        gaps.append("interval without width, every resample agrees; the truth may still differ")
    if figure.delong is not None and figure.delong.gap:
        gaps.append(f"no DeLong test, because {figure.delong.gap}")
    return gaps


def _figures_json(figures: dict[str, PairedFigure]) -> dict[str, Any]:
    content = {}
    for name, figure in figures.items():
        one, test, delong = figure.difference, figure.permutation, figure.delong
        entry: dict[str, Any] = {
            "first": _plain(one.first),
            "second": _plain(one.second),
            "difference": _plain(one.interval.value),
            "low": _plain(one.interval.low),
            "high": _plain(one.interval.high),
            "n_images": one.interval.n_images,
            "n_people": one.interval.n_people,
            "p": None if test is None else test.p,
            "p_is_exact": None if test is None else test.exact,
            "p_holm": _plain(figure.p_holm),
        }
        if delong is not None:
            entry |= {
                "p_delong": _plain(delong.p),
                "delong_low": _plain(delong.difference.low),
                "delong_high": _plain(delong.difference.high),
            }
            if delong.gap:
                entry["no_delong"] = delong.gap
        if figure.undefined:
            entry["undefined"] = figure.undefined
        elif one.gap:
            entry["no_interval"] = one.gap
        content[name] = entry
    return content


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
