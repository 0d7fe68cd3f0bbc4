"""Training, validation and test, split by person."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.data.records import SPLITS
from kerasdr.errors import KerasdrError
from kerasdr.files import EMPTY_SHA256, write_bytes_atomically
from kerasdr.imaging.headers import UnreadablePhotograph, read_header

_ONE_PERSON = "remove one, or give both the same person"
_PERSON = ("the same person", "put all photographs of a person in one part")
_SPLIT_COLUMNS = ("image_id", "patient_id", "split", "sha256", "pixels_sha256")
_EARLIER_COLUMNS = (_SPLIT_COLUMNS[:4], _SPLIT_COLUMNS[:3])


def worst_grades(table: pd.DataFrame) -> pd.Series:
    """Return each person's worst known grade, -1 where none is known; the index is ``patient_id``, sorted."""
    return table.groupby("patient_id", sort=True)["grade"].max().fillna(-1).astype(int)


def split_by_person(table: pd.DataFrame, fractions: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Return the table with every person in one split.

    People are dealt out within each worst grade, so that grades are alike in all parts; all photographs of a person go
    together. Each part has its share of the people to within one person, and its share of the people of each worst
    grade to within two. A person without any grade is in no part (an empty split), having nothing to train on or to be
    judged by. The same people and seed give the same split, whatever the order of rows. If every row has a split
    already (an official one), it is kept.

    Args:
        table: the record table.
        fractions: share of people for ``train``, ``validation`` and ``test``, summing to 1.
        seed: of the deal.

    Raises:
        KerasdrError: if only some rows have a split, an official one has a person in two parts or lacks a part, nobody
            has a grade, or a part that should have people gets none.
    """
    given = table["split"] != ""
    if given.all():
        _check_official(table, fractions)
        return table
    if given.any():
        raise KerasdrError(f"{int((~given).sum())} of {len(table)} rows have no split: give all rows one, or none")
    parts = [part for part in SPLITS if fractions.get(part, 0.0) > 0.0]
    shares = np.array([fractions[part] for part in parts])
    random = np.random.default_rng(seed)
    where: dict[str, str] = {}
    counts = np.zeros(len(parts))
    worst = worst_grades(table)
    worst = worst[worst >= 0]
    if worst.empty:
        raise KerasdrError("no photograph has a grade, so none can be trained on: check the labels and data.layout")
    for _, group in worst.groupby(worst):
        for person in random.permutation(group.index.to_numpy(dtype=object)):
            # The next person goes to the part that lags furthest behind its share of all dealt so far; strata follow
            # one another in a single deal, so even a stratum of one person keeps the shares right. Of three parts none
            # is ever more than 5/6 of a person behind or 2/3 ahead, so within a stratum none is off by more than 3/2.
            lag = shares * (counts.sum() + 1) - counts
            part = int(np.argmax(lag))
            counts[part] += 1
            where[str(person)] = parts[part]
    if counts.min() == 0:
        empty = parts[int(np.argmin(counts))]
        raise KerasdrError(f"{len(where)} people are too few: the {empty} part would be empty; change data.split")
    return table.assign(split=table["patient_id"].map(where).fillna("").astype("str"))


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


def split_by_fold(table: pd.DataFrame, number: int, n_folds: int, seed: int) -> pd.DataFrame:
    """Return the table split for one fold of a cross-validation: it is tested, the next one validates, the others train.

    Over all numbers each graded person is tested once. A split that the table brings is laid aside. A person without any
    grade is in no part (an empty split), as in :func:`split_by_person`.

    Args:
        table: the record table.
        number: of the fold, from 1.
        n_folds: how many there are, at least 3.
        seed: of the deal, which is that of :func:`folds_by_person`.

    Raises:
        KerasdrError: if there are fewer people than folds.
    """
    fold = folds_by_person(table, n_folds, seed)
    split = np.where(fold == number - 1, "test", np.where(fold == number % n_folds, "validation", "train"))
    known = table["patient_id"].map(worst_grades(table)).to_numpy() >= 0
    return table.assign(split=np.where(known, split, "")).astype({"split": "str"})


def check_no_leak(table: pd.DataFrame, digests: Sequence[str]) -> None:
    """Refuse a split in which a person, or the same bytes under two names, stands in two parts.

    Photographs in no part (an empty split) are used by nothing and cannot leak; nor can files that hold no photograph
    (empty ones, error pages saved as pictures), however alike they are.

    Args:
        table: the record table with splits.
        digests: SHA-256 of each photograph's bytes, in the table's order.

    Raises:
        KerasdrError: naming two of the photographs.
    """
    _refuse_shared(table, table["patient_id"], *_PERSON)
    first = dict(zip(reversed(digests), reversed(table["path"].tolist()), strict=True))
    nothing = {
        digest for digest in _in_two_parts(table["split"], digests) if _no_photograph(digest, Path(first[digest]))
    }
    digests = ["" if digest in nothing else digest for digest in digests]
    _refuse_shared(table, digests, "the same photograph", _ONE_PERSON)


def check_no_same_pixels(table: pd.DataFrame, pixels: Sequence[str]) -> None:
    """Refuse a split in which the same pixels, in files that differ, stand in two parts.

    Args:
        table: the record table with splits.
        pixels: SHA-256 of each photograph's pixels, in the table's order; an empty string where it is not used.

    Raises:
        KerasdrError: naming two of the photographs.
    """
    _refuse_shared(table, pixels, "the same photograph (another file of the same pixels)", _ONE_PERSON)


def _in_two_parts(splits: Iterable[str], digests: Iterable[str]) -> set[str]:
    parts: dict[str, set[str]] = {}
    for split, digest in zip(splits, digests, strict=True):
        if split:
            parts.setdefault(digest, set()).add(split)
    return {digest for digest, found in parts.items() if len(found) > 1}


def _no_photograph(digest: str, path: Path) -> bool:
    """Whether a file is empty, cut off, or no picture at all; one that is not there cannot be told, and counts."""
    if digest == EMPTY_SHA256:
        return True
    try:
        return not read_header(path.read_bytes()).complete
    except UnreadablePhotograph:
        return True
    except OSError:
        return False


def _check_official(table: pd.DataFrame, fractions: Mapping[str, float]) -> None:
    remedy = "add them, or have people dealt anew (data.options.split=none, where the layout has it)"
    for part in SPLITS:
        rows = table["split"] == part
        if fractions.get(part, 0.0) > 0.0 and not rows.any():
            raise KerasdrError(f"the {part} part of the data set's own split has no photographs: {remedy}")
        if part in ("train", "validation") and rows.any() and table.loc[rows, "grade"].isna().all():
            raise KerasdrError(f"the {part} part of the data set's own split has no grades: {remedy}")
    _refuse_shared(table, table["patient_id"], *_PERSON)


def _refuse_shared(table: pd.DataFrame, keys: Iterable[str], what: str, remedy: str) -> None:
    splits, names = table["split"].tolist(), table["image_id"].tolist()
    first: dict[str, int] = {}
    for row, (key, split) in enumerate(zip(keys, splits, strict=True)):
        if not split or not key:
            continue
        other = first.setdefault(key, row)
        if splits[other] != split:
            raise KerasdrError(
                f"the split leaks: {what} is in {splits[other]} as {names[other]} and in {split} as {names[row]}; "
                f"{remedy}"
            )


def write_split(table: pd.DataFrame, digests: Sequence[str], path: Path, pixels: Sequence[str] | None = None) -> None:
    """Write ``image_id, patient_id, split, sha256, pixels_sha256`` as CSV; the last only if it is given.

    Args:
        table: the record table with splits.
        digests: SHA-256 of each photograph's bytes, in the table's order: names may be others' in another data set.
        path: the CSV.
        pixels: SHA-256 of each photograph's pixels, an empty string where it could not be read.
    """
    part = table.assign(sha256=list(digests), pixels_sha256=list(pixels) if pixels is not None else "")
    part = part[list(_SPLIT_COLUMNS if pixels is not None else _SPLIT_COLUMNS[:4])]
    write_bytes_atomically(path, part.to_csv(index=False, lineterminator="\n").encode())


def read_split(path: Path) -> pd.DataFrame:
    """Read what :func:`write_split` wrote; identifiers stay text.

    Earlier runs kept no ``pixels_sha256``, and the first no ``sha256``: their tables have no such columns.

    Raises:
        KerasdrError: if it is not there, or is something else.
    """
    try:
        split = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise KerasdrError(
            f"cannot read the split {path}: {reason}; the run is not complete, start a new one"
        ) from error
    if tuple(split.columns) not in (_SPLIT_COLUMNS, *_EARLIER_COLUMNS) or not split["split"].isin(SPLITS).all():
        raise KerasdrError(f"{path} is no split with the columns {', '.join(_SPLIT_COLUMNS)}: start a new run")
    return split
