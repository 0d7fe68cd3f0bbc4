"""The batch job: inputs in, one row for each out, in their order, with a Grad-CAM picture for every graded one."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2

from kerasdr.errors import KerasdrError, MissingError, StorageError, UnfinishedError
from kerasdr.files import printable_path, sha256_of, sync_folder, write_bytes_atomically
from kerasdr.machine import available_cores
from kerasdr.reporting import Progress
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.dicom_people import told_by_headers, whose_of
from kerasdr.scoring.digests import DigestInputs, DigestReader
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE, EngineName, choose_engine, make_engine
from kerasdr.scoring.eye_sides import EyeCheck, Orientation
from kerasdr.scoring.grading import bundle_pairings, grade_inputs, grade_requests, read_requests, refers
from kerasdr.scoring.held_output import held_output
from kerasdr.scoring.inputs import Input, list_inputs
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS, Readers
from kerasdr.scoring.job_listing import list_for_job, path_names
from kerasdr.scoring.ledger.answers import Picture, Question, Seen, answer_key
from kerasdr.scoring.ledger.begun import begun_content
from kerasdr.scoring.ledger.place import check_place, ledger_path
from kerasdr.scoring.ledger.record import Record
from kerasdr.scoring.ledger.store import open_ledger
from kerasdr.scoring.missing import refuse_missing
from kerasdr.scoring.names import PictureFormat, picture_name, pictures_folder
from kerasdr.scoring.operation.acceptance import refuse_unaccepted, refuse_unaccepted_for
from kerasdr.scoring.operation.listening import JobListener
from kerasdr.scoring.operation.parts import Select, Selection
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.photographs import ChangePhotograph, Photograph, find_partners
from kerasdr.scoring.pseudonyms import Pseudonyms
from kerasdr.scoring.reading import NOT_FOUND
from kerasdr.scoring.results import (
    check_holds_grades,
    check_ledger,
    check_not_listed,
    check_output,
    remove_rests,
    remove_stale,
)
from kerasdr.scoring.rows import Row
from kerasdr.scoring.unanswered import Limits, Work

NOT_THERE = "nothing named was there"
MISSING = "photographs are missing"

EngineFactory = Callable[[Bundle, int, bool], Engine]
"""Takes a bundle, the batch size and whether heat maps are wanted."""


def score_photographs(
    paths: Iterable[str | Path] | str | Path,
    bundle: Bundle,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    max_megapixels: float | None = None,
    engine: Engine | None = None,
    change: ChangePhotograph | None = None,
    orientation: Orientation | None = None,
    grade_anyway: bool = False,
) -> list[Row]:
    """Grade photographs from a program: no files are written.

    Args:
        paths: files, folders or globs.
        bundle: from :func:`kerasdr.load_bundle`.
        batch_size: photographs at a time.
        max_megapixels: larger photographs fail; the bundle's own limit if absent.
        engine: an engine of this bundle and batch size, to be used again over several calls; made if absent.
        change: done to every decoded photograph before it is judged and graded, such as
            :func:`kerasdr.imaging.degrade.degrade`; takes the pixels and the SHA-256 of the file.
        orientation: how the camera shows eyes; as the bundle's own photographs did if absent.
        grade_anyway: grade what the quality gate refuses nevertheless; its row says so and goes to a reader.

    Returns:
        One row for each photograph, in a stable order; see :class:`kerasdr.scoring.rows.Row`.

    Raises:
        KerasdrError: if there is nothing to score.
    """
    inputs = list_inputs(path_names(paths))
    engine = engine or make_engine(bundle, batch_size, gradcam=False)
    outcomes = grade_inputs(
        *(inputs, bundle, engine),
        batch_size=batch_size,
        max_megapixels=max_megapixels,
        change=change,
        grade_anyway=grade_anyway,
    )
    eyes = EyeCheck.of(bundle.eye_sides, orientation)
    by_place = {one.index: one.row.with_note(eyes.note(inputs[one.index], one.row)) for one in outcomes}
    return [by_place[place] for place in range(len(inputs))]


def run_job(
    arguments: Iterable[str | Path] | str | Path,
    bundle: Bundle,
    out: Path,
    *,
    gradcam: bool = True,
    batch_size: int = DEFAULT_BATCH_SIZE,
    max_megapixels: float | None = None,
    factory: EngineFactory | None = None,
    engine: str | None = None,
    pictures_as: PictureFormat = "png",
    jobs: int | None = None,
    progress: Progress | None = None,
    ledger: Path | None = None,
    limits: Limits | None = None,
    select: Select | None = None,
    digest: DigestInputs | None = None,
    listener: JobListener | None = None,
    check: Callable[[], None] | None = None,
    photo_timeout: float = PHOTO_SECONDS,
    isolate: bool = True,
    pseudonyms: Pseudonyms | None = None,
    accept_missing: bool = False,
    finish: Callable[[Summary], None] | None = None,
    retry_failed: bool = False,
    orientation: Orientation | None = None,
    grade_anyway: bool = False,
) -> Summary:
    """Grade photographs into a CSV and a folder of Grad-CAM pictures beside it, or go on with what was begun.

    Answers are kept in a ledger, a batch at a time, once their pictures are on the disk. What it has for the same bytes,
    bundle and settings is not graded again, so the same call after a kill goes on where the job stopped, and a second one
    runs no network. The CSV is written last and in one step, so a CSV that is there is complete; pictures that belong to no
    row of it are removed then.

    Photographs are read and decoded by processes of their own, one a core: a file that crashes its decoder, takes too long or
    too much memory is a row with the reason.

    Args:
        arguments: files, folders or globs.
        bundle: what grades them.
        out: the CSV; for ``grades.csv`` the pictures go to ``grades_gradcam/``.
        gradcam: whether to make pictures.
        batch_size: photographs at a time.
        max_megapixels: larger photographs fail; the bundle's own limit if absent.
        factory: makes the engine, once it is known that there is work and a place for its results;
            :func:`make_engine` if absent.
        engine: name of what the factory makes, as other engines' answers are others; that of this machine if absent.
        pictures_as: ``png``, or ``webp`` for a tenth of the bytes.
        jobs: cores to keep busy; all that this process may use if absent.
        progress: told of each batch that is done.
        ledger: ``grades.ledger`` beside ``grades.csv`` if absent.
        limits: when to stop before the end.
        select: says what of the listing this job is about, such as by
            :meth:`kerasdr.scoring.operation.parts.Part.select`; all if absent.
        digest: gives the SHA-256 of each input from what it knows and what reads the others; reads them all if absent.
        listener: told how the job goes on.
        check: called once there is something to read and before it is read; raises what stops the job.
        photo_timeout: seconds that reading one photograph may take.
        isolate: False reads photographs in this process, where a decoder that crashes ends the job.
        pseudonyms: show and keep these in the place of names, and keep a list of the names beside their key.
        accept_missing: let the rows go of however many photographs of the CSV that are not there any more.
        finish: told what the job did while it still holds its output, to write what belongs beside it.
        retry_failed: read again what failed before, though its bytes, the bundle, the settings and kerasdr are the same.
        orientation: how the camera shows eyes, so that names are compared with the optic disc's side; as the bundle's own
            photographs did if absent.
        grade_anyway: grade what the quality gate refuses nevertheless; its row says so and goes to a reader.

    Raises:
        KerasdrError: if there is nothing to score, or the output cannot be written.
        LockedError: if another job writes to the same output or ledger.
        MissingError: if many photographs of the CSV are not there any more; it stays as it was.
        ModelRefusedError: if models were accepted for this output, and the bundle is none of them, or if the CSV has answers
            of another model and the ledger knows nothing of it.
        UnfinishedError: if the disk fails in the middle; what was kept before stands.
    """
    out = Path(out)
    limits = limits or Limits()
    began = limits.clock()
    check_output(out)
    ledger = ledger_path(out) if ledger is None else Path(ledger)
    check_ledger(ledger, out)
    pictures = pictures_folder(out)
    listed = functools.partial(list_for_job, path_names(arguments), out, pseudonyms)
    selection = Selection(listed()) if select is None else select(listed)
    # Whatever selected them: a listing of one's own knows of no pseudonyms.
    inputs = selection.inputs if pseudonyms is None else pseudonyms.rename(selection.inputs)
    check_not_listed(out, inputs)
    check_not_listed(ledger, inputs, "--ledger")
    check_holds_grades(out)
    check_place(ledger)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    workers = jobs or available_cores()
    name = engine or (choose_engine(bundle) if factory is None else "given")
    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    question = Question.of(bundle, name, limit, pictures_as if gradcam else "", grade_anyway)
    make = factory or functools.partial(make_engine, engine=cast(EngineName, name), cores=workers)
    engine_of_job = functools.partial(make, bundle, batch_size, gradcam)
    shown_recipe = bundle.shown_recipe if gradcam else None
    reading = Settings(tuple(bundle.recipes), limit, shown_recipe, photo_timeout, grade_anyway)
    job = _Job(
        *(inputs, bundle, question, pictures, engine_of_job, batch_size, workers),
        *(progress, digest, listener, reading if isolate else None, check, photo_timeout),
    )

    with contextlib.ExitStack() as stack:
        stack.enter_context(held_output(out, ledger, pictures=gradcam))
        model = bundle.label, bundle.digest
        if not ledger.is_file():  # none is begun for a model that is refused
            refuse_unaccepted_for(out, ledger, model)
        kept = stack.enter_context(open_ledger(ledger))
        stack.enter_context(one_thread_each())
        eyes = EyeCheck.of(bundle.eye_sides, orientation)
        record = Record(
            *(kept, question, inputs, pictures),
            retry_failed=retry_failed,
            failed_refer=refers(bundle),
            eyes=eyes,
        )
        refuse_unaccepted(record.book, model, out, ledger)
        key = "" if pseudonyms is None else pseudonyms.fingerprint
        record.check_names(key)
        if pseudonyms is not None:
            remove_rests(pseudonyms.folder, pseudonyms.names_file(out).name)
            try:
                pseudonyms.keep_names(inputs, out)  # first: nothing that is kept is ever without its name
            except StorageError as error:
                raise _unfinished(error) from error
        before = record.before(out)
        gone = len(before.keys() - {entry.kept_as for entry in inputs})
        begun = begun_content(bundle.label, question, len(inputs), out, key, eyes.orientation)
        record.begin({**begun, **selection.told})
        # A part may be of such names alone, which is no reason for another to lack their rows.
        if (select is None or record.has_rows) and all(entry.problem == NOT_FOUND for entry in inputs):
            record.fail(NOT_THERE)
            stays = f"; {printable_path(out)} stays as it was" if os.path.lexists(out) else ""
            raise UnfinishedError(
                f"nothing of what was named is there: connect the share or disk, or check the names, and run again{stays}"
            )
        if listener:
            listener.begun(len(inputs))
        work = Work(record, limits, began)
        try:
            job.grade(record, work)
            if not accept_missing and os.path.lexists(out):  # what was graded until here is kept
                refuse_missing(before, inputs, record.rows, out)
            rows, data = record.end(work.how, out)
            write_bytes_atomically(out, data)
        except StorageError as error:
            raise _unfinished(error) from error
        except BaseException as error:
            if isinstance(error, MissingError):
                record.fail(MISSING)
            elif not isinstance(error, UnfinishedError):  # the disk takes nothing more
                with contextlib.suppress(KerasdrError):
                    record.fail(type(error).__name__)
            raise
        shown = {os.path.basename(row.gradcam) for row in rows if row.gradcam}
        waits = any(row.status == "waiting" for row in rows)  # then a picture may be of an answer that is still wanted
        to_go_back_to = record.pictures_to_go_back_to()
        removed = 0 if waits else remove_stale(pictures, shown | to_go_back_to)
        folder = pictures if shown else None
        head, answered = record.head, record.answered()
        summary = Summary(rows, out, folder, ledger, head, work.how, gone, removed, answered, inputs)
        if finish:
            finish(summary)
    return summary


def _unfinished(error: StorageError) -> UnfinishedError:
    return UnfinishedError(f"{error}; what was kept stands: run the same command again")


@dataclass(frozen=True)
class _Job:
    """Everything that decides how inputs come to rows."""

    inputs: Sequence[Input]
    bundle: Bundle
    question: Question
    pictures: Path
    engine: Callable[[], Engine]
    batch_size: int
    workers: int
    progress: Progress | None
    digest: DigestInputs | None
    listener: JobListener | None
    reading: Settings | None
    check: Callable[[], None] | None
    photo_timeout: float

    def grade(self, record: Record, work: Work) -> None:
        """Have a row of every input in the record."""
        inputs, bundle = self.inputs, self.bundle
        pairings = bundle_pairings(bundle)
        if pairings:
            headers = DigestReader(inputs, self.photo_timeout, self.workers, work, whose_of)
            inputs = told_by_headers(inputs, headers.read)
        if record.has_answers:  # else there is nothing that a digest could find
            partners = {pairing: find_partners(inputs, pairing) for pairing in pairings}
            digests = DigestReader(inputs, self.photo_timeout, self.workers, work)
            found = digests.read(inputs) if self.digest is None else self.digest(inputs, digests.read)
            record.keep(found=record.find_settled(found, partners))
        wanted = set(range(len(inputs))) - record.places
        if wanted and not work.is_over():
            if self.check:
                self.check()
            self._read_and_grade(inputs, wanted, record, work)
        left = len(inputs) - len(record.places)
        work.finish(inputs, bundle)
        if self.progress and left:
            self.progress(len(inputs), len(inputs))

    def _read_and_grade(self, inputs: Sequence[Input], wanted: Set[int], record: Record, work: Work) -> None:
        """Grade the inputs at some places; what was lost already is not read again."""
        bundle = self.bundle
        with contextlib.ExitStack() as stack:
            readers = None
            if self.reading is not None:
                readers = stack.enter_context(Readers(self.reading, min(self.workers, len(wanted))))

            def load(index: int, entry: Input) -> Photograph:
                assert readers is not None
                return work.lost(index) or work.judged(readers.load(index, entry))

            requests = read_requests(
                inputs,
                bundle,
                ahead=2 * self.batch_size,
                max_megapixels=self.question.max_megapixels,
                display=bool(self.question.pictures),
                workers=self.workers,
                wanted=wanted,
                load=load if readers else None,
                grade_anyway=self.question.grade_anyway,
            )
            batches = grade_requests(
                work.unanswered(requests),
                inputs,
                bundle,
                self.engine,
                batch_size=self.batch_size,
                save=self.save if self.question.pictures else None,
                pictures=cast(PictureFormat, self.question.pictures),
                workers=self.workers,
            )
            stack.enter_context(contextlib.closing(batches))
            if readers:
                stack.push(
                    lambda kind, *rest: readers.close() if kind else None
                )  # at once: whoever reads need not end first
            for outcomes in batches:
                if any(outcome.picture for outcome in outcomes):
                    self._sync()
                work.keep(outcomes)
                if self.listener:
                    self.listener.kept(outcomes)
                if self.progress:
                    self.progress(len(record.places), len(inputs))

    def save(self, seen: Seen, data: bytes) -> Picture:
        """Write a picture; its name becomes durable with those of its batch, before the ledger tells of it."""
        kind = cast(PictureFormat, self.question.pictures)
        name = picture_name(seen.sha256, answer_key(self.question.digest, seen), kind)
        write_bytes_atomically(self.pictures / name, data, sync_name=False)
        return Picture(name, sha256_of(data))

    def _sync(self) -> None:
        try:
            sync_folder(self.pictures)
        except OSError as error:
            shown = printable_path(self.pictures)
            raise StorageError(f"cannot write {shown}: {error.strerror}; check the disk") from error


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Let OpenCV work in the thread that calls it: where each core has a photograph of its own, more would be in the way."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
