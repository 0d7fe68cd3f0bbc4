"""What a ledger says about a CSV and its pictures, and the trail of every row for whoever inspects it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of
from kerasdr.reporting import plural
from kerasdr.scoring.ledger.answers import read_name, write_name
from kerasdr.scoring.ledger.book import Book, Run, from_ranges, read_book, runs_of
from kerasdr.scoring.ledger.chain import Entry, canonical, find_cut
from kerasdr.scoring.ledger.csv_difference import describe_difference
from kerasdr.scoring.ledger.lock import holder_of, lock_path
from kerasdr.scoring.ledger.model_entries import ModelEntry
from kerasdr.scoring.ledger.place import ledger_path
from kerasdr.scoring.ledger.record import is_whole
from kerasdr.scoring.ledger.review_entries import ReviewEntry
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.names import pictures_folder, shown_path
from kerasdr.scoring.rows import STATUSES, csv_line, to_csv

TRAIL = (
    *("run", "time", "user", "kerasdr", "model", "entry", "image", "sha256", "status", "grade", "grade_name"),
    *("prob_referable", "reason", "partner", "picture", "picture_sha256", "superseded_by"),
)
"""Columns of the trail."""


@dataclass(frozen=True)
class Output:
    """A CSV and its ledger.

    Attributes:
        csv: the CSV, which need not be there.
        ledger: path of the ledger.
        entries: of it.
        book: what they come to.
    """

    csv: Path
    ledger: Path
    entries: Sequence[Entry]
    book: Book

    @property
    def finished(self) -> Run | None:
        """The last job that ended with this CSV, or None."""
        ended = [run for run in runs_of(self.book.runs, self.csv) if run.ended and run.ended["csv"]]
        return ended[-1] if ended else None


def read_output(named: Path, ledger: Path | None = None) -> Output:
    """Return what is known of a CSV.

    Args:
        named: the CSV, or its ledger.
        ledger: of the CSV; the one beside it if None.

    Raises:
        KerasdrError: if there is no ledger, or it is damaged.
    """
    if ledger is None and named.suffix == ".ledger":
        entries = read_ledger(named)
        book = read_book(entries)
        if not book.runs:
            raise KerasdrError(f"no job has begun in {printable_path(named)}: name another ledger")
        last = Path(read_name(book.runs[-1].begun["csv"]))
        beside = named.with_name(last.name)  # both may have been moved
        return Output(beside if beside.exists() or not last.exists() else last, named, entries, book)
    path = ledger_path(named) if ledger is None else ledger
    entries = read_ledger(path)
    return Output(named, path, entries, read_book(entries))


def rebuild(output: Output) -> bytes:
    """Return the CSV of the last job that ended with it, from the ledger alone.

    Raises:
        KerasdrError: if there is no such job, or what comes out is not what was written.
    """
    run = output.finished
    if run is None or run.ended is None:
        raise KerasdrError(
            f"no job in {printable_path(output.ledger)} ended with {printable_path(output.csv)}: "
            "run the same `kerasdr predict` again, or name the CSV that it wrote"
        )
    folder = pictures_folder(output.csv).name
    data = to_csv(output.book.csv_row(number, folder) for number in from_ranges(run.ended["rows"])).encode()
    if sha256_of(data) != run.ended["csv"]["sha256"]:
        raise KerasdrError(
            f"the rows in {printable_path(output.ledger)} make another CSV than job {run.number} wrote: "
            f"use kerasdr {run.begun['kerasdr']}, which wrote it"
        )
    return data


@dataclass(frozen=True)
class Verified:
    """What was compared.

    Attributes:
        data: the CSV, made again from the ledger.
        csv_is: whether the file is the same, byte for byte.
        difference: where it differs, in a few words; empty if it is the same, or cannot be read.
        pictures: how many pictures the CSV names.
        damaged: names of those that are missing or changed.
    """

    data: bytes
    csv_is: bool
    difference: str
    pictures: int
    damaged: Sequence[str]


def verify(output: Output, head: tuple[int, str] | None = None) -> Verified:
    """Compare a CSV and its pictures with a ledger whose chain is whole.

    Args:
        output: from :func:`read_output`.
        head: count and digest that the ledger ended with once, or None.

    Raises:
        KerasdrError: if the ledger was cut, or the CSV cannot be made from it.
    """
    if head is not None and (cut := find_cut(list(output.entries), *head)):
        raise KerasdrError(f"the ledger {printable_path(output.ledger)} is damaged: {cut}; put back a copy of it")
    data = rebuild(output)
    found = None
    with contextlib.suppress(OSError):
        found = output.csv.read_bytes()
    difference = "" if found is None else describe_difference(found, data)
    assert output.finished is not None and output.finished.ended is not None
    rows = [output.book.rows[number] for number in from_ranges(output.finished.ended["rows"])]
    answers = [output.book.answers[row.answer] for row in rows if row.answer is not None]
    pictures = {answer.picture for answer in answers if answer.picture is not None}
    folder = pictures_folder(output.csv)
    damaged = sorted(picture.name for picture in pictures if not is_whole(folder, picture))
    return Verified(data, found == data, difference, len(pictures), damaged)


def trail(book: Book) -> list[dict[str, Any]]:
    """Return every row that any job wrote, with who began the job and what became of the row, and what people did.

    They are in the order of the ledger; that a model was compared or accepted, or decisions were merged (``reviewed``), stands
    in the place of a status.
    """
    others = [
        *(_trail_of(entry, entry.kind, entry.model) for entry in book.models),
        *(_trail_of(entry, "reviewed", "") for entry in book.reviews),
    ]
    return sorted([*_trail_of_rows(book), *others], key=lambda told: int(told["entry"]))


def _trail_of(entry: ModelEntry | ReviewEntry, status: str, model: str) -> dict[str, Any]:
    told: dict[str, Any] = dict.fromkeys(TRAIL)
    told |= {name: getattr(entry, name) for name in ("time", "user", "kerasdr")}
    return told | {
        "entry": entry.sequence,
        "image": "",
        "status": status,
        "model": model,
        "reason": entry.sentence(),
        "partner": [],
    }


def _trail_of_rows(book: Book) -> Iterator[dict[str, Any]]:
    for sequence, row in book.rows.items():
        begun = book.runs[row.run - 1].begun
        told = book.csv_row(sequence, "")
        answer = None if row.answer is None else book.answers[row.answer]
        picture = None if answer is None else answer.picture
        superseded = book.superseded.get(sequence)
        yield {
            "run": row.run,
            "time": begun["time"],
            "user": begun["user"],
            "kerasdr": begun["kerasdr"],
            "model": told.model,
            "entry": sequence,
            "image": row.path,
            "sha256": told.sha256,
            "status": told.status,
            "grade": told.grade,
            "grade_name": told.grade_name,
            "prob_referable": told.prob_referable,
            "reason": told.reason,
            "partner": [read_name(name) for name in row.content.get("partners", [])],
            "picture": None if picture is None else picture.name,
            "picture_sha256": None if picture is None else picture.sha256,
            "superseded_by": superseded,
        }


def trail_csv(book: Book) -> Iterator[str]:
    """Yield the trail as lines of a CSV; names are shown as the CSV of grades shows them."""
    yield csv_line(TRAIL)
    for told in trail(book):
        shown = {**told, "image": shown_path(told["image"]), "partner": "; ".join(map(shown_path, told["partner"]))}
        if shown["prob_referable"] is not None:
            shown["prob_referable"] = f"{shown['prob_referable']:.6f}"
        yield csv_line("" if shown[name] is None else str(shown[name]) for name in TRAIL)


def trail_json(book: Book) -> Iterator[str]:
    """Yield the trail as lines of JSON; names are exact, those that are no text as their bytes in base64."""
    for told in trail(book):
        exact = {**told, "image": write_name(told["image"]), "partner": [write_name(name) for name in told["partner"]]}
        yield canonical(exact) + "\n"


def describe(output: Output, run: Run) -> Iterator[tuple[str, str]]:
    """Yield what is known of a job, as names and values for people."""
    begun, ended = run.begun, run.ended
    yield "began", f"{begun['time']} by {begun['user']} on {begun['host']}, process {begun['process']}"
    yield "ended", how(run, at_work=is_at_work(output, run))
    yield "kerasdr", begun["kerasdr"]
    yield "model", f"{begun['model']} ({run.bundle})"
    for entry in output.book.models:
        if run.bundle in (entry.bundle, entry.old_bundle):
            yield entry.kind, f"{entry.model} {entry.time}, user {entry.user}: {entry.sentence()}"
    for review in output.book.reviews:
        if ended and ended["csv"] and review.csv == ended["csv"]["sha256"]:
            yield "reviewed", f"{review.time}, user {review.user}: {review.sentence()}"
    yield "settings", ", ".join(f"{name} {value}" for name, value in _settings(run).items())
    yield "listed", str(begun["listed"])
    yield "answers", f"{run.answers} new, {run.superseded} older {plural(run.superseded, 'one')} superseded"
    yield (
        "csv",
        f"{shown_path(read_name(begun['csv']))} {ended['csv']['sha256'] if ended and ended['csv'] else '(none)'}",
    )


def is_at_work(output: Output, run: Run) -> bool:
    """Whether a job holds the ledger at this moment."""
    if run.ended is not None:
        return False
    begun = run.begun
    return holder_of(lock_path(output.ledger)).startswith(f"process {begun['process']} on {begun['host']} ")


def how(run: Run, *, at_work: bool) -> str:
    """Return how a job ended, in a few words; ``at_work`` as :func:`is_at_work` says."""
    if run.ended is None:
        return "at work" if at_work else "not ended: killed"
    if run.ended["csv"] is None:
        return f"without a CSV ({run.ended['how']})"
    counts = " + ".join(f"{run.ended['counts'][status]} {status}" for status in STATUSES)
    return f"{run.ended['how']}: {run.ended['listed']} listed = {counts}"


def _settings(run: Run) -> dict[str, Any]:
    question = run.begun["question"]
    shown = {"engine": question["engine"], "precision": question["precision"]}
    shown["pictures"] = question["pictures"] or "none"
    shown["max_megapixels"] = f"{question['max_megapixels']:g}"
    if run.grade_anyway:
        shown["grade_anyway"] = "yes"
    if run.orientation != "unknown":
        shown["orientation"] = run.orientation
    return shown
