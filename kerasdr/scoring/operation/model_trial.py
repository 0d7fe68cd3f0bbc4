"""A new model tried on photographs that an output has answers of, beside the model in use; nothing of the output is touched."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import KerasdrError, UnfinishedError
from kerasdr.files import printable_path, sha256_of
from kerasdr.machine import available_cores
from kerasdr.reporting import Progress
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.dicom_people import told_by_headers
from kerasdr.scoring.digests import DigestReader
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE
from kerasdr.scoring.grading import bundle_pairings, grade_requests, read_requests
from kerasdr.scoring.inputs import Input, list_inputs, read_bytes
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS, Readers
from kerasdr.scoring.ledger.answers import Answer, read_name
from kerasdr.scoring.ledger.audit import Output
from kerasdr.scoring.ledger.book import Book, NamedRow
from kerasdr.scoring.names import pictures_folder
from kerasdr.scoring.photographs import Photograph, find_partners
from kerasdr.scoring.pseudonyms import WITHOUT_NAMES, open_pseudonyms
from kerasdr.scoring.reading import NOT_FOUND, WaitingPhotograph
from kerasdr.scoring.rows import COLUMNS, Row, csv_line

ENOUGH = 500
"""So many photographs are compared if nobody says otherwise, and a model is accepted on no fewer if there are so many."""

_BESIDE = ("status", "grade", "referable", "prob_referable", "screen_positive", "refer_to_reader", "reason")
_HEAD = ("image", "sha256", "change", "old_model", "new_model")

Answered = tuple[NamedRow, Answer]


@dataclass(frozen=True)
class InUse:
    """The model that an output has answers of, as far as its last row tells.

    Attributes:
        label: of it.
        digest: of it.
        answers: one for each, newest first: the rows that have it, newest first.
        grade_anyway: whether these are of jobs that graded what the quality gate refuses.
        there: how many photographs of the output have an answer, whichever model gave it; those of the same bytes are one.
    """

    label: str
    digest: str
    answers: Sequence[Sequence[Answered]]
    grade_anyway: bool
    there: int


def model_in_use(book: Book) -> InUse | None:
    """Return the model that an output has answers of; None if nothing was graded yet."""
    last = book.answered
    listed = [last[path] for path in book.listed if path in last]
    answered = [one for one in listed if one[1].row.status in ("graded", "ungradable")]
    if not answered:
        return None
    run = book.run_at(max(row.sequence for row, _ in answered))
    of_answer: dict[int, list[Answered]] = {}
    for row, answer in sorted(answered, key=lambda one: (one[1].sequence, one[0].sequence), reverse=True):
        own = book.run_at(row.sequence)
        # Rows of the other way would show a change of the option as one of the model.
        if (own.bundle, own.grade_anyway) == (run.bundle, run.grade_anyway):
            of_answer.setdefault(answer.sequence, []).append((row, answer))
    there = len({answer.seen.sha256 for _, answer in answered})
    return InUse(run.begun["model"], run.bundle, list(of_answer.values()), run.grade_anyway, there)


@dataclass(frozen=True)
class Trial:
    """Two models' answers to the same photographs.

    Attributes:
        old_model: label and digest of the model in use.
        new_model: of the other.
        rows: the old row and the new one of each photograph, newest first.
        gone: newer photographs than the oldest of these, or all others, that could not be had as they were.
        max_megapixels: larger photographs failed.
    """

    old_model: tuple[str, str]
    new_model: tuple[str, str]
    rows: Sequence[tuple[Row, Row]]
    gone: int
    max_megapixels: float


def where_they_lie(output: Output, arguments: Sequence[str], key: Path | None) -> dict[str, Input] | None:
    """Return where photographs lie by their pseudonyms; None for an output that knows them by their names.

    Args:
        output: the output.
        arguments: files, folders or globs that hold its photographs, if they are known by pseudonyms.
        key: of the pseudonyms.

    Raises:
        KerasdrError: if one of the two is missing, needless or another's.
    """
    shown = printable_path(output.csv)
    if not output.book.under_pseudonyms:
        if arguments or key is not None:
            raise KerasdrError(f"{shown} tells where its photographs lie: name none of them, and no --key")
        return None
    if not arguments or key is None:
        raise KerasdrError(
            f"{shown} knows photographs by pseudonyms: name them, or their folder, behind the model, and give their --key"
        )
    pseudonyms = open_pseudonyms(key, output.csv, output.ledger)
    if output.book.pseudonym_keys - {pseudonyms.fingerprint}:
        raise KerasdrError(f"the pseudonyms of {shown} were made with another key: name theirs with --key")
    try:
        inputs = pseudonyms.rename(list_inputs(arguments, skip=[pictures_folder(output.csv)]))
    except KerasdrError as error:
        raise KerasdrError(WITHOUT_NAMES) from error
    return {entry.kept_as: entry for entry in inputs}


def try_model(
    book: Book,
    bundle: Bundle,
    engine: Callable[[], Engine],
    *,
    last: int = ENOUGH,
    where: Mapping[str, Input] | None = None,
    max_megapixels: float | None = None,
    photo_timeout: float = PHOTO_SECONDS,
    progress: Progress | None = None,
) -> Trial:
    """Grade the photographs that an output was given last with a new model, as a job would, but into no file.

    A photograph is taken if it, and its partners that were seen then or are there now, can be read where they lay with the
    very bytes that were graded; a renamed one where it lies now.

    Args:
        book: of the output's ledger.
        bundle: the new model.
        engine: makes its engine; called once it is known that there is something to grade.
        last: how many photographs.
        where: where photographs lie by their pseudonyms; each lies where its name says if None.
        max_megapixels: larger photographs fail; the bundle's own limit if None.
        photo_timeout: seconds that reading one photograph may take.
        progress: told how many are done.

    Raises:
        KerasdrError: if nothing was graded yet, the model is the one in use, or no photograph can be had as it was.
        UnfinishedError: if a photograph may be had later, or could be read once and not a second time.
    """
    use = model_in_use(book)
    if use is None:
        raise KerasdrError("no photograph was graded yet: grade with `kerasdr predict --model` first, then compare")
    if use.digest == bundle.digest:
        raise KerasdrError(f"{bundle.label} is the model whose answers these are: name the new one")
    chosen = _choose(book, bundle, use, last, where, photo_timeout)
    if not chosen.taken:
        found = f"none of the {len(use.answers)} photographs that {use.label} graded can be read as it was"
        remedy = "connect the share or disk, and give the command in the folder where `kerasdr predict` is given"
        if where is not None:
            remedy = "name the photographs, or their folder, behind the model"
        raise KerasdrError(f"{found}: {remedy}")
    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    settings = Settings(tuple(bundle.recipes), limit, None, photo_timeout, use.grade_anyway)
    new = _grade(chosen, bundle, engine(), settings, progress)
    rows = []
    for place, (row, answer) in chosen.taken.items():
        if new[place].status == "waiting" or new[place].sha256 not in ("", answer.seen.sha256):
            said = new[place].reason or "its bytes are others now"
            raise UnfinishedError(f"a photograph that was there is not any more ({said}): give the same command again")
        rows.append((book.csv_row(row.sequence, ""), new[place]))
    return Trial((use.label, use.digest), (bundle.label, bundle.digest), rows, chosen.gone, limit)


@dataclass(frozen=True)
class _Chosen:
    """What is graded: ``inputs`` are all that the output has, ``taken`` the rows to compare by their places."""

    inputs: Sequence[Input]
    taken: Mapping[int, Answered]
    gone: int


class _Waits:
    """Hears of a photograph that may be had later: then it is no use to go on without it."""

    reason = ""

    def is_over(self) -> bool:
        return bool(self.reason)

    def heard(self, sha256: str) -> None:
        pass

    def judged(self, photograph: Photograph) -> None:
        self.reason = photograph.reason

    def digest(self, entry: Input) -> str:
        try:
            return "" if entry.problem else sha256_of(read_bytes(entry.path, listed=entry.listed))
        except WaitingPhotograph as error:
            self.reason = str(error)
            return ""
        except Exception:  # it cannot be had as it was, whatever is wrong
            return ""


def _choose(
    book: Book, bundle: Bundle, use: InUse, last: int, where: Mapping[str, Input] | None, seconds: float
) -> _Chosen:
    answered = book.answered
    places = {path: place for place, path in enumerate(book.listed)}
    inputs = [Input(path) if where is None else where.get(path, Input(path, NOT_FOUND)) for path in places]
    digests = [answered[path][1].seen.sha256 if path in answered else None for path in places]
    paired = bundle_pairings(bundle)
    if paired:
        inputs = told_by_headers(inputs)
    pairings = [find_partners(inputs, pairing) for pairing in paired]
    now: dict[int, str] = {}
    waits = _Waits()
    reader = DigestReader(inputs, seconds, 1, waits, waits.digest)

    def is_as_it_was(place: int) -> bool:
        if place not in now:
            (now[place],) = reader.read([inputs[place]])
        if waits.reason:
            raise UnfinishedError(f"a photograph cannot be had just now ({waits.reason}): give the same command again")
        return now[place] == digests[place]

    def can_be_had(row: NamedRow) -> bool:
        place = places[row.path]
        before = [places.get(read_name(name), -1) for name in row.content["partners"]]
        if not all(other >= 0 and is_as_it_was(other) for other in (place, *before)):
            return False
        others = [other for partners in pairings if (other := int(partners[place])) >= 0]
        return all(is_as_it_was(other) or not now[other] for other in others)  # one that left is nobody's partner now

    taken: dict[int, Answered] = {}
    gone = 0
    for ways in use.answers:
        if len(taken) == last:
            break
        there = next((one for one in ways if can_be_had(one[0])), None)
        if there is None:
            gone += 1
        else:
            taken[places[there[0].path]] = there
    inputs = [
        dataclasses.replace(entry, problem="" if now[place] else NOT_FOUND, listed=True) if place in now else entry
        for place, entry in enumerate(inputs)
    ]
    return _Chosen(inputs, taken, gone)


def _grade(
    chosen: _Chosen,
    bundle: Bundle,
    engine: Engine,
    settings: Settings,
    progress: Progress | None,
) -> dict[int, Row]:
    """Return the row of each photograph that was taken, by its place."""
    workers = min(available_cores(), len(chosen.taken))
    rows: dict[int, Row] = {}
    with Readers(settings, workers) as readers:
        requests = read_requests(
            chosen.inputs,
            bundle,
            ahead=2 * DEFAULT_BATCH_SIZE,
            max_megapixels=settings.max_megapixels,
            display=False,
            workers=workers,
            wanted=chosen.taken.keys(),
            load=readers.load,
        )
        batches = grade_requests(
            requests, chosen.inputs, bundle, lambda: engine, batch_size=DEFAULT_BATCH_SIZE, workers=workers
        )
        for outcomes in batches:
            rows |= {outcome.index: outcome.row for outcome in outcomes}
            if progress:
                progress(len(rows), len(chosen.taken))
    return rows


def trial_csv(trial: Trial) -> str:
    """Return a trial as a CSV, a row a photograph; names are shown as the CSV of grades shows them."""
    columns = [f"{age}_{name}" for name in _BESIDE for age in ("old", "new")]
    lines = [csv_line([*_HEAD, *columns])]
    for old, new in trial.rows:
        cells = [dict(zip(COLUMNS, row.cells(), strict=True)) for row in (old, new)]
        head = (old.image, old.sha256, "; ".join(changes(old, new)), trial.old_model[0], trial.new_model[0])
        lines.append(csv_line([*head, *(row[name] for name in _BESIDE for row in cells)]))
    return "".join(lines)


def changes(old: Row, new: Row) -> list[str]:
    """Return what became of the decisions about a photograph, each that changed; none where all stand."""
    told = []
    if old.referable is True and new.referable is not True:
        told.append("not referable any more" if new.referable is False else f"referable before, now {new.status}")
    elif new.referable is True and old.referable is not True:
        told.append("newly referable")
    if old.screen_positive is True and new.status != "graded":
        told.append(f"screen_positive before, now {new.status}")
    elif None not in (old.screen_positive, new.screen_positive) and old.screen_positive is not new.screen_positive:
        told.append("newly screen_positive" if new.screen_positive else "not screen_positive any more")
    if old.refer_to_reader is True and new.refer_to_reader is not True:
        told.append("no longer to a reader")
    elif old.refer_to_reader is False and new.refer_to_reader is True:
        told.append("newly to a reader")
    return told


def changes_text(trial: Trial) -> str:
    """Return how many photographs have each change, as the table has them, in a line without a line end."""
    counted = Counter(told for old, new in trial.rows for told in changes(old, new))
    return "; ".join(f"{count} {told}" for told, count in sorted(counted.items())) or "none"
