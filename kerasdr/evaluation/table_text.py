"""A filled table as Markdown, LaTeX and CSV."""

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.row_differences import difference_text
from kerasdr.evaluation.tables import TITLES, Block, FilledTable, Line

NOTHING = "–"
UNDEFINED = "undefined"
_SAME_GRADE = "true and predicted grades of a run are all the same one, so that chance agrees fully"
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "\n": " ",
}


def to_markdown(table: FilledTable, level: int = 3) -> str:
    """Return the table with all its blocks as GitHub's Markdown.

    Args:
        table: the table.
        level: of its headings.
    """
    parts = []
    for block in table.blocks:
        parts.append(f"{'#' * level} {markdown(block_title(table, block))}")
        rows = [[markdown(cell) for cell in row] for row in _rows(table, block)]
        header = _header(table, block)
        if any(not line.seeds for line in block.lines):
            header = [*header, "Command"]
            rows = [
                [*row, "" if line.seeds else code(line.command)] for row, line in zip(rows, block.lines, strict=True)
            ]
        parts.append(markdown_grid(header, rows))
        parts += [markdown(note) for note in _notes(table, block)]
    if table.published_columns and not table.shows_published:
        parts.append(f"**{markdown(published_title(table))}**")
        parts.append(
            markdown_grid(_published_header(table), [[markdown(cell) for cell in row] for row in _published(table)])
        )
    if table.note:
        parts.append(markdown(f"Note: {table.note}"))
    return "\n\n".join(parts) + "\n"


def to_latex(table: FilledTable) -> str:
    """Return the table as LaTeX that needs no package: one ``table`` environment a block."""
    parts = []
    for block in table.blocks:
        below = [latex(note) for note in _notes(table, block)]
        below += [
            f"{latex(line.label)}: make its runs with {latex_code(line.command)}."
            for line in block.lines
            if not line.seeds
        ]
        below += [latex(f"Note: {table.note}")] if table.note else []
        name = f"tab:{file_name(table)}" + (f"-{block.slug}" if block.slug else "")
        parts.append(_environment(block_title(table, block), name, _header(table, block), _rows(table, block), below))
    if table.published_columns and not table.shows_published:
        name = f"tab:{file_name(table)}-published"
        parts.append(_environment(published_title(table), name, _published_header(table), _published(table), []))
    return "\n".join(parts)


def to_csv(table: FilledTable) -> str:
    """Return all blocks as CSV, one line an entry and one value a cell; a published figure only where it may be compared."""
    names = ["table", "label", "task", "row", "method", "photographs_are", "scale", "layout", "settings", "data"]
    for column in table.columns:
        names += [column, f"{column}_low", f"{column}_high", f"{column}_published"]
    names += ["difference", "difference_low", "difference_high", "difference_p", "difference_p_holm"]
    names += ["runs", f"{table.part}_people", f"{table.part}_photographs", "fingerprint", "command"]
    rows = []
    for block in table.blocks:
        for line in block.lines:
            group = block.group
            row: list[object] = [table.number, line.label, table.task, line.row, line.method]
            if group is None:
                row += [None] * 5
            else:
                photographs = "synthetic" if group.phantoms else "real"
                row += [photographs, group.scale, line.layout, "; ".join(group.settings), group.photographs or None]
            for column in table.columns:
                row += figure_cells(line.figures.get(column))
                row.append(line.published.get(column) if block.comparable else None)
            row += _difference_cells(line)
            row += [len(line.seeds), line.people, line.photographs, line.fingerprint, line.command]
            rows.append(row)
    return csv_text(names, rows)


def published_csv(table: FilledTable) -> str:
    """Return the published figures alone as CSV, with the name of the data set that they are of."""
    names = ["table", "label", "data_set", *table.published_columns]
    rows = [
        [table.number, line.label, table.published_on, *(line.published.get(name) for name in table.published_columns)]
        for line in table.blocks[0].lines
    ]
    return csv_text(names, rows)


def csv_text(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a header and rows as CSV; None and nan are empty cells."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in map(_nothing_for_nan, row)])
    return stream.getvalue()


def block_title(table: FilledTable, block: Block) -> str:
    """Return ``Table 2. Title: synthetic photographs (phantoms), mini scale``."""
    return f"Table {table.number}. {table.title}: {block.origin}"


def published_title(table: FilledTable) -> str:
    """Return the heading of the published figures where they stand alone."""
    return (
        f"Table {table.number} as published, of real photographs of {table.published_on}: "
        "not comparable with the figures above"
    )


def file_name(table: FilledTable) -> str:
    """Return the name of the table's files, without their ending."""
    return "table-" + re.sub(r"[^A-Za-z0-9]+", "-", table.number)


def markdown(text: str) -> str:
    """Return text with what Markdown would take for markup escaped, as one line."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))


def markdown_prose(text: str) -> str:
    """Return text escaped as by :func:`markdown`, with what stands between backticks, such as a command, as code."""
    return re.sub(r"\\`(.+?)\\`", lambda found: code(re.sub(r"\\(.)", r"\1", found[1])), markdown(text))


def code(text: str) -> str:
    """Return text as code in Markdown, fit for a cell of a table."""
    line = " ".join(text.split()).replace("|", r"\|")
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def latex(text: str) -> str:
    """Return text with LaTeX's own characters escaped."""
    return "".join(_LATEX.get(char, char) for char in text)


def latex_code(text: str) -> str:
    """Return text in typewriter type, its double hyphens kept apart."""
    return rf"\texttt{{{latex(text).replace('--', '-{}-')}}}"


def figure_text(figure: Interval | None) -> str:
    """Return a kappa as ``0.7793 (0.712 to 0.838)``, or why it is undefined; a dash for None."""
    if figure is None:
        return NOTHING
    if math.isnan(figure.value):
        return f"{UNDEFINED}: {_SAME_GRADE if figure.n_images else 'no photograph was graded'}"
    if math.isnan(figure.low):
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.3f} to {figure.high:.3f})"


