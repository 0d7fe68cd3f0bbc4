"""Training, validation and test, split by person."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.data.records import SPLITS
from kerasdr.errors import KerasdrError
from kerasdr.files import write_bytes_atomically


def worst_grades(table: pd.DataFrame) -> pd.Series:
    """Return each person's worst known grade, -1 where none is known; the index is ``patient_id``, sorted."""
    return table.groupby("patient_id", sort=True)["grade"].max().fillna(-1).astype(int)


def split_by_person(table: pd.DataFrame, fractions: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Return the table with every person in one split.

    People are dealt out within each worst grade, so that grades are alike in all parts; all photographs of a person go
    together. Neither the order of rows nor the names' order decides, only ``seed``. If every row has a split already (an
    official one), it is kept.

    Args:
        table: the record table.
        fractions: share of people for ``train``, ``validation`` and ``test``, summing to 1.
        seed: of the deal.

    Raises:
        KerasdrError: if only some rows have a split, or a part that should have people gets none.
    """
    given = table["split"] != ""
    if given.all():
        return table
    if given.any():
        raise KerasdrError(f"{int((~given).sum())} of {len(table)} rows have no split: give all rows one, or none")
    parts = [part for part in SPLITS if fractions.get(part, 0.0) > 0.0]
    shares = np.array([fractions[part] for part in parts])
    random = np.random.default_rng(seed)
    where: dict[str, str] = {}
    counts = np.zeros(len(parts))
    for _, group in worst_grades(table).groupby(worst_grades(table)):
        for person in random.permutation(group.index.to_numpy(dtype=object)):
            # The next person goes to the part that lags furthest behind its share of all dealt so far; strata follow
            # one another in a single deal, so even a stratum of one person keeps the shares right.
            lag = shares * (counts.sum() + 1) - counts
            part = int(np.argmax(lag))
            counts[part] += 1
            where[str(person)] = parts[part]
    if counts.min() == 0:
        empty = parts[int(np.argmin(counts))]
        raise KerasdrError(f"{len(where)} people are too few: the {empty} part would be empty; change data.split")
    return table.assign(split=table["patient_id"].map(where).astype("str"))


def folds_by_person(table: pd.DataFrame, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each photograph, ``(n,)`` in 0 .. ``n_folds - 1``, dealt out like :func:`split_by_person`.

    Raises:
        KerasdrError: if there are fewer people than folds.
    """
    worst = worst_grades(table)
    if n_folds < 2 or len(worst) < n_folds:
        raise KerasdrError(f"{n_folds} folds need at least 2 folds and {n_folds} people, got {len(worst)} people")
    random = np.random.default_rng(seed)
    dealt = [person for _, group in worst.groupby(worst) for person in random.permutation(group.index.to_numpy(object))]
    fold = {person: index % n_folds for index, person in enumerate(dealt)}
    return table["patient_id"].map(fold).to_numpy(dtype=np.int64)


def check_no_leak(table: pd.DataFrame, digests: Sequence[str]) -> None:
    """Refuse a split in which a person, or the same bytes under two names, stands in two parts.

    Args:
        table: the record table with splits.
        digests: SHA-256 of each photograph's bytes, in the table's order.

    Raises:
        KerasdrError: naming two of the photographs.
    """
    for keys, what in ((table["patient_id"].tolist(), "the same person"), (list(digests), "the same photograph")):
        first: dict[str, int] = {}
        splits = table["split"].tolist()
        for row, key in enumerate(keys):
            other = first.setdefault(key, row)
            if key and splits[row] != splits[other]:
                a, b = table.iloc[other], table.iloc[row]
                raise KerasdrError(
                    f"the split leaks: {what} is in {a['split']} as {a['image_id']} and in {b['split']} as {b['image_id']}; "
                    "remove one, or give both the same person"
                )


def write_split(table: pd.DataFrame, path: Path) -> None:
    """Write ``image_id, patient_id, split`` as CSV."""
    part = table[["image_id", "patient_id", "split"]]
    write_bytes_atomically(path, part.to_csv(index=False, lineterminator="\n").encode())


def read_split(path: Path) -> pd.DataFrame:
    """Read what :func:`write_split` wrote; identifiers stay text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)
