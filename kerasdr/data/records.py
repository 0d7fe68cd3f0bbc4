"""The one table that every reader gives and everything after it works on.

A row (a *record*) is a photograph. Columns:

=============  ========================================================================
``image_id``   unique name, text
``path``       file, text
``patient_id`` person, text; photographs without a known person are each their own person
``eye``        ``left``, ``right`` or an empty string
``view``       name of the view (DeepDRiD: 1 macula-centred, 2 disc-centred) or an empty string
``grade``      0-4, ``Int64``, ``<NA>`` where unknown
``quality``    ``gradable``, ``ungradable`` or an empty string
``split``      ``train``, ``validation``, ``test`` or an empty string
=============  ========================================================================
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from kerasdr.errors import KerasdrError
from kerasdr.grades import GRADES

COLUMNS = ("image_id", "path", "patient_id", "eye", "view", "grade", "quality", "split")
EYES = ("left", "right", "")
QUALITIES = ("gradable", "ungradable", "")
SPLITS = ("train", "validation", "test", "")
TEXTS = tuple(column for column in COLUMNS if column != "grade")
_ALLOWED = {"eye": EYES, "quality": QUALITIES, "split": SPLITS}


def make_table(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Build the table from mappings; keys that are left out are unknown.

    A photograph whose person is left out or empty is its own person (APTOS): it is split and judged as one.

    Raises:
        KerasdrError: as :func:`check_table`.
    """
    rows = []
    for record in records:
        row = {"eye": "", "view": "", "grade": pd.NA, "quality": "", "split": "", **record}
        row["patient_id"] = row.get("patient_id") or row["image_id"]
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for column in COLUMNS:
        table[column] = table[column].astype("Int64" if column == "grade" else "str")
    return check_table(table)


def check_table(table: pd.DataFrame) -> pd.DataFrame:
    """Check a table and return it with a fresh index.

    Raises:
        KerasdrError: naming the column, and the row counted from 1, that are wrong.
    """
    if tuple(table.columns) != COLUMNS:
        got = ", ".join(map(str, table.columns))
        raise KerasdrError(f"the table must have the columns {', '.join(COLUMNS)}, in this order; got {got}")
    table = table.reset_index(drop=True)
    for column in TEXTS:
        _refuse(table, table[column].isna(), column, "is no text: write an empty text where it is unknown")
        if not pd.api.types.is_string_dtype(table[column]):
            kind = table[column].dtype
            raise KerasdrError(
                f"column {column} must hold text, got {kind}: numbers lose an identifier's leading zeros"
            )
    for column in ("image_id", "path", "patient_id"):
        _refuse(table, table[column] == "", column, "is empty: each photograph needs one")
    _refuse(table, table["image_id"].duplicated(), "image_id", "occurs twice: each photograph needs a name of its own")
    for column, allowed in _ALLOWED.items():
        words = ", ".join(filter(None, allowed))
        _refuse(table, ~table[column].isin(allowed), column, f"must be one of {words} or empty")
    if str(table["grade"].dtype) != "Int64":
        raise KerasdrError(f"column grade must be of type Int64, got {table['grade'].dtype}: use astype('Int64')")
    _refuse(table, table["grade"].notna() & ~table["grade"].isin(GRADES), "grade", "must be 0, 1, 2, 3 or 4")
    return table


def _refuse(table: pd.DataFrame, wrong: pd.Series, column: str, problem: str) -> None:
    if wrong.any():
        row = table.loc[wrong.idxmax()]
        value = repr(row[column]) if isinstance(row[column], str) else row[column]
        raise KerasdrError(f"row {row.name + 1} ({row['image_id']}): {column} {value} {problem}")
