"""One job's part of a ledger: what is known already, and what is kept of each batch before anything else tells of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, sha256_of_file
from kerasdr.scoring.eye_sides import EyeCheck
from kerasdr.scoring.grading import Outcome
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.ledger.answers import (
    Answer,
    Picture,
    Question,
    Seen,
    answer_content,
    answer_key,
    read_answer,
    write_name,
)
from kerasdr.scoring.ledger.begun import time_now
from kerasdr.scoring.ledger.book import ANYWAY, Book, from_ranges, read_book, runs_of, to_ranges
from kerasdr.scoring.ledger.chain import Head
from kerasdr.scoring.ledger.store import Ledger
from kerasdr.scoring.names import is_pseudonym
from kerasdr.scoring.photographs import Photograph
from kerasdr.scoring.rows import STATUSES, Row, to_csv

COMPLETE = "complete"


@dataclass(frozen=True)
class Found:
    """An answer that a ledger has for an input.

    Attributes:
        index: place of the input.
        partners: places of its partners.
        answer: the answer.
    """

    index: int
    partners: tuple[int, ...]
    answer: Answer


class Record:
    """What a job adds to a ledger.

    Args:
        ledger: open to be added to.
        question: what decides answers beside the photographs.
        inputs: what the job is about.
        pictures: the folder of its pictures.
        retry_failed: whether photographs that are known to fail are read again.
        eyes: compares photographs with the eyes that their names tell; nothing does if None.
        failed_refer: whether rows of those that fail say that a person is to look; they did not in earlier versions.
    """

    def __init__(
        self,
        ledger: Ledger,
        question: Question,
        inputs: Sequence[Input],
        pictures: Path,
        *,
        retry_failed: bool = False,
        eyes: EyeCheck | None = None,
        failed_refer: bool = False,
    ) -> None:
        self._ledger = ledger
        self._book = read_book(ledger.entries)
        self._book.forget_failures(__version__, all_of_them=retry_failed, that_do_not_refer=failed_refer)
        self._before = len(ledger.entries)
        self._lost = {path: row.content["lost"] for path, row in self._book.current.items() if "lost" in row.content}
        self._question = question.digest
        self._inputs = inputs
        self._pictures = pictures
        self._eyes = eyes
        self._rows: dict[int, int] = {}

    @property
    def places(self) -> frozenset[int]:
        """Places of the inputs that have a row."""
        return frozenset(self._rows)

    @property
    def has_answers(self) -> bool:
        """Whether any answer to this question is known."""
        return any(question == self._question for question, _ in self._book.found)

    @property
    def has_rows(self) -> bool:
        """Whether an earlier job kept the row of any photograph."""
        return bool(self._book.current)

    @property
    def book(self) -> Book:
        """What the entries come to."""
        return self._book

    def before(self, csv: Path) -> dict[str, str]:
        """Return the photographs of the last job that ended with a CSV, in the order of its rows.

        Args:
            csv: the CSV.

        Returns:
            SHA-256 of each by its path; empty where it was never graded or found ungradable, or failed since.
        """
        ended = [run.ended for run in runs_of(self._book.runs, csv) if run.ended and run.ended["csv"]]
        rows = [self._book.rows[row] for row in from_ranges(ended[-1]["rows"])] if ended else []
        answered = {path: answer for path, (_, answer) in self._book.answered.items()}
        return {
            row.path: answered[row.path].seen.sha256
            if row.path in answered and answered[row.path].row.status != "failed"
            else ""
            for row in rows
        }

    @property
    def head(self) -> Head:
        """The end of the ledger; there is one once the job has begun."""
        assert self._ledger.head is not None
        return self._ledger.head

    def lost_before(self, place: int) -> int:
        """Return in how many runs in a row before this one the reading of an input was lost."""
        return int(self._lost.get(self._inputs[place].kept_as, 0))

    def failed_before(self, photograph: Photograph) -> bool:
        """Whether an earlier job tells that a photograph fails: the same bytes or, if they cannot be had, the same name."""
        if photograph.sha256:
            key = answer_key(self._question, Seen(photograph.sha256))
            sequence = self._book.keys.get(key, self._book.forgotten.get(key))
            if sequence is not None and sequence <= self._before:
                return self._book.answers[sequence].row.status == "failed"
            return False
        row = self._book.current.get(self._inputs[photograph.index].kept_as)
        return row is not None and (row.content.get("status"), row.content.get("sha256")) == ("failed", "")

    def check_names(self, key: str) -> None:
        """Refuse names beside pseudonyms, in whichever order they came, and pseudonyms of two keys.

        Args:
            key: fingerprint of the key of this job's pseudonyms; empty if there is none, or it is not known.

        Raises:
            KerasdrError: if the ledger has the one and the inputs have the other.
        """
        if not all(is_pseudonym(entry.kept_as) for entry in self._inputs):
            if self._book.under_pseudonyms:
                raise KerasdrError(
                    "earlier jobs kept pseudonyms in this ledger, and names would come beside them: give --pseudonymise and "
                    "their --key again, or name another --out for a job with names"
                )
        elif key and not all(is_pseudonym(path) for path in self._book.current):
            raise KerasdrError(
                "an earlier job kept names in this ledger, and they would stay there: name another --out for a job with "
                "--pseudonymise"
            )
        if key and self._book.pseudonym_keys - {key}:
            raise KerasdrError(
                "earlier jobs made the pseudonyms in this ledger with another key: name theirs with --key, or another --out"
            )

    def begin(self, content: Mapping[str, Any]) -> None:
        """Note that the job begins."""
        self._append([("begun", content)])

    def find(self, seen: Seen) -> Answer | None:
        """Return the answer to a question about photographs, if it is known and its picture is there as it was written."""
        sequence = self._book.keys.get(answer_key(self._question, seen))
        if sequence is None:
            return None
        answer = self._book.answers[sequence]
        whole = answer.picture is None or is_whole(self._pictures, answer.picture)
        return answer if whole else None

    def answer(self, seen: Seen) -> Answer:
        """Return the answer about photographs that was kept.

        Raises:
            KeyError: if there is none.
        """
        return self._book.answers[self._book.keys[answer_key(self._question, seen)]]

    def find_settled(self, digests: Sequence[str], partners: Mapping[str, NDArray[Any]]) -> list[Found]:
        """Return the answers that are known without reading a photograph's pixels.

        Whether a partner can be graded decides what a dual network sees, so it must be known as well.

        Args:
            digests: SHA-256 of each input; empty where it could not be read.
            partners: places of partners, one array a pairing, -1 where there is none.
        """
        settled = []
        for place, digest in enumerate(digests):
            status = self._book.found.get((self._question, digest))
            others = self._seen_partners(place, digests, partners) if status in ("graded", ANYWAY) else ()
            if status is None or others is None:
                continue
            seen = Seen(digest, tuple((pairing, digests[other]) for pairing, other in others))
            if answer := self.find(seen):
                settled.append(Found(place, tuple(dict.fromkeys(other for _, other in others)), answer))
        return settled

    def _seen_partners(
        self, place: int, digests: Sequence[str], partners: Mapping[str, NDArray[Any]]
    ) -> tuple[tuple[str, int], ...] | None:
        seen = []
        for pairing, places in partners.items():
            other = int(places[place])
            if other < 0:
                continue
            status = self._book.found.get((self._question, digests[other]))
            if status is None:
                return None
            if status == "graded":  # another is masked, be it graded itself
                seen.append((pairing, other))
        return tuple(seen)

    def keep(self, outcomes: Iterable[Outcome] = (), found: Iterable[Found] = ()) -> None:
        """Keep rows, all or none: new answers, and rows that an answer of before is given to.

        The pictures of the outcomes are on the disk by now.

        Raises:
            UnfinishedError: if they cannot be kept.
        """
        items: list[tuple[str, Mapping[str, Any]]] = []
        rows: dict[int, int] = {}
        new: dict[str, tuple[int, Answer]] = {}
        for outcome in outcomes:
            if self._is_answer(outcome):
                sequence = self._answer(outcome, items, new)
                note = outcome.note or self._note(outcome.index, outcome.row)
                content = self._answered(sequence, outcome.partners, note)
            else:
                told = {name: getattr(outcome.row, name) for name in ("status", "reason", "sha256", "model")}
                more = {"refer_to_reader": outcome.row.refer_to_reader, "lost": outcome.lost}
                content = {"answer": None, **told, **{name: value for name, value in more.items() if value}}
            rows[outcome.index] = self._row(outcome.index, content, items)
        for one in found:
            content = self._answered(one.answer.sequence, one.partners, self._note(one.index, one.answer.row))
            rows[one.index] = self._row(one.index, content, items)
        if items:
            self._append(items)
        self._rows |= rows

    def _is_answer(self, outcome: Outcome) -> bool:
        """Whether an outcome is one for good; that the same bytes fail takes no grade of theirs away."""
        if outcome.row.status != "failed":
            return outcome.row.status in ("graded", "ungradable")
        known = self._book.keys.get(answer_key(self._question, outcome.seen))
        return outcome.row.sha256 != "" and (known is None or self._book.answers[known].row.status == "failed")

    def _answer(
        self,
        outcome: Outcome,
        items: list[tuple[str, Mapping[str, Any]]],
        new: dict[str, tuple[int, Answer]],
    ) -> int:
        content = answer_content(self._question, outcome.seen, outcome.row, outcome.picture)
        key = content["key"]
        known = new.get(key)
        if known is None and key in self._book.keys:
            known = self._book.keys[key], self._book.answers[self._book.keys[key]]
        if known is not None and read_answer(known[0], content) == known[1]:
            return known[0]  # found again, such as with a picture that was made again
        sequence = self._next(items)
        items.append(("answer", content))
        new[key] = sequence, read_answer(sequence, content)
        return sequence

    def _note(self, index: int, row: Row) -> str:
        return "" if self._eyes is None else self._eyes.note(self._inputs[index], row)

    def _answered(self, sequence: int, partners: Sequence[int], note: str) -> dict[str, Any]:
        names = [write_name(self._inputs[place].kept_as) for place in partners]
        return {"answer": sequence, "partners": names, **({"note": note} if note else {})}

    def _row(self, index: int, content: Mapping[str, Any], items: list[tuple[str, Mapping[str, Any]]]) -> int:
        """Return the number of an input's row, which is new only if it says something else than the one before."""
        path = self._inputs[index].kept_as
        whole = {"path": write_name(path), **content}
        older = self._book.current.get(path)
        if older is not None and older.content == whole:
            return older.sequence
        sequence = self._next(items)
        items.append(("row", whole))
        if older is not None and None not in (older.answer, content["answer"]) and older.answer != content["answer"]:
            items.append(("superseded", {"row": older.sequence, "by": sequence}))
        return sequence

    def _next(self, items: Sequence[object]) -> int:
        return len(self._ledger.entries) + len(items) + 1

    def _append(self, items: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self._book.take(self._ledger.append(items))

    def rows(self) -> list[Row]:
        """Return the rows of all inputs, in their order."""
        if len(self._rows) != len(self._inputs):
            raise AssertionError(
                f"{len(self._inputs)} inputs gave {len(self._rows)} rows"
            )  # ours to mend, never to pass over
        return [self._book.csv_row(self._rows[place], self._pictures.name) for place in range(len(self._inputs))]

    def answered(self) -> list[int]:
        """Return the number of the entry of each input's answer, in their order; 0 where there is none."""
        return [self._book.rows[self._rows[place]].answer or 0 for place in range(len(self._inputs))]

    def pictures_to_go_back_to(self) -> set[str]:
        """Return names of pictures that other accepted models made of these photographs, so that none is drawn anew."""
        others = self._book.may_grade.keys() - {self._book.runs[-1].bundle}
        here = {self._book.csv_row(row, "").sha256 for row in self._rows.values()} if others else set()
        return {
            answer.picture.name
            for sequence, answer in self._book.answers.items()
            if answer.picture is not None
            and answer.seen.sha256 in here
            and self._book.run_at(sequence).bundle in others
        }

    def end(self, how: str, csv: Path) -> tuple[list[Row], bytes]:
        """Note that the job ends, and return its rows and the CSV.

        Args:
            how: :data:`COMPLETE`, or why not.
            csv: where it will be.
        """
        rows = self.rows()
        data = to_csv(rows).encode("utf-8")
        counted = Counter(row.status for row in rows)
        content = {
            "how": how,
            "listed": len(rows),
            "counts": {status: counted[status] for status in STATUSES},
            "csv": {"name": write_name(csv.name), "sha256": sha256_of(data)},
            "rows": to_ranges([self._rows[place] for place in range(len(rows))]),
            "time": time_now(),
        }
        self._append([("ended", content)])
        return rows, data

    def fail(self, how: str) -> None:
        """Note that the job ends without a CSV."""
        self._append([("ended", {"how": how, "csv": None, "time": time_now()})])


def is_whole(folder: Path, picture: Picture) -> bool:
    """Whether a picture is in a folder, as it was written."""
    try:
        return sha256_of_file(folder / picture.name) == picture.sha256
    except OSError:
        return False
