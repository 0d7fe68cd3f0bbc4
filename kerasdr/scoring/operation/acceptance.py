"""A new model is taken for an output by a named person, who has seen its answers beside those of the model in use."""

import contextlib
import csv
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError, LockedError, ModelRefusedError
from kerasdr.files import printable_path, sha256_of, sha256_of_file, write_bytes_atomically
from kerasdr.reporting import plural
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.held_output import held_output
from kerasdr.scoring.inputs import PathKeys
from kerasdr.scoring.ledger.answers import read_name
from kerasdr.scoring.ledger.audit import Output
from kerasdr.scoring.ledger.book import Book, read_book, runs_of
from kerasdr.scoring.ledger.chain import Entry, Head
from kerasdr.scoring.ledger.model_entries import ModelEntry, model_content, read_model_entry
from kerasdr.scoring.ledger.place import ledger_path
from kerasdr.scoring.ledger.store import Ledger, open_ledger, read_ledger
from kerasdr.scoring.missing import FEW, FEW_SHARE
from kerasdr.scoring.operation.model_trial import ENOUGH, InUse, Trial, model_in_use, trial_csv
from kerasdr.scoring.rows import CSV_BEGIN

_LONGEST_NAME = 200
_WAIT_SECONDS, _PAUSE_SECONDS = 60.0, 1.0


def refuse_unaccepted(book: Book, model: tuple[str, str], out: Path, ledger: Path) -> None:
    """Refuse a model that nobody accepted, once any was accepted, and one whose job was told of another ledger than the CSV's.

    Args:
        book: of the job's ledger.
        model: label and digest.
        out: the CSV; it need not be there.
        ledger: of the job.

    Raises:
        ModelRefusedError: that says how it is accepted, or that a ledger is to be named.
    """
    _refuse_by(book, model, out, ledger)
    beside, shown = ledger_path(out), printable_path(out)
    if beside.is_file() and not (ledger.is_file() and beside.samefile(ledger)):
        try:
            known = read_book(read_ledger(beside))
        except KerasdrError:  # whoever is told so names another with --ledger
            known = Book()
        try:
            _refuse_by(known, model, out, beside)
        except ModelRefusedError as error:
            raise ModelRefusedError(f"{error}, and leave --ledger out: {printable_path(beside)} is there") from error
    others = " and ".join(sorted(_labels(out) - {model[0]})) if not _knows(book, out) else ""
    if others:
        raise ModelRefusedError(
            f"{shown} has answers of {others}, and the ledger {printable_path(ledger)} has no job that wrote them: name "
            f"their ledger with --ledger, or another --out for {model[0]}"
        )


def _refuse_by(book: Book, model: tuple[str, str], out: Path, ledger: Path) -> None:
    label, digest = model
    may_grade = book.may_grade
    if not may_grade or digest in may_grade:
        return
    on = _on(out, ledger)
    raise ModelRefusedError(
        f"{label} is not accepted for {printable_path(out)}, which takes {' and '.join(may_grade.values())}: give "
        f"`kerasdr bundle compare MODEL {on} --out trial.csv`, look at the table, then "
        f"`kerasdr bundle accept MODEL {on} --by NAME --table trial.csv`; or go on with an accepted one by --model"
    )


def _knows(book: Book, out: Path) -> bool:
    """Whether a job wrote a CSV by its path, which may have been edited since, or by its bytes, which may have been moved."""
    wrote = [(read_name(run.begun["csv"]), run.ended["csv"]) for run in book.runs if run.ended and run.ended["csv"]]
    path = os.path.abspath(out)
    if any(own == path for own, _ in wrote):
        return True
    return bool(wrote) and out.is_file() and sha256_of_file(out) in {written["sha256"] for _, written in wrote}


def _labels(out: Path) -> set[str]:
    """Return the models that a CSV of grades names."""
    with contextlib.suppress(OSError, csv.Error):
        data = out.read_bytes()
        begin = CSV_BEGIN.match(data)
        text = io.StringIO(data.decode("utf-8-sig", "replace"), newline="")
        rows = csv.DictReader(text, delimiter="," if begin is None else begin[1].decode())
        return {row.get("model") or "" for row in rows} - {""}
    return set()


