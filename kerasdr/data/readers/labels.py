"""Label files: CSV whose cells stay text, and the grades in them."""

import csv
from pathlib import Path

import pandas as pd

from kerasdr.errors import KerasdrError


def read_labels(path: Path) -> pd.DataFrame:
    """Read a CSV of labels; every cell stays text, so identifiers keep their leading zeros.

    Returns:
        The table of cells, stripped of spaces; its index is each row's line in the file, for messages.

    Raises:
        KerasdrError: if it cannot be read, has no rows, or a row has not as many cells as the header.
    """
    lines, rows = [], []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            for cells in reader:
                if any("\0" in cell for cell in cells):
                    raise csv.Error("line contains NUL")
                cells = [cell.strip() for cell in cells]
                if not any(cells):
                    continue
                # Spreadsheets leave empty cells at the end of rows; anything else would shift values between columns.
                if len(cells) < len(header) or any(cells[len(header) :]):
                    raise KerasdrError(
                        f"{path} line {reader.line_num} has {len(cells)} cells, but there are {len(header)} columns: "
                        "correct that line"
                    )
                lines.append(reader.line_num)
                rows.append(cells[: len(header)])
    except OSError as error:
        raise KerasdrError(f"cannot read the labels {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise KerasdrError(f"the labels {path} are not UTF-8 text: save them as CSV in UTF-8") from error
    except csv.Error as error:
        raise KerasdrError(f"the labels {path} are no CSV: {error}; save them as CSV with commas") from error
    if not rows:
        raise KerasdrError(f"the labels {path} hold no rows: check that it is the right file")
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise KerasdrError(f"{path} has two columns called {twice[0]}: rename one")
    return pd.DataFrame(rows, columns=header, index=lines, dtype="str")


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
