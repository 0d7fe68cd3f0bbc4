"""What is understood of a data set, before anything is trained on it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kerasdr.data.missing_grades import missing_grade_notes
from kerasdr.data.pairs import partner_index
from kerasdr.data.readers import Dataset
from kerasdr.data.splits import check_no_leak
from kerasdr.errors import KerasdrError
from kerasdr.files import EMPTY_SHA256, sha256_of
from kerasdr.grades import GRADES, grade_name
from kerasdr.imaging.decode import UnreadablePhotograph, decode
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
        lines += _listing("refused", "none by the quality gate", self.refused.items())
        lines += _listing("unreadable", "none", self.unreadable.items())
        lines += _listing("missing", "none", ((name, "") for name in self.missing))
        lines += _listing("duplicates", "none", ((" = ".join(group), "") for group in self.duplicates))
        lines += [f"             differently graded: {' = '.join(group)}" for group in self.contradictions]
        lines += [f"leak         {self.leak}"] if self.leak else []
        lines += [f"note         {note}" for note in self.notes]
        return "\n".join(lines)


def inspect_dataset(dataset: Dataset, progress: Progress | None = None, workers: int = 2) -> DataReport:
    """Read every photograph of a data set once and say what is there.

    Args:
        dataset: from a reader.
        progress: told of each photograph that is done.
        workers: threads.
    """
    table = dataset.table
    names = table["image_id"].tolist()
    unreadable: dict[str, str] = {}
    refused: dict[str, str] = {}
    digests: list[str] = []
    groups: dict[str, list[str]] = {}
    sizes: list[tuple[int, int]] = []
    with ThreadPoolExecutor(workers) as pool:
        for done, (name, found) in enumerate(zip(names, pool.map(_look, table["path"]), strict=True), start=1):
            digest, size, problem, refusal = found
            digests.append(digest)
            if digest and digest != EMPTY_SHA256:
                groups.setdefault(digest, []).append(name)
            if size:
                sizes.append(size)
            if problem:
                unreadable[name] = problem
            if refusal:
                refused[name] = refusal
            if progress:
                progress(done, len(names))
    grades = table.set_index("image_id")["grade"]
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
        refused=refused,
        unreadable=unreadable,
        missing=dataset.missing,
        duplicates=duplicates,
        contradictions=tuple(group for group in duplicates if grades[list(group)].nunique(dropna=False) > 1),
        leak=_leak(table, digests),
        smallest=min(sizes, key=lambda size: size[0] * size[1], default=None),
        largest=max(sizes, key=lambda size: size[0] * size[1], default=None),
        notes=(*dataset.notes, *_missing_grades(table)),
    )


def _missing_grades(table: pd.DataFrame) -> tuple[str, ...]:
    return missing_grade_notes(table["grade"].where(table["quality"] != "ungradable"), table["split"])


def _leak(table: pd.DataFrame, digests: list[str]) -> str:
    try:
        check_no_leak(table, digests)
    except KerasdrError as error:
        return str(error)
    return ""


def _look(path: str) -> tuple[str, tuple[int, int] | None, str, str]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return "", None, f"cannot be read: {error.strerror}", ""
    try:
        picture = decode(data)
    except UnreadablePhotograph as error:
        return sha256_of(data), None, str(error), ""
    return sha256_of(data), (picture.shape[1], picture.shape[0]), "", judge(picture).reason


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
