"""The batch job: inputs in, one row for each out, in their order, with a Grad-CAM picture for every graded one."""

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from kerasdr.errors import KerasdrError
from kerasdr.files import open_atomically, write_bytes_atomically
from kerasdr.machine import available_cores
from kerasdr.reporting import Progress
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE, make_engine
from kerasdr.scoring.grading import grade_inputs
from kerasdr.scoring.inputs import list_inputs
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS, Readers
from kerasdr.scoring.names import PictureFormat, pictures_folder, shown_path
from kerasdr.scoring.photographs import ChangePhotograph
from kerasdr.scoring.pseudonyms import Pseudonyms
from kerasdr.scoring.results import check_not_listed, check_output, remove_stale, room_for
from kerasdr.scoring.rows import Row, csv_lines

EngineFactory = Callable[[Bundle, int, bool], Engine]
"""Takes a bundle, the batch size and whether heat maps are wanted."""


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        rows: one for each input, in order.
        csv: where they were written.
        pictures: the folder of the Grad-CAM pictures, or None if there are none.
    """

    rows: Sequence[Row]
    csv: Path
    pictures: Path | None

    def count(self, status: str) -> int:
        """How many rows have a status."""
        return Counter(row.status for row in self.rows)[status]

    def sentence(self) -> str:
        """Return the closing line of the job."""
        referable = sum(row.referable is True for row in self.rows)
        text = (
            f"{len(self.rows)} listed = {self.count('graded')} graded + {self.count('ungradable')} ungradable + "
            f"{self.count('failed')} failed; {referable} referable (grade 2 or worse)"
        )
        if any(row.refer_to_reader is not None for row in self.rows):
            text += f"; {sum(row.refer_to_reader is True for row in self.rows)} to a reader (in doubt, or ungradable)"
        return text


def score_photographs(
    paths: Iterable[str | Path] | str | Path,
    bundle: Bundle,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    max_megapixels: float | None = None,
    engine: Engine | None = None,
    change: ChangePhotograph | None = None,
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

    Returns:
        One row for each photograph, in a stable order; see :class:`kerasdr.scoring.rows.Row`.

    Raises:
        KerasdrError: if there is nothing to score.
    """
    inputs = list_inputs(_names(paths))
    engine = engine or make_engine(bundle, batch_size, gradcam=False)
    rows = grade_inputs(inputs, bundle, engine, batch_size=batch_size, max_megapixels=max_megapixels, change=change)
    return _in_order(rows, len(inputs))


def run_job(
    arguments: Iterable[str | Path] | str | Path,
    bundle: Bundle,
    out: Path,
    *,
    gradcam: bool = True,
    batch_size: int = DEFAULT_BATCH_SIZE,
    max_megapixels: float | None = None,
    factory: EngineFactory | None = None,
    pictures_as: PictureFormat = "png",
    jobs: int | None = None,
    progress: Progress | None = None,
    photo_timeout: float = PHOTO_SECONDS,
    isolate: bool = True,
    pseudonyms: Pseudonyms | None = None,
) -> Summary:
    """Grade photographs into a CSV and a folder of Grad-CAM pictures beside it.

    Photographs are read and decoded by processes of their own, one a core: a file that crashes its decoder, takes too long or
    too much memory is a row with the reason.

    The pictures are written first and the CSV last and in one step, so a CSV that is there is complete. Pictures of an
    earlier job in the same place are removed once the new CSV stands.

    Args:
        arguments: files, folders or globs.
        bundle: what grades them.
        out: the CSV; for ``grades.csv`` the pictures go to ``grades_gradcam/``.
        gradcam: whether to make pictures.
        batch_size: photographs at a time.
        max_megapixels: larger photographs fail; the bundle's own limit if absent.
        factory: makes the engine, once it is known that there is work and a place for its results;
            :func:`make_engine` if absent.
        pictures_as: ``png``, or ``webp`` for a tenth of the bytes.
        jobs: cores to keep busy; all that this process may use if absent.
        progress: told of each photograph that is done.
        photo_timeout: seconds that reading one photograph may take.
        pseudonyms: show these in the place of names, and keep a list of the names beside their key.
        isolate: False reads photographs in this process, where a decoder that crashes ends the job.

    Raises:
        KerasdrError: if there is nothing to score, or the output cannot be written.
    """
    out = Path(out)
    check_output(out)
    pictures = pictures_folder(out)
    try:
        inputs = list_inputs(_names(arguments), skip=[pictures])
    except KerasdrError as error:
        if pseudonyms is None:
            raise
        raise KerasdrError("no photographs in what was named, or a name that cannot be: check the names") from error
    check_not_listed(out, inputs)
    if pseudonyms is not None:
        inputs = pseudonyms.rename(inputs)

    jobs = jobs or available_cores()

    def save(name: str, data: bytes) -> str:
        write_bytes_atomically(pictures / name, data)
        return shown_path(f"{pictures.name}/{name}")

    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    reading = Settings(tuple(bundle.recipes), limit, bundle.shown_recipe if gradcam else None, photo_timeout)
    with contextlib.ExitStack() as stack:
        stack.enter_context(room_for(out, pictures if gradcam else None))
        stack.enter_context(one_thread_each())
        # They start while the engine is made.
        readers = stack.enter_context(Readers(reading, min(jobs, len(inputs)))) if isolate else None
        engine = (factory or functools.partial(make_engine, cores=jobs))(bundle, batch_size, gradcam)
        graded = grade_inputs(
            inputs,
            bundle,
            engine,
            batch_size=batch_size,
            max_megapixels=max_megapixels,
            save=save if gradcam else None,
            pictures=pictures_as,
            workers=jobs,
            load=readers.load if readers else None,
        )
        rows = _in_order(_counted(graded, len(inputs), progress), len(inputs))
        if pseudonyms is not None:
            pseudonyms.keep_names(inputs, out)  # before the CSV: nothing in it is ever without its name
        with open_atomically(out) as file:
            for line in csv_lines(rows):
                file.write(line.encode("utf-8"))
    kept = {os.path.basename(row.gradcam) for row in rows if row.gradcam}
    remove_stale(pictures, kept)
    return Summary(rows, out, pictures if kept else None)


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Let OpenCV work in the thread that calls it: where each core has a photograph of its own, more would be in the way."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _names(paths: Iterable[str | Path] | str | Path) -> list[str]:
    # One path alone is a slip that is easily made, and a string of letters would be a list of names.
    return [os.fspath(paths)] if isinstance(paths, str | Path) else [os.fspath(path) for path in paths]


def _counted(rows: Iterator[tuple[int, Row]], total: int, progress: Progress | None) -> Iterator[tuple[int, Row]]:
    for done, item in enumerate(rows, start=1):
        if progress:
            progress(done, total)
        yield item


def _in_order(rows: Iterable[tuple[int, Row]], count: int) -> list[Row]:
    by_place = dict(rows)
    if sorted(by_place) != list(range(count)):
        raise AssertionError(f"{count} inputs gave {len(by_place)} rows")  # ours to mend, never to pass over
    return [by_place[place] for place in range(count)]
