"""What is understood of a data set, before anything is trained on it."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasdr.data.leaks import PhotographSet
from kerasdr.data.missing_grades import missing_grade_notes
from kerasdr.data.pairs import partner_index
from kerasdr.data.readers import Dataset
from kerasdr.data.splits import check_no_leak
from kerasdr.errors import KerasdrError
from kerasdr.files import EMPTY_SHA256, sha256_of
from kerasdr.grades import GRADES, grade_name
from kerasdr.imaging.decode import UnreadablePhotograph, decode
from kerasdr.imaging.look import LOOK_SIDE, Look, see
from kerasdr.imaging.optic_disc import is_upright
from kerasdr.imaging.quality import judge
from kerasdr.reporting import Progress

_NAMED = 10


@dataclass(frozen=True)
class DataReport:
    """Counts of a data set.

    Attributes:
        photographs, people, pairs: how many; a pair is a photograph with the person's other eye.
        grades: name of the grade -> photographs; ``unknown`` for those without.
        eyes: ``left``, ``right``, ``unknown`` -> photographs.
        quality: as labelled: ``gradable``, ``ungradable``, ``unknown`` -> photographs.
        splits: as the data set itself splits them: ``train``, ``validation``, ``test``, ``none`` -> photographs.
        discs: whose optic disc lies where an upright photograph has it (``upright``), on the other side (``inverted``), or
            cannot be relied on, or the eye is not known (``unsure``) -> photographs.
        both_ways: photographs of each person of whom some are upright and some inverted: an eye may be called wrongly.
        refused: photographs that kerasdr's own gate calls ungradable, name -> reason.
        unreadable: name -> reason.
        missing: labelled photographs that are not there.
        duplicates: groups of photographs of the same bytes.
        contradictions: those groups whose grades differ.
        leak: who or what stands in two parts of the data set's own split, or an empty string.
        smallest, largest: width and height by area, of those that can be read.
        notes: the reader's, and grades that no photograph has, or none of the data set's own training part.
    """

    photographs: int
    people: int
    pairs: int
    grades: dict[str, int]
    eyes: dict[str, int]
    quality: dict[str, int]
    splits: dict[str, int]
    discs: dict[str, int]
    both_ways: tuple[tuple[str, ...], ...]
    refused: dict[str, str]
    unreadable: dict[str, str]
    missing: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    contradictions: tuple[tuple[str, ...], ...]
    leak: str
    smallest: tuple[int, int] | None
    largest: tuple[int, int] | None
    notes: tuple[str, ...]

    @property
    def faults(self) -> int:
        """How many photographs are missing or unreadable, groups are duplicates, and whether the split leaks."""
        return len(self.missing) + len(self.unreadable) + len(self.duplicates) + bool(self.leak)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self)

    def render(self) -> str:
        """Return the report as text."""

        def counts(values: dict[str, int]) -> str:
            return ", ".join(
                f"{name} {count} ({count / self.photographs:.1%})" for name, count in values.items() if count
            )

        lines = [
            f"photographs  {self.photographs} of {self.people} people; {self.pairs} have the other eye beside them",
            f"grades       {counts(self.grades)}",
            f"eyes         {counts(self.eyes)}",
            f"quality      {counts(self.quality)} (as labelled)",
        ]
        if self.splits["none"] < self.photographs:
            lines.append(f"split        {counts(self.splits)} (the data set's own)")
        if self.smallest and self.largest:
            lines.append(f"sizes        {'x'.join(map(str, self.smallest))} to {'x'.join(map(str, self.largest))} px")
        lines.append(f"optic disc   {counts(self.discs)}")
        said = "nobody with upright and inverted photographs"
        lines += _listing("both ways", said, ((", ".join(group), "") for group in self.both_ways))
        lines += _listing("refused", "none by the quality gate", self.refused.items())
        lines += _listing("unreadable", "none", self.unreadable.items())
        lines += _listing("missing", "none", ((name, "") for name in self.missing))
        lines += _listing("duplicates", "none", ((" = ".join(group), "") for group in self.duplicates))
        lines += [f"             differently graded: {' = '.join(group)}" for group in self.contradictions]
        lines += [f"leak         {self.leak}"] if self.leak else []
        lines += [f"note         {note}" for note in self.notes]
        return "\n".join(lines)


@dataclass(frozen=True)
class Seen:
    """What one reading of a photograph tells.

    Attributes:
        digest: SHA-256 of its bytes; empty if they cannot be read.
        size: width and height in pixels, upright; None if it cannot be decoded.
        problem: why it cannot be read or decoded, or an empty string.
        refusal: why the quality gate calls it ungradable, or an empty string.
        look: what copies of it have in common; None if it cannot be decoded.
        disc_side: of the optic disc (:func:`kerasdr.imaging.optic_disc.disc_side`); 0 if it is not known.
        suspect: whether a codec complained while it was decoded, of it or of one that was decoded at the same time.
    """

    digest: str
    size: tuple[int, int] | None = None
    problem: str = ""
    refusal: str = ""
    look: Look | None = None
    disc_side: float = 0.0
    suspect: bool = False


def see_photographs(
    table: pd.DataFrame,
    progress: Progress | None = None,
    workers: int = 2,
    complained: Callable[[], bool] = lambda: False,
) -> list[Seen]:
    """Read every photograph of a table once, in its order.

    Args:
        table: the record table.
        progress: told of each photograph that is done.
        workers: threads.
        complained: asked after each photograph whether a codec has complained since, in any thread.
    """
    lock = threading.Lock()
    at_work: set[int] = set()
    suspects: set[int] = set()

    def see_one(place: int, path: str) -> Seen:
        with lock:
            at_work.add(place)
        one = _see(path)
        with lock:
            if complained():
                suspects.update(at_work)
            at_work.remove(place)
        return one

    seen = []
    with ThreadPoolExecutor(workers) as pool:
        for one in pool.map(see_one, range(len(table)), table["path"]):
            seen.append(one)
            if progress:
                progress(len(seen), len(table))
    return [replace(one, suspect=place in suspects) for place, one in enumerate(seen)]


def photograph_set(name: str, layout: str, table: pd.DataFrame, seen: Sequence[Seen]) -> PhotographSet:
    """Return a data set's photographs as they are compared with others.

    Args:
        name: what to call them.
        layout: of the data set.
        table: the record table.
        seen: of its photographs, in its order.
    """
    unseen = np.zeros((LOOK_SIDE, LOOK_SIDE), np.int8)
    return PhotographSet(
        name,
        layout,
        table,
        [one.digest for one in seen],
        [one.look.pixels if one.look else "" for one in seen],
        np.array([one.look.picture if one.look else unseen for one in seen], np.int8),
    )


def inspect_dataset(dataset: Dataset, progress: Progress | None = None, workers: int = 2) -> DataReport:
    """Read every photograph of a data set once and say what is there.

    Args:
        dataset: from a reader.
        progress: told of each photograph that is done.
        workers: threads.
    """
    return report_of(dataset, see_photographs(dataset.table, progress, workers))


def report_of(dataset: Dataset, seen: Sequence[Seen]) -> DataReport:
    """Say what is in a data set.

    Args:
        dataset: from a reader.
        seen: of its photographs, in its table's order.
    """
    table = dataset.table
    names = table["image_id"].tolist()
    groups: dict[str, list[str]] = {}
    for name, one in zip(names, seen, strict=True):
        if one.digest and one.digest != EMPTY_SHA256:
            groups.setdefault(one.digest, []).append(name)
    sizes = [one.size for one in seen if one.size]
    grades = table.set_index("image_id")["grade"]
    upright = [is_upright(eye, one.disc_side) for eye, one in zip(table["eye"], seen, strict=True)]
    duplicates = tuple(tuple(sorted(group)) for group in groups.values() if len(group) > 1)
    counted = Counter(table["grade"].dropna().astype(int))
    return DataReport(
        photographs=len(table),
        people=int(table["patient_id"].nunique()),
        pairs=int((partner_index(table, "both-eyes") >= 0).sum()),
        grades={f"{grade} {grade_name(grade)}": counted[grade] for grade in GRADES}
        | {"unknown": int(table["grade"].isna().sum())},
        eyes=_count(table["eye"], ("left", "right")),
        quality=_count(table["quality"], ("gradable", "ungradable")),
        splits=_count(table["split"], ("train", "validation", "test"), "none"),
        discs={"upright": upright.count(True), "inverted": upright.count(False), "unsure": upright.count(None)},
        both_ways=_on_both_ways(names, table["patient_id"].tolist(), upright),
        refused={name: one.refusal for name, one in zip(names, seen, strict=True) if one.refusal},
        unreadable={name: one.problem for name, one in zip(names, seen, strict=True) if one.problem},
        missing=dataset.missing,
        duplicates=duplicates,
        contradictions=tuple(group for group in duplicates if grades[list(group)].nunique(dropna=False) > 1),
        leak=_leak(table, [one.digest for one in seen]),
        smallest=min(sizes, key=lambda size: size[0] * size[1], default=None),
        largest=max(sizes, key=lambda size: size[0] * size[1], default=None),
        notes=(*dataset.notes, *_missing_grades(table)),
    )


def _on_both_ways(
    names: Sequence[str], people: Sequence[str], upright: Sequence[bool | None]
) -> tuple[tuple[str, ...], ...]:
    """Return photographs of people of whom some are upright and some inverted, as one camera hardly takes them."""
    known: dict[str, list[tuple[str, bool]]] = {}
    for name, person, is_so in zip(names, people, upright, strict=True):
        if is_so is not None:
            known.setdefault(person, []).append((name, is_so))
    mixed = (group for group in known.values() if len({is_so for _, is_so in group}) == 2)
    return tuple(tuple(sorted(name for name, _ in group)) for group in mixed)


def _missing_grades(table: pd.DataFrame) -> tuple[str, ...]:
    return missing_grade_notes(table["grade"].where(table["quality"] != "ungradable"), table["split"])


def _leak(table: pd.DataFrame, digests: list[str]) -> str:
    try:
        check_no_leak(table, digests)
    except KerasdrError as error:
        return str(error)
    return ""


def _see(path: str) -> Seen:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return Seen("", problem=f"cannot be read: {error.strerror}")
    try:
        picture = decode(data)
    except UnreadablePhotograph as error:
        return Seen(sha256_of(data), problem=str(error))
    size = picture.shape[1], picture.shape[0]
    quality = judge(picture)
    side = quality.figures.get("disc_side", 0.0)
    return Seen(sha256_of(data), size, refusal=quality.reason, look=see(picture), disc_side=side)


def _count(column: pd.Series, words: tuple[str, ...], empty: str = "unknown") -> dict[str, int]:
    return {word: int((column == word).sum()) for word in words} | {empty: int((column == "").sum())}


def _listing(title: str, nothing: str, items: Any) -> list[str]:
    entries = [f"{name}: {reason}" if reason else name for name, reason in items]
    if not entries:
        return [f"{title:<12} {nothing}"]
    lines = [f"{title:<12} {len(entries)}"] + [f"             {entry}" for entry in entries[:_NAMED]]
    if len(entries) > _NAMED:
        lines.append(f"             and {len(entries) - _NAMED} more")
    return lines
