"""What the entries of a ledger come to: answers by their keys, the row of each photograph, runs."""

import bisect
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kerasdr.scoring.ledger.answers import Answer, Seen, answer_key, read_answer, read_name
from kerasdr.scoring.ledger.chain import Entry
from kerasdr.scoring.ledger.model_entries import ModelEntry, read_model_entry
from kerasdr.scoring.ledger.review_entries import ReviewEntry, read_review_entry
from kerasdr.scoring.names import is_pseudonym, shown_path
from kerasdr.scoring.rows import Row

Kind = Literal["begun", "answer", "row", "superseded", "ended", "compared", "accepted", "reviewed"]
"""Kinds of entries: a job began; an answer, found by content; the row of a named photograph; its older row no longer stands;
a job ended; a new model was compared with the one in use; a named person accepted a model; readers' decisions were merged."""


ANYWAY = "graded anyway"
"""What is known of a photograph that was graded although ungradable, beside the statuses of rows."""


@dataclass(frozen=True)
class NamedRow:
    """The row of one photograph.

    Attributes:
        sequence: number of its entry.
        run: number of the job that wrote it.
        path: of the photograph, exactly.
        content: what the entry keeps: ``answer`` is the number of the answer's entry, and ``note`` what the row says beside it
            of the photograph's name; or else status, reason, digest and model are told, and whether a person is to look.
    """

    sequence: int
    run: int
    path: str
    content: Mapping[str, Any]

    @property
    def answer(self) -> int | None:
        """Number of the answer's entry; None where there is no answer."""
        return self.content.get("answer")


@dataclass
class Run:
    """One job.

    Attributes:
        number: from 1.
        begun: what its first entry keeps.
        begun_at: number of that entry.
        ended: what its last entry keeps; None if it was killed, or goes on.
        answers: how many it found.
        superseded: how many older rows it replaced.
    """

    number: int
    begun: Mapping[str, Any]
    begun_at: int
    ended: Mapping[str, Any] | None = None
    answers: int = 0
    superseded: int = 0

    @property
    def bundle(self) -> str:
        """Digest of the model that graded."""
        return str(self.begun["question"]["bundle"])

    @property
    def grade_anyway(self) -> bool:
        """Whether it graded what the quality gate refuses; earlier versions kept no word of it."""
        return bool(self.begun["question"].get("grade_anyway"))

    @property
    def orientation(self) -> str:
        """How its camera shows eyes, as far as that was known."""
        return str(self.begun.get("orientation", "unknown"))


