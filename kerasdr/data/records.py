"""The one table that every reader gives and everything after it works on.

A row (a *record*) is a photograph. Columns:

================  =====================================================================
``image_id``      unique name, text
``path``          file, text
``patient_id``    person, text; photographs without a known person are each their own person
``eye``           ``left``, ``right`` or an empty string
``view``          name of the view (DeepDRiD: 1 macula-centred, 2 disc-centred) or an empty string
``grade``         0-4, ``Int64``, ``<NA>`` where unknown
``quality``       ``gradable``, ``ungradable`` or an empty string
``split``         ``train``, ``validation``, ``test`` or an empty string
``person_grade``  0-4, ``Int64``: the person's grade where labels say a worse one than all of the
                  person's photographs in the table have (that eye's are missing), else ``<NA>``
================  =====================================================================
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from kerasdr.errors import KerasdrError
from kerasdr.grades import GRADES

COLUMNS = ("image_id", "path", "patient_id", "eye", "view", "grade", "quality", "split", "person_grade")
EYES = ("left", "right", "")
QUALITIES = ("gradable", "ungradable", "")
SPLITS = ("train", "validation", "test", "")
NUMBERS = ("grade", "person_grade")
TEXTS = tuple(column for column in COLUMNS if column not in NUMBERS)
_ALLOWED = {"eye": EYES, "quality": QUALITIES, "split": SPLITS}


def make_table(records: Iterable[Mapping[str, Any]], absent: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """Build the table from mappings; keys that are left out are unknown.

    A photograph whose person is left out or empty is its own person (APTOS): it is split and judged as one.

    Args:
        records: of the photographs.
        absent: of photographs that are labelled and not there, at least ``patient_id`` and ``grade``: they have no row, and
            count for the grade of their person.

    Raises:
        KerasdrError: as :func:`check_table`.
    """
    rows = []
    for record in records:
        row = {"eye": "", "view": "", "grade": pd.NA, "quality": "", "split": "", "person_grade": pd.NA, **record}
        row["patient_id"] = row.get("patient_id") or row["image_id"]
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for column in COLUMNS:
        table[column] = table[column].astype("Int64" if column in NUMBERS else "str")
    table["person_grade"] = _worse_than_seen(table, absent)
    return check_table(table)


def _worse_than_seen(table: pd.DataFrame, absent: Iterable[Mapping[str, Any]]) -> pd.Series:
    """Return each row's ``person_grade``: the worst that any label gives the person, if no photograph has it."""
    person = table["patient_id"]
    told = pd.DataFrame([(one["patient_id"], one["grade"]) for one in absent], columns=["patient_id", "grade"])
    worst = told["grade"].astype("Int64").groupby(told["patient_id"]).max()
    known = pd.DataFrame({"given": table.groupby(person)["person_grade"].transform("max"), "told": person.map(worst)})
    known = known.astype("Int64").max(axis=1).astype("Int64")
    seen = table.groupby(person)["grade"].transform("max").fillna(-1)
    return known.where((known > seen).fillna(False))


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
    for column in NUMBERS:
        if str(table[column].dtype) != "Int64":
            raise KerasdrError(f"column {column} must be of type Int64, got {table[column].dtype}: use astype('Int64')")
        _refuse(table, table[column].notna() & ~table[column].isin(GRADES), column, "must be 0, 1, 2, 3 or 4")
    return table


def _refuse(table: pd.DataFrame, wrong: pd.Series, column: str, problem: str) -> None:
    if wrong.any():
        row = table.loc[wrong.idxmax()]
        value = repr(row[column]) if isinstance(row[column], str) else row[column]
        raise KerasdrError(f"row {row.name + 1} ({row['image_id']}): {column} {value} {problem}")
