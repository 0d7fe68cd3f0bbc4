"""The batch job: inputs in, one row for each out, in their order, with a Grad-CAM picture for every graded one."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdr.errors import KerasdrError
from kerasdr.files import open_atomically, write_bytes_atomically, write_text_atomically
from kerasdr.grades import grade_name, is_referable, referable_probability
from kerasdr.reporting import Progress
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, Engine, EngineOutput
from kerasdr.scoring.inputs import Input, list_inputs
from kerasdr.scoring.overlay import draw_overlay, encode_png
from kerasdr.scoring.photographs import Photograph, load_groups, partners_in
from kerasdr.scoring.rows import Row, to_csv

DEFAULT_BATCH_SIZE = 16
_PICTURE_NAME = re.compile(r"\d{6,}_[0-9a-f]{12}\.png")

SavePicture = Callable[[str, bytes], str]
"""Takes a picture's name and bytes, keeps it, and returns what the CSV is to say."""

EngineFactory = Callable[[Bundle, int, bool], Engine]
"""Takes a bundle, the batch size and whether heat maps are wanted."""


@dataclass(frozen=True)
class Summary:
    """What a job did.

    Attributes:
        rows: one for each input, in order.
        csv: where they were written.
        pictures: the folder of the Grad-CAM pictures, or None.
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
        return (
            f"{len(self.rows)} listed = {self.count('graded')} graded + {self.count('ungradable')} ungradable + "
            f"{self.count('failed')} failed; {referable} referable (grade 2 or worse)"
        )


def make_engine(bundle: Bundle, batch_size: int = DEFAULT_BATCH_SIZE, gradcam: bool = True) -> Engine:
    """Return the engine that runs a bundle on this machine."""
    from kerasdr.scoring.engine_keras import KerasEngine

    return KerasEngine(bundle, batch_size, gradcam)


def score_photographs(
    paths: Iterable[str | Path], bundle: Bundle, *, batch_size: int = DEFAULT_BATCH_SIZE, engine: Engine | None = None
) -> list[Row]:
    """Grade photographs from a program: no files are written.

    Args:
        paths: files, folders or globs.
        bundle: from :func:`kerasdr.load_bundle`.
        batch_size: photographs at a time.
        engine: an engine of this bundle, to be used again over several calls; made if absent.

    Returns:
        One row for each photograph, in a stable order; see :class:`kerasdr.scoring.rows.Row`.

    Raises:
        KerasdrError: if there is nothing to score.
    """
    inputs = list_inputs(str(path) for path in paths)
    engine = engine or make_engine(bundle, batch_size, gradcam=False)
    return _in_order(_score(inputs, bundle, engine, batch_size, None), len(inputs))


def run_job(
    arguments: Iterable[str],
    bundle: Bundle,
    out: Path,
    *,
    gradcam: bool = True,
    batch_size: int = DEFAULT_BATCH_SIZE,
    factory: EngineFactory | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Grade photographs into a CSV and a folder of Grad-CAM pictures beside it.

    The pictures are written first and the CSV last and in one step, so a CSV that is there is complete. Pictures of an
    earlier job in the same place are removed once the new CSV stands.

    Args:
        arguments: files, folders or globs.
        bundle: what grades them.
        out: the CSV; for ``grades.csv`` the pictures go to ``grades_gradcam/``.
        gradcam: whether to make pictures.
        batch_size: photographs at a time.
        factory: makes the engine, once it is known that there is work and a place for its results;
            :func:`make_engine` if absent.
        progress: told of each photograph that is done.

    Raises:
        KerasdrError: if there is nothing to score, or the output cannot be written.
    """
    pictures = out.with_name(f"{out.stem}_gradcam")
    inputs = list_inputs(arguments, skip=[pictures])
    _check_writable(out, pictures if gradcam else None)
    engine = (factory or make_engine)(bundle, batch_size, gradcam)

    def save(name: str, data: bytes) -> str:
        write_bytes_atomically(pictures / name, data)
        return f"{pictures.name}/{name}"

    done = 0

    def counted(rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
        nonlocal done
        for item in rows:
            done += 1
            if progress:
                progress(done, len(inputs))
            yield item

    rows = _in_order(counted(_score(inputs, bundle, engine, batch_size, save if gradcam else None)), len(inputs))
    write_text_atomically(out, to_csv(rows))
    if pictures.is_dir():
        kept = {Path(row.gradcam).name for row in rows if row.gradcam}
        for old in pictures.iterdir():
            if _PICTURE_NAME.fullmatch(old.name) and old.name not in kept:
                old.unlink(missing_ok=True)
    return Summary(rows, out, pictures if gradcam else None)


def _score(
    inputs: Sequence[Input], bundle: Bundle, engine: Engine, batch_size: int, save: SavePicture | None
) -> Iterator[tuple[int, Row]]:
    """Yield place and row of every input, as they get ready."""
    pairings = sorted({member.model.pairing for member in bundle.members if member.model.mode == "dual"})
    waiting: list[_Request] = []
    groups = load_groups(
        inputs,
        bundle.recipes,
        max_megapixels=bundle.max_megapixels,
        display=save is not None,
        ahead=2 * batch_size,
    )
    for group in groups:
        by_place = {photograph.index: photograph for photograph in group}
        found = {pairing: partners_in(inputs, list(by_place), pairing) for pairing in pairings}
        for photograph in group:
            if not photograph.ready:
                shown = inputs[photograph.index].shown
                yield photograph.index, _row(shown, photograph, bundle)
                continue
            partners = {}
            for pairing in pairings:
                partner = by_place.get(found[pairing].get(photograph.index, -1))
                # One that cannot be graded itself is no help: its place is masked, as it was at times in training.
                partners[pairing] = partner if partner is not None and partner.ready else None
            waiting.append(_Request(photograph, partners))
        while len(waiting) >= batch_size:
            yield from _grade(waiting[:batch_size], inputs, bundle, engine, save)
            del waiting[:batch_size]
    if waiting:
        yield from _grade(waiting, inputs, bundle, engine, save)


@dataclass(frozen=True)
class _Request:
    photograph: Photograph
    partners: dict[str, Photograph | None]


def _grade(
    requests: Sequence[_Request], inputs: Sequence[Input], bundle: Bundle, engine: Engine, save: SavePicture | None
) -> Iterator[tuple[int, Row]]:
    output = engine.predict(_batch(requests, len(bundle.recipes)))
    for place, request in enumerate(requests):
        photograph = request.photograph
        probabilities = output.probabilities[place]
        gradcam = ""
        if save is not None:
            gradcam = save(_picture_name(photograph), _picture(photograph, output, place, bundle))
        partners = {inputs[p.index].shown: None for p in request.partners.values() if p is not None}
        grade = int(np.argmax(probabilities))
        row = Row(
            image=inputs[photograph.index].shown,
            status="graded",
            grade=grade,
            grade_name=grade_name(grade),
            probabilities=tuple(float(p) for p in probabilities),
            referable=is_referable(grade),
            prob_referable=float(referable_probability(probabilities)),
            gradcam=gradcam,
            partner="; ".join(partners),
            model=bundle.label,
            sha256=photograph.sha256,
        )
        yield photograph.index, row


def _batch(requests: Sequence[_Request], n_recipes: int) -> Batch:
    pairings = requests[0].partners
    images = [np.stack([request.photograph.images[recipe] for request in requests]) for recipe in range(n_recipes)]
    partners, present = {}, {}
    for pairing in pairings:
        others = [request.partners[pairing] for request in requests]
        partners[pairing] = [
            np.stack([np.zeros_like(images[recipe][0]) if other is None else other.images[recipe] for other in others])
            for recipe in range(n_recipes)
        ]
        present[pairing] = np.array([other is not None for other in others])
    return Batch(images, partners, present)


def _picture(photograph: Photograph, output: EngineOutput, place: int, bundle: Bundle) -> bytes:
    assert photograph.display is not None and output.heatmaps is not None
    page = draw_overlay(photograph.display, output.heatmaps[place], output.probabilities[place], bundle.label)
    return encode_png(page)


def _picture_name(photograph: Photograph) -> str:
    # Never the input's name: two folders may have the same one, and a name may say who it is.
    return f"{photograph.index + 1:06d}_{photograph.sha256[:12]}.png"


def _row(shown: str, photograph: Photograph, bundle: Bundle) -> Row:
    return Row(
        image=shown, status=photograph.status, reason=photograph.reason, model=bundle.label, sha256=photograph.sha256
    )


def _in_order(rows: Iterable[tuple[int, Row]], count: int) -> list[Row]:
    by_place = dict(rows)
    if sorted(by_place) != list(range(count)):
        raise AssertionError(f"{count} inputs gave {len(by_place)} rows")  # ours to mend, never to pass over
    return [by_place[place] for place in range(count)]


def _check_writable(out: Path, pictures: Path | None) -> None:
    """Find out before the work, not after it, that results cannot be written."""
    if out.is_dir():
        raise KerasdrError(f"cannot write {out}: it is a folder; give the CSV's name, such as {out / 'grades.csv'}")
    try:
        out.parent.mkdir(exist_ok=True)
        if pictures is not None:
            pictures.mkdir(exist_ok=True)
    except OSError as error:
        raise KerasdrError(f"cannot write to {out.parent}: {error.strerror}; choose another place with --out") from error
    for folder in (out.parent, pictures):
        if folder is not None:
            probe = folder / ".kerasdr-probe"
            with open_atomically(probe) as file:
                file.write(b"probe")
            probe.unlink()
