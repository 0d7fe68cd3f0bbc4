"""One CSV of all parts of a listing: the one that a single job would have written."""

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasdr.errors import KerasdrError, StorageError, UnfinishedError
from kerasdr.files import printable_path, sha256_of_file, sync_folder, write_bytes_atomically
from kerasdr.reporting import plural
from kerasdr.scoring.grading import Outcome
from kerasdr.scoring.held_output import held_output
from kerasdr.scoring.inputs import Input, PathKeys
from kerasdr.scoring.ledger.answers import Answer, Picture, Question, Seen, answer_key, read_name
from kerasdr.scoring.ledger.begun import begun_content
from kerasdr.scoring.ledger.book import Book, Run, from_ranges, read_book
from kerasdr.scoring.ledger.place import check_place, ledger_path
from kerasdr.scoring.ledger.record import COMPLETE, Record, is_whole
from kerasdr.scoring.ledger.store import open_ledger, read_ledger
from kerasdr.scoring.names import pictures_folder
from kerasdr.scoring.operation.acceptance import refuse_unaccepted_for
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.results import check_holds_grades, check_ledger, check_output, remove_stale


@dataclass(frozen=True)
class PartResult:
    """What one part's job wrote.

    Attributes:
        csv: its CSV.
        ledger: that tells of it.
        book: content of the ledger.
        run: the job that wrote the CSV, a complete one.
    """

    csv: Path
    ledger: Path
    book: Book
    run: Run

    @property
    def part(self) -> dict[str, Any]:
        """Which part it is, as :meth:`kerasdr.scoring.operation.parts.Part.select` tells."""
        return dict(self.run.begun["part"])

    @property
    def rows(self) -> dict[int, int]:
        """Number of the row's entry by place in the whole listing."""
        assert self.run.ended is not None
        return dict(zip(from_ranges(self.part["places"]), from_ranges(self.run.ended["rows"]), strict=True))


def read_part(csv: Path, ledgers: Sequence[Path] = ()) -> PartResult:
    """Return what a part's job wrote, from its ledger.

    Args:
        csv: its CSV.
        ledgers: where to look beside the ledger that lies at the CSV.

    Raises:
        KerasdrError: if no ledger tells of this CSV, or its job is not a part, or is not complete.
    """
    shown = printable_path(csv)
    try:
        digest = sha256_of_file(csv)
    except OSError as error:
        raise KerasdrError(f"cannot read {shown}: {error.strerror}; name the CSVs of all parts") from error
    own = ledger_path(csv)
    places = [path for path in (own, *ledgers) if path.is_file()]
    if not places:
        raise KerasdrError(f"no ledger {printable_path(own)}: copy it beside the CSV, or name it with --part-ledger")
    for path in places:
        book = read_book(read_ledger(path))
        for run in reversed(book.runs):
            written = (run.ended or {}).get("csv")
            if written and written["sha256"] == digest:
                _check_complete(shown, run)
                return PartResult(csv, path, book, run)
    raise KerasdrError(
        f"{shown} is not what its ledger tells of: run its part again, or name its ledger with --part-ledger"
    )


def _check_complete(shown: str, run: Run) -> None:
    part, ended = run.begun.get("part"), run.ended or {}
    if not part:
        raise KerasdrError(f"{shown} is of a whole listing and not of a part: grade with `kerasdr predict --part`")
    waiting = ended["counts"]["waiting"]
    if ended["how"] != COMPLETE or waiting:
        raise KerasdrError(
            f"part {part['number']} of {part['of']} ({shown}) is not finished, {waiting} "
            f"{plural(waiting, 'photograph waits', 'photographs wait')}: "
            "give its command again"
        )