def refuse_unaccepted_for(out: Path, ledger: Path | None, model: tuple[str, str]) -> None:
    """Refuse a model that an output's ledger does not take, before a job begins that would be refused.

    Args:
        out: the CSV.
        ledger: of it; the one beside it if None. It need not be there.
        model: label and digest.

    Raises:
        KerasdrError: if the ledger cannot be read, and as of :func:`refuse_unaccepted`.
    """
    ledger = ledger_path(out) if ledger is None else ledger
    book = read_book(read_ledger(ledger)) if ledger.is_file() else Book()
    refuse_unaccepted(book, model, out, ledger)


def check_free(output: Output) -> None:
    """Refuse to begin what will be written to a ledger of several CSVs, or that cannot be written to, or while a job writes.

    Raises:
        LockedError: if a job does.
        KerasdrError: if the ledger is of several, or there is no room.
    """
    _refuse_several(output.book, output)
    with held_output(output.csv, output.ledger, pictures=False):
        pass


def keep_trial(output: Output, trial: Trial, table: Path, engine: str, precision: str) -> tuple[str, Head]:
    """Keep in an output's ledger that a trial was made, then write its table.

    A job that has just begun may hold the output: its end is waited for, for a minute.

    Args:
        output: whose ledger.
        trial: the trial.
        table: where to write it.
        engine, precision: with which the new model graded.

    Returns:
        The table's SHA-256, and the end of the ledger.

    Raises:
        LockedError: if it holds it for longer.
        UnfinishedError: if the ledger cannot be written.
        StorageError: if the table cannot.
    """
    data = trial_csv(trial).encode("utf-8")
    content = model_content(
        trial.new_model,
        trial.old_model,
        photographs=len(trial.rows),
        gone=trial.gone,
        table=sha256_of(data),
        engine=engine,
        precision=precision,
        max_megapixels=trial.max_megapixels,
    )
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            with _held(output) as kept:
                kept.append([("compared", content)])
                head = kept.head
            break
        except LockedError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
    write_bytes_atomically(table, data)
    assert head is not None  # there is an entry now
    return str(content["table"]), head


def accept_model(
    output: Output, bundle: Bundle, by: str, table: Path | None, check: Callable[[], object]
) -> tuple[ModelEntry, Head]:
    """Keep in an output's ledger that a person accepted a model; from then on none grades that nobody accepted.

    Args:
        output: whose ledger.
        bundle: the model.
        by: the person's name.
        table: from :func:`keep_trial`; None only for the first model of an output.
        check: raises what stops a model that does not give its golden answers here.

    Returns:
        The entry, and the end of the ledger.

    Raises:
        KerasdrError: if the name is none, nothing was graded yet, the model may grade already, or the table is missing or not
            the one of this model, the model in use and as many photographs as there are, or if other CSVs share the ledger.
        ModelRefusedError: from ``check``.
        LockedError: if a job writes to the output.
        UnfinishedError: if the ledger cannot be written.
    """
    by = by.strip()
    if not by or not by.isprintable() or len(by) > _LONGEST_NAME:
        raise KerasdrError(f"{by!a} is no name: say who accepts the model with --by, in a line")
    _trial_of(output, output.entries, bundle, table)  # before the golden check, which takes a while
    check()
    with _held(output) as kept:
        trial = _trial_of(output, kept.entries, bundle, table)
        model = bundle.label, bundle.digest
        content = model_content(model, by=by)
        if trial is not None:
            content = model_content(
                model,
                (trial.old_model, trial.old_bundle),
                photographs=trial.photographs,
                gone=trial.gone,
                table=trial.table,
                by=by,
                engine=trial.engine,
                precision=trial.precision,
                max_megapixels=trial.max_megapixels,
            )
        (entry,) = kept.append([("accepted", content)])
        head = kept.head
    assert head is not None  # there is an entry now
    return read_model_entry(entry.sequence, entry.kind, entry.content), head


@contextlib.contextmanager
def _held(output: Output) -> Iterator[Ledger]:
    with held_output(output.csv, output.ledger, pictures=False), open_ledger(output.ledger) as kept:
        yield kept