def figure_cells(figure: Interval | None) -> list[object]:
    """Return a kappa and the ends of its interval as cells of CSV: empty for None, words where the kappa is undefined."""
    if figure is None:
        return [None] * 3
    if math.isnan(figure.value):
        return [figure_text(figure), UNDEFINED, UNDEFINED]
    return [figure.value, figure.low, figure.high]


def markdown_grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells, each of which is Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _header(table: FilledTable, block: Block) -> list[str]:
    header = ["Experiment"]
    for column in table.columns:
        header.append(TITLES[column])
        if block.comparable and column in table.published_columns:
            header.append(f"{TITLES[column]}, published")
    if _is_compared(block):
        header.append("Test, less the first row (p Holm)")
    part = table.part.capitalize()
    return [*header, "Runs (seeds)", f"{part} people", f"{part} photographs", "Data and split"]


def _rows(table: FilledTable, block: Block) -> list[list[str]]:
    return [_cells(table, block, line) for line in block.lines]


def _cells(table: FilledTable, block: Block, line: Line) -> list[str]:
    cells = [line.label]
    for column in table.columns:
        cells.append(figure_text(line.figures.get(column)))
        if block.comparable and column in table.published_columns:
            cells.append(_number(line.published.get(column)))
    if _is_compared(block):
        cells.append(difference_text(line.difference) or NOTHING)
    seeds = f"{len(line.seeds)} ({', '.join(map(str, line.seeds))})" if line.seeds else NOTHING
    counts = [NOTHING if count is None else str(count) for count in (line.people, line.photographs)]
    return [*cells, seeds, *counts, line.fingerprint or NOTHING]


def _is_compared(block: Block) -> bool:
    return any(line.difference for line in block.lines)


def _difference_cells(line: Line) -> list[object]:
    if line.difference is None:
        return [None] * 5
    one = line.difference.interval
    if math.isnan(one.value):
        return [difference_text(line.difference), *[UNDEFINED] * 4]
    return [one.value, one.low, one.high, line.difference.p, line.difference.p_holm]


def _notes(table: FilledTable, block: Block) -> list[str]:
    notes = []
    if block.comparable and table.published_columns:
        notes.append(f"Published figures are of real photographs of {table.published_on}.")
    if block.group is not None and block.group.photographs:
        notes.append(
            "Runs of one row were made on different photographs or grades. They are not averaged: each data set is a table of "
            "its own, called by the first digits of its SHA-256."
        )
    compared = [line for line in block.lines if line.difference]
    if tested := sum(not math.isnan(line.difference.p) for line in compared if line.difference):
        notes.append(
            "Less the first row: the difference of average test kappa over the seeds that both rows have, on the same "
            f"photographs, with a paired 95% interval over people, and p of a permutation test over people, adjusted for the "
            f"{tested} row{'s' if tested > 1 else ''} compared (Holm)."
        )
    for line in compared:
        if line.difference and set(line.difference.seeds) != set(line.seeds) | set(block.lines[0].seeds):
            seeds = ", ".join(map(str, line.difference.seeds))
            notes.append(
                f"{line.label}: compared with the first row over seed{'s' if ',' in seeds else ''} {seeds} alone."
            )
    return [*notes, *(f"{note}." for line in block.lines for note in line.notes)]


def _published_header(table: FilledTable) -> list[str]:
    return ["Experiment", *(f"{TITLES[name]}, published" for name in table.published_columns)]


def _published(table: FilledTable) -> list[list[str]]:
    return [
        [line.label, *(_number(line.published.get(name)) for name in table.published_columns)]
        for line in table.blocks[0].lines
    ]


def _environment(
    title: str, label: str, header: Sequence[str], rows: Iterable[Sequence[str]], below: Sequence[str]
) -> str:
    lines = [
        r"\begin{table}",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{latex(title)}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{l{'c' * (len(header) - 1)}}}",
        r"\hline",
        " & ".join(map(latex, header)) + r" \\",
        r"\hline",
        *(" & ".join(map(latex, row)) + r" \\" for row in rows),
        r"\hline",
        r"\end{tabular}",
        *(rf"\par {line}" for line in below),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4f}"


def _nothing_for_nan(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value