@dataclass
class Book:
    """The content of a ledger.

    Attributes:
        keys: number of the last answer's entry by key.
        answers: all answers by the number of their entry.
        found: by digest of the question and SHA-256 of a photograph: ``graded``, ``ungradable``, ``failed`` or, if it was
            graded although ungradable, :data:`ANYWAY`.
        forgotten: as ``keys``, of failures that are to be read again.
        rows: all rows by the number of their entry.
        current: the last row of each path.
        superseded: number of the newer row by that of the older.
        runs: in their order.
        models: comparisons and acceptances of models, in their order.
        reviews: merges of readers' decisions, in their order.
    """

    keys: dict[str, int] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    found: dict[tuple[str, str], str] = field(default_factory=dict)
    forgotten: dict[str, int] = field(default_factory=dict)
    rows: dict[int, NamedRow] = field(default_factory=dict)
    current: dict[str, NamedRow] = field(default_factory=dict)
    superseded: dict[int, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    models: list[ModelEntry] = field(default_factory=list)
    reviews: list[ReviewEntry] = field(default_factory=list)

    @property
    def under_pseudonyms(self) -> bool:
        """Whether photographs are known by pseudonyms; of versions whose jobs did not say so, the rows tell."""
        return bool(self.pseudonym_keys) or (bool(self.current) and all(map(is_pseudonym, self.current)))

    @property
    def pseudonym_keys(self) -> set[str]:
        """Fingerprints of the keys of the pseudonyms, as far as jobs said."""
        return {key for run in self.runs if (key := run.begun.get("pseudonyms"))}

    @property
    def answered(self) -> dict[str, tuple[NamedRow, Answer]]:
        """The last row with an answer, and that, of each path: that it waits since takes nothing away from it."""
        return {row.path: (row, self.answers[row.answer]) for row in self.rows.values() if row.answer is not None}

    @property
    def listed(self) -> list[str]:
        """Paths of the last job that ended with a CSV, in the order of its rows, then those of which later jobs kept a row."""
        ended = [run for run in self.runs if run.ended and run.ended["csv"]]
        last = ended[-1] if ended else None
        rows = [self.rows[number].path for number in from_ranges(last.ended["rows"])] if last and last.ended else []
        since = [row.path for row in self.rows.values() if last is None or row.run > last.number]
        return list(dict.fromkeys([*rows, *since]))

    @property
    def acceptances(self) -> list[ModelEntry]:
        """Acceptances of models, in their order."""
        return [entry for entry in self.models if entry.kind == "accepted"]

    @property
    def may_grade(self) -> dict[str, str]:
        """Labels by digest of the models that were accepted, and of those they replaced; none if all may grade.

        A model that was in use may stay, so that one can always go back to it.
        """
        may: dict[str, str] = {}
        for entry in self.acceptances:
            may |= {entry.old_bundle: entry.old_model, entry.bundle: entry.model}
        may.pop("", None)
        return may

    def run_at(self, sequence: int) -> Run:
        """Return the job that wrote an entry of an answer or a row."""
        return self.runs[bisect.bisect(self.runs, sequence, key=lambda run: run.begun_at) - 1]

    def take(self, entries: Iterable[Entry]) -> None:
        """Add entries, in their order."""
        for entry in entries:
            content = entry.content
            if entry.kind == "begun":
                self.runs.append(Run(len(self.runs) + 1, content, entry.sequence))
            elif entry.kind == "answer":
                answer = read_answer(entry.sequence, content)
                self.keys[content["key"]] = entry.sequence
                self.answers[entry.sequence] = answer
                known = ANYWAY if answer.row.graded_anyway else answer.row.status
                self.found[content["question"], answer.seen.sha256] = known
                self.runs[-1].answers += 1
            elif entry.kind == "row":
                row = NamedRow(entry.sequence, len(self.runs), read_name(content["path"]), content)
                self.rows[entry.sequence] = self.current[row.path] = row
            elif entry.kind == "superseded":
                self.superseded[content["row"]] = content["by"]
                self.runs[-1].superseded += 1
            elif entry.kind == "ended":
                self.runs[-1].ended = content
            elif entry.kind in ("compared", "accepted"):
                self.models.append(read_model_entry(entry.sequence, entry.kind, content))
            elif entry.kind == "reviewed":
                self.reviews.append(read_review_entry(entry.sequence, content))

    def forget_failures(self, version: str, *, all_of_them: bool, that_do_not_refer: bool = False) -> None:
        """Let photographs that failed be read again: those that another version of kerasdr could not read, or all.

        Args:
            version: of kerasdr.
            all_of_them: whether those of this version are read again too.
            that_do_not_refer: whether those are whose rows do not say that a person is to look, as of another version.
        """
        again: set[str] = set()
        for key, sequence in list(self.keys.items()):
            answer = self.answers[sequence]
            if answer.row.status != "failed":
                continue
            of_this_version = self.run_at(sequence).begun["kerasdr"] == version
            of_this_version &= not that_do_not_refer or answer.row.refer_to_reader is True
            if not of_this_version:
                self.forgotten[key] = self.keys.pop(key)
            if not of_this_version or all_of_them:
                again.add(key)
        # Of its own question alone: what another model could not read then says nothing of what this one knows. One that
        # failed has no partners, so bytes and question give its key.
        self.found = {
            (question, sha256): status
            for (question, sha256), status in self.found.items()
            if status != "failed" or answer_key(question, Seen(sha256)) not in again
        }

    def csv_row(self, sequence: int, folder: str) -> Row:
        """Return a row as the CSV has it.

        Args:
            sequence: number of its entry.
            folder: name of the folder of pictures.
        """
        row = self.rows[sequence]
        if row.answer is not None:
            partners = [read_name(name) for name in row.content["partners"]]
            return self.answers[row.answer].named(row.path, partners, folder).with_note(row.content.get("note", ""))
        told = {name: row.content[name] for name in ("status", "reason", "sha256", "model")}
        return Row(image=shown_path(row.path), **told, refer_to_reader=row.content.get("refer_to_reader"))


def read_book(entries: Iterable[Entry]) -> Book:
    """Return what entries come to."""
    book = Book()
    book.take(entries)
    return book


def runs_of(runs: Sequence[Run], out: Path) -> list[Run]:
    """Return the runs that wrote a CSV; where none has just this path, those that wrote one of its name.

    A folder is called otherwise in a container, or once it was moved.
    """
    path = os.path.abspath(out)
    own = [run for run in runs if read_name(run.begun["csv"]) == path]
    return own or [run for run in runs if os.path.basename(read_name(run.begun["csv"])) == out.name]


def to_ranges(numbers: Sequence[int]) -> list[list[int]]:
    """Return numbers as first and last of each stretch that counts up by one, in their order."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def from_ranges(ranges: Iterable[Sequence[int]]) -> list[int]:
    """Return the numbers that :func:`to_ranges` was given."""
    return [number for first, last in ranges for number in range(first, last + 1)]