def check_parts(parts: Sequence[PartResult]) -> None:
    """Refuse parts that do not make a whole.

    Raises:
        KerasdrError: if they are of different listings, models or settings, if one is there twice or missing, or if a
            photograph has no row or two.
    """
    first = parts[0]
    for other in parts[1:]:
        names = f"{printable_path(first.csv)} and {printable_path(other.csv)}"
        if other.part["of"] != first.part["of"]:
            raise KerasdrError(
                f"{names} are of {first.part['of']} and {other.part['of']} parts: run all with the same number of parts"
            )
        if other.part["listing"] != first.part["listing"]:
            counts = f"{first.part['listed']:,} and {other.part['listed']:,} photographs"
            raise KerasdrError(f"{names} are of different listings ({counts}): run all parts again over the same one")
        if _settings(other.run) != _settings(first.run):
            raise KerasdrError(f"{names} differ in {_differing(first.run, other.run)}: run all parts with the same")
    found: dict[int, Path] = {}
    for result in parts:
        number = result.part["number"]
        if number in found:
            names = f"{printable_path(found[number])} and {printable_path(result.csv)}"
            raise KerasdrError(f"{names} are both part {number} of {first.part['of']}: name each part once")
        found[number] = result.csv
    if missing := sorted(set(range(1, first.part["of"] + 1)) - set(found)):
        those = ", ".join(map(str, missing))
        are = "part {} is" if len(missing) == 1 else "parts {} are"
        raise KerasdrError(f"{are.format(those)} missing of {first.part['of']}: run it with --part, and name its CSV")
    places = sorted(place for result in parts for place in result.rows)
    if places != list(range(first.part["listed"])):
        raise KerasdrError(
            f"the parts have {len(places)} rows for the {first.part['listed']} photographs of the listing, or not the same: "
            "run all parts again with one version of kerasdr"
        )


def _differing(one: Run, other: Run) -> str:
    asked, also = _settings(one), _settings(other)
    names = sorted(name for name in asked if asked[name] != also[name])
    if "bundle" in names:
        return f"the model ({one.begun['model']} and {other.begun['model']})"
    if "version" in names:
        return f"the version of kerasdr ({one.begun['kerasdr']} and {other.begun['kerasdr']}, which grade otherwise)"
    return ", ".join(f"{name.replace('_', ' ')} ({asked[name]} and {also[name]})" for name in names)


def _settings(run: Run) -> dict[str, object]:
    """Return what parts of one CSV have in common; earlier versions said less of it."""
    return {**Question(**run.begun["question"]).content(), "orientation": run.orientation}


def merge_parts(csvs: Iterable[Path], out: Path, ledgers: Sequence[Path] = (), ledger: Path | None = None) -> Summary:
    """Write the CSV of a whole listing, its pictures and its ledger from those of its parts.

    The CSV is byte for byte the one that a single job over the listing writes, as far as the parts' machines came to the
    same answers. Of photographs with the same bytes in several parts the first part's answer holds for all, as it would in
    a single job. Pictures are linked, or copied to another disk.

    Args:
        csvs: of all parts, in any order.
        out: the CSV to write.
        ledgers: of the parts, where they do not lie beside the CSVs.
        ledger: to write; ``grades.ledger`` beside ``grades.csv`` if absent.

    Raises:
        KerasdrError: if they do not make a whole, or the output cannot be written.
        LockedError: if a job writes to the same output.
        ModelRefusedError: if models were accepted for this output, and that of the parts is none of them.
        UnfinishedError: if the disk fails in the middle.
    """
    check_output(out)
    ledger = ledger_path(out) if ledger is None else ledger
    check_ledger(ledger, out)
    check_place(ledger)
    parts = [read_part(csv, ledgers) for csv in csvs]
    if not parts:
        raise KerasdrError("no parts: name the CSV of each")
    check_parts(parts)
    keys = PathKeys()
    theirs = {keys(str(path)) for result in parts for path in (result.csv, result.ledger, ledger_path(result.csv))}
    theirs |= {keys(str(path)) for path in ledgers}
    for path in (out, ledger):
        if keys(str(path)) in theirs:
            raise KerasdrError(
                f"{printable_path(path)} belongs to one of the parts: name another CSV, or --ledger, for all of them"
            )
    check_holds_grades(out)
    question = Question(**parts[0].run.begun["question"])
    pictures = pictures_folder(out)
    sources = {place: (result, row) for result in parts for place, row in result.rows.items()}
    ordered = [sources[place] for place in range(len(sources))]
    inputs = [Input(result.book.rows[row].path) for result, row in ordered]

    with contextlib.ExitStack() as stack:
        stack.enter_context(held_output(out, ledger, pictures=bool(question.pictures)))
        refuse_unaccepted_for(out, ledger, (parts[0].run.begun["model"], question.bundle))  # before pictures come
        try:
            outcomes, wanted = _outcomes(ordered, inputs, question.digest)
            _bring(wanted, pictures)
            kept = stack.enter_context(open_ledger(ledger))
            record = Record(kept, question, inputs, pictures)
            key = parts[0].run.begun.get("pseudonyms", "")
            record.check_names(key)
            begun = begun_content(
                parts[0].run.begun["model"], question, len(inputs), out, key, parts[0].run.orientation
            )
            record.begin({**begun, "merged": len(parts)})
            record.keep(outcomes)
            rows, data = record.end(COMPLETE, out)
            write_bytes_atomically(out, data)
        except (StorageError, OSError) as error:
            why = error if isinstance(error, StorageError) else error.strerror or error
            raise UnfinishedError(
                f"cannot merge into {printable_path(out)}: {why}; give the same command again"
            ) from error
        shown = {os.path.basename(row.gradcam) for row in rows if row.gradcam}
        remove_stale(pictures, shown | record.pictures_to_go_back_to())
    return Summary(rows, out, pictures if shown else None, ledger, record.head)