def _refuse_several(book: Book, output: Output) -> None:
    """Refuse a ledger that keeps jobs of other CSVs that are there: whose answers it has last would be a matter of chance."""
    if len(runs_of(book.runs, output.csv)) == len(book.runs):
        return
    keys = PathKeys()
    own = keys(str(output.csv))
    paths = [read_name(run.begun["csv"]) for run in book.runs]
    if other := next((path for path in paths if keys(path) != own and os.path.lexists(path)), ""):
        raise KerasdrError(
            f"{printable_path(output.ledger)} keeps jobs of {printable_path(output.csv)} and of {printable_path(other)}, and "
            "a model is accepted for one CSV: give each a ledger of its own, with `kerasdr predict --ledger`"
        )


def _trial_of(output: Output, entries: Sequence[Entry], bundle: Bundle, table: Path | None) -> ModelEntry | None:
    """Return the trial whose table a person has seen, or None if it is the first model and needs none."""
    book = read_book(entries)
    _refuse_several(book, output)
    shown = printable_path(output.csv)
    if known := next((entry for entry in book.acceptances if bundle.digest in (entry.bundle, entry.old_bundle)), None):
        how = "it" if known.bundle == bundle.digest else f"{known.model}, before which it was in use,"
        raise KerasdrError(
            f"{bundle.label} may grade into {shown} already, since {known.by} accepted {how} at {known.time}: give "
            "`kerasdr predict` its name with --model"
        )
    use = model_in_use(book)
    if use is None:
        raise KerasdrError(
            f"{printable_path(output.ledger)} has no answers yet: grade with `kerasdr predict --model` first, then accept "
            "that model"
        )
    again = f"give `kerasdr bundle compare MODEL {_on(output.csv, output.ledger)} --out trial.csv`, and look at it"
    if table is not None:
        trial = _checked(table, book, bundle, shown, again)
        then: InUse | None = use
        if (
            use.digest == bundle.digest
        ):  # it has graded since, as nobody had accepted any model; counted is what was there
            then = model_in_use(read_book(entries[: trial.sequence - 1]))
            again = f"give {trial.old_model} to `kerasdr predict --model` once more, then {again}"
        elif trial.old_bundle != use.digest:
            raise KerasdrError(
                f"{printable_path(table)} compares with {trial.old_model}, and {shown} has answers of {use.label}: {again}"
            )
        assert then is not None  # a trial is of what was answered
        _check_enough(trial, then, printable_path(table), again)
        return trial
    if book.acceptances or use.digest != bundle.digest:
        raise KerasdrError(f"{shown} has answers of {use.label}: {again}; then name that table with --table")
    return None


def _checked(table: Path, book: Book, bundle: Bundle, shown: str, again: str) -> ModelEntry:
    name = printable_path(table)
    try:
        digest = sha256_of_file(table)
    except OSError as error:
        raise KerasdrError(f"cannot read {name}: {error.strerror}; {again}") from error
    trials = [entry for entry in book.models if entry.kind == "compared" and entry.table == digest]
    if not trials:
        raise KerasdrError(f"{name} is not a table that was made of {shown}, or was changed since: {again}")
    trial = trials[-1]
    if trial.bundle != bundle.digest:
        raise KerasdrError(f"{name} is of {trial.model} and not of {bundle.label}: {again}")
    return trial


def _check_enough(trial: ModelEntry, use: InUse, name: str, again: str) -> None:
    """Refuse a table over fewer photographs than there were, but for a few that could not be had."""
    there = use.there
    over = f"{name} is over {trial.photographs} {plural(trial.photographs, 'photograph')}"
    if trial.gone > max(FEW, FEW_SHARE * there) or trial.gone >= trial.photographs:
        raise KerasdrError(
            f"{over}, and {trial.gone} more could not be had as they were: connect the share or disk, then {again}"
        )
    if trial.photographs < ENOUGH and trial.photographs + trial.gone < there:
        if len(use.answers) < min(there, ENOUGH):
            again = f"have all answered by {use.label} with `kerasdr predict`, then {again}"
        raise KerasdrError(f"{over}, and there are {min(there, ENOUGH)}: {again}, without --last")


def _on(out: Path, ledger: Path) -> str:
    on = f"--on {printable_path(out)}"
    return on if ledger == ledger_path(out) else f"{on} --ledger {printable_path(ledger)}"
