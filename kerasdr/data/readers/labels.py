"""Label files: CSV or ``.xlsx`` whose cells stay text, and the grades in them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from kerasdr.data.spreadsheet import read_rows
from kerasdr.errors import KerasdrError


def read_labels(path: Path, columns: Sequence[str] = (), what: str = "labels") -> pd.DataFrame:
    """Read a CSV or ``.xlsx`` of labels; every cell stays text, so identifiers keep their leading zeros.

    Args:
        path: the file; one that ends in ``.xlsx`` is read as a workbook, any other as CSV.
        columns: what it must have; more columns do no harm.
        what: the file holds, for messages.

    Returns:
        The table of cells, stripped of spaces; its index is each row's line in the file, for messages.

    Raises:
        KerasdrError: if it cannot be read, has no rows, lacks a column, or a row has not as many cells as the header.
    """
    is_workbook = path.suffix.lower() == ".xlsx"
    try:
        header, lines, rows = _collect(path, read_rows(path) if is_workbook else _csv_rows(path), is_workbook)
    except OSError as error:
        raise KerasdrError(f"cannot read the {what} {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise KerasdrError(f"the {what} {path} are not UTF-8 text: save them as CSV in UTF-8") from error
    except csv.Error as error:
        raise KerasdrError(f"the {what} {path} are no CSV: {error}; save them as CSV with commas") from error
    if not rows:
        raise KerasdrError(f"the {what} {path} hold no rows: check that it is the right file")
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise KerasdrError(f"{path} has two columns called {twice[0]}: rename one")
    if not set(columns) <= set(header):
        needed = ", ".join(columns[:-1]) + f" and {columns[-1]}" if len(columns) > 1 else columns[0]
        raise KerasdrError(f"{path} must have the columns {needed}; it has {', '.join(header)}: rename them")
    return pd.DataFrame(rows, columns=header, index=lines, dtype="str")


def header_of(path: Path) -> tuple[str, ...]:
    """Return the names of a CSV's columns; of a file that cannot be read, none."""
    try:
        return tuple(name.strip() for name in next(iter(_csv_rows(path)), (0, []))[1])
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def refuse_repeated(labels: pd.DataFrame, column: str, source: Path) -> None:
    """Refuse labels that name one photograph in two rows.

    Raises:
        KerasdrError: naming the second row.
    """
    repeated = labels.index[labels[column].duplicated()]
    if len(repeated):
        raise KerasdrError(f"{source} line {repeated[0]} labels {labels[column][repeated[0]]} again: keep one row")


def parse_grade(text: str, where: str) -> int | None:
    """Read a grade 0-4 (``2``, or ``2.0`` as spreadsheets write it); an empty cell is an unknown grade.

    Raises:
        KerasdrError: if it is anything else.
    """
    if text == "":
        return None
    whole = text.removesuffix(".0")
    if whole in {"0", "1", "2", "3", "4"}:
        return int(whole)
    raise KerasdrError(
        f"{where}: grade {text!r} must be 0, 1, 2, 3 or 4, or empty where it is unknown; correct that line"
    )


def parse_level(text: str, where: str) -> tuple[int | None, str]:
    """Read a level of DeepDRiD: a grade 0-4, or 5 for a photograph that cannot be graded.

    Returns:
        The grade, or None; and the quality: ``gradable``, ``ungradable``, or an empty string for an empty cell.

    Raises:
        KerasdrError: if it is anything else.
    """
    if text.removesuffix(".0") == "5":
        return None, "ungradable"
    try:
        grade = parse_grade(text, where)
    except KerasdrError as error:
        raise KerasdrError(
            f"{where}: level {text!r} must be 0, 1, 2, 3 or 4, 5 where it is ungradable, or empty; correct that line"
        ) from error
    return grade, "" if grade is None else "gradable"


def _csv_rows(path: Path) -> Iterable[tuple[int, list[str]]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        for cells in reader:
            if any("\0" in cell for cell in cells):
                raise csv.Error("line contains NUL")
            yield reader.line_num, cells


def _collect(
    path: Path, numbered: Iterable[tuple[int, list[str]]], may_be_short: bool
) -> tuple[list[str], list[int], list[list[str]]]:
    """Return the header, and line and cells of each row that is not empty, as many as the header has."""
    header: list[str] | None = None
    lines, rows = [], []
    for line, cells in numbered:
        cells = [cell.strip() for cell in cells]
        if header is None:
            header = cells
            continue
        if not any(cells):
            continue
        if may_be_short:  # a workbook leaves out the empty cells at the end of a row
            cells += [""] * (len(header) - len(cells))
        # Spreadsheets leave empty cells at the end of rows; anything else would shift values between columns.
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise KerasdrError(
                f"{path} line {line} has {len(cells)} cells, but there are {len(header)} columns: correct that line"
            )
        lines.append(line)
        rows.append(cells[: len(header)])
    return header or [], lines, rows