def _outcomes(
    ordered: Sequence[tuple[PartResult, int]], inputs: Sequence[Input], question: str
) -> tuple[list[Outcome], dict[Picture, Path]]:
    """Return what became of each input, and in which folder each picture lies."""
    place_of = {entry.path: place for place, entry in enumerate(inputs)}
    answers: dict[str, Answer] = {}
    outcomes: list[Outcome] = []
    wanted: dict[Picture, Path] = {}
    # One for each key: a part that could not read it says nothing against one that could.
    for result, number in ordered:
        if (sequence := result.book.rows[number].answer) is not None:
            answer = result.book.answers[sequence]
            key = answer_key(question, answer.seen)
            if key not in answers or (answers[key].row.status == "failed" != answer.row.status):
                answers[key] = answer
                if answer.picture is not None:
                    wanted.setdefault(answer.picture, pictures_folder(result.csv))
    for place, (result, number) in enumerate(ordered):
        named = result.book.rows[number]
        if named.answer is None:
            row = result.book.csv_row(number, "")
            outcomes.append(Outcome(place, row, Seen(""), lost=named.content.get("lost", 0)))
            continue
        answer = answers[answer_key(question, result.book.answers[named.answer].seen)]
        partners = tuple(place_of[read_name(name)] for name in named.content["partners"])
        note = named.content.get("note", "")
        outcomes.append(Outcome(place, answer.row, answer.seen, partners, answer.picture, note=note))
    return outcomes, wanted


def _bring(wanted: Mapping[Picture, Path], pictures: Path) -> None:
    """Have pictures in a folder: links to the parts' own, or copies where there can be none; all or, if one is bad, none.

    Args:
        wanted: each with the folder where it lies.
        pictures: the folder.
    """
    missing = {picture: source for picture, source in wanted.items() if not is_whole(pictures, picture)}
    for picture, source in missing.items():
        if not is_whole(source, picture):
            shown = printable_path(source / picture.name)
            raise KerasdrError(f"the picture {shown} is missing or was changed: give its part's command again")
    for picture, source in missing.items():
        own, target = source / picture.name, pictures / picture.name
        target.unlink(missing_ok=True)
        try:
            os.link(own, target)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                raise
            write_bytes_atomically(target, own.read_bytes(), sync_name=False)
    if missing:
        sync_folder(pictures)
