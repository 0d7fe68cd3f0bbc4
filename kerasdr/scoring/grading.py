"""Photographs to rows: batches of them through the engine, and a picture for each that is graded."""

import contextlib
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration import Decision
from kerasdr.grades import N_GRADES, grade_name, is_referable, referable_probability
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.dicom_people import told_by_headers
from kerasdr.scoring.engine import Batch, Begun, Engine, EngineOutput, begin
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.ledger.answers import Picture, Seen
from kerasdr.scoring.names import PictureFormat
from kerasdr.scoring.overlay import draw_overlay, encode_webp
from kerasdr.scoring.photographs import (
    ChangePhotograph,
    Photograph,
    find_partners,
    group_by_person,
    load_groups,
    load_photograph,
)
from kerasdr.scoring.png import encode_png
from kerasdr.scoring.rows import Row

SavePicture = Callable[[Seen, bytes], Picture]
"""Takes the photographs that a picture is about, and its bytes, and keeps it."""


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Attributes:
        index: its place in the list of inputs.
        row: its row, without a picture.
        seen: the photographs that it is about.
        partners: places of the partners that dual members saw, each once.
        picture: its picture, if one was kept.
        lost: in how many runs in a row its reading was lost (:class:`kerasdr.scoring.photographs.Photograph`).
        note: what is known already of its eye (:class:`kerasdr.scoring.eye_sides.EyeCheck`), or empty.
    """

    index: int
    row: Row
    seen: Seen
    partners: tuple[int, ...] = ()
    picture: Picture | None = None
    lost: int = 0
    note: str = ""


_PARTNER_WAITS = "the photograph that it is graded together with cannot be had yet: run again"

LoadInput = Callable[[int, Input], Photograph]
"""Reads and prepares the input at a place of the list; whatever is wrong with it becomes the photograph's reason."""


def grade_inputs(
    inputs: Sequence[Input],
    bundle: Bundle,
    engine: Engine,
    *,
    batch_size: int,
    max_megapixels: float | None = None,
    change: ChangePhotograph | None = None,
    load: LoadInput | None = None,
    workers: int = 2,
    grade_anyway: bool = False,
) -> Iterator[Outcome]:
    """Yield the outcome of every input, as they get ready, without pictures; see :func:`grade_requests`.

    Args:
        inputs: what to grade.
        bundle: what grades them.
        engine: an engine of this bundle.
        batch_size: photographs at a time.
        max_megapixels: larger ones fail; the bundle's own limit if None.
        change: done to every decoded photograph before it is judged and graded, partners too; nothing if None.
        load: reads photographs in place of this process; see :func:`read_requests`.
        workers: threads that read.
        grade_anyway: whether what the quality gate refuses is graded nevertheless.

    Raises:
        ValueError: if the batch size is below 1, or the engine gives what is no probability.
    """
    requests = read_requests(
        inputs,
        bundle,
        ahead=2 * batch_size,
        max_megapixels=max_megapixels,
        display=False,
        workers=workers,
        change=change,
        load=load,
        grade_anyway=grade_anyway,
    )
    for outcomes in grade_requests(requests, inputs, bundle, lambda: engine, batch_size=batch_size):
        yield from outcomes


def grade_requests(
    requests: Generator["Request"],
    inputs: Sequence[Input],
    bundle: Bundle,
    engine: Callable[[], Engine],
    *,
    batch_size: int,
    save: SavePicture | None = None,
    pictures: PictureFormat = "png",
    workers: int = 2,
) -> Generator[list[Outcome]]:
    """Yield outcomes of photographs that were read, a batch at a time; those in memory are a bounded number.

    Photographs are read ahead of the engine and pictures drawn behind it, each by threads of their own: while the engine
    works on a batch, the one before is drawn and the next is read. No batch is drawn before the one before it was yielded,
    so whoever keeps what is yielded loses at most one batch that was drawn, and what the engine has in hand.

    Args:
        requests: from :func:`read_requests`; closed at the end.
        inputs: the list that their places are in.
        bundle: what grades them.
        engine: makes the engine of this bundle, called in another thread when there is a first photograph to be graded.
        batch_size: photographs at a time.
        save: keeps the Grad-CAM pictures, called from several threads; none are made if None.
        pictures: how they are encoded.
        workers: threads that draw.

    Raises:
        ValueError: if the batch size is below 1, or the engine gives what is no probability.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    pool = ThreadPoolExecutor(workers)
    inferring: deque[tuple[Sequence[Request], Begun]] = deque()
    drawing: deque[Future[Outcome]] = deque()
    making: list[Future[Engine]] = []

    def infer(batch: Sequence[Request]) -> None:
        inferring.append((batch, begin(making[0].result(), make_batch(batch, len(bundle.recipes)))))

    def draw() -> None:
        batch, begun = inferring[0]
        output = begun.result()
        inferring.popleft()
        _check_output(output, len(batch), save is not None)
        for place, request in enumerate(batch):
            drawing.append(pool.submit(finish, request, output, place))

    def finish(request: Request, output: EngineOutput, place: int) -> Outcome:
        picture = None
        if save is not None:
            picture = save(request.seen, _picture(request.photograph, output, place, bundle, pictures))
        return _graded(request, output.probabilities[place], picture, inputs, bundle)

    def drawn() -> list[Outcome]:
        return [drawing.popleft().result() for _ in range(len(drawing))]

    try:
        waiting: list[Request] = []
        others: list[Outcome] = []
        for request in requests:
            if not request.photograph.ready:
                others.append(_not_graded(request, inputs, bundle))
                if len(others) == batch_size:
                    yield others
                    others = []
                continue
            waiting.append(request)
            if not making:  # while the first batch is read
                making.append(pool.submit(engine))
            if len(waiting) == batch_size:
                infer(waiting)
                waiting = []
                if len(inferring) == 2:  # the engine has the next batch before this one is drawn, and never rests
                    if drawing:
                        yield drawn()
                    draw()
        if others:
            yield others
        if waiting:
            infer(waiting)
        while inferring:
            if drawing:
                yield drawn()
            draw()
        if drawing:
            yield drawn()
    finally:
        for _, begun in inferring:
            begun.cancel()
        requests.close()
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class Request:
    """A photograph, and its partner for each pairing, as far as there is one that can be graded."""

    photograph: Photograph
    partners: Mapping[str, Photograph | None]

    @property
    def seen(self) -> Seen:
        """The bytes that an answer to it is about."""
        partners = tuple((name, p.sha256) for name, p in self.partners.items() if p is not None)
        return Seen(self.photograph.sha256, partners if self.photograph.ready else ())

    @property
    def partner_places(self) -> tuple[int, ...]:
        """Places of its partners in the list of inputs, each once."""
        return tuple(dict.fromkeys(p.index for p in self.partners.values() if p is not None))


def read_requests(
    inputs: Sequence[Input],
    bundle: Bundle,
    *,
    ahead: int,
    max_megapixels: float | None = None,
    display: bool = True,
    workers: int = 2,
    change: ChangePhotograph | None = None,
    wanted: Collection[int] | None = None,
    load: LoadInput | None = None,
    grade_anyway: bool = False,
) -> Generator[Request]:
    """Read inputs with their partners among them, those of a person together; some may not be ready.

    Args:
        inputs: what to read.
        bundle: what it is to be graded by.
        ahead: photographs that are worked on before they are asked for.
        max_megapixels: larger ones fail; the bundle's own limit if None.
        display: whether pictures for people are wanted.
        workers: threads that read.
        change: done to every decoded photograph first; nothing if None.
        wanted: places of the inputs that are asked for; all if None.
        load: reads photographs in place of this process, which then knows of ``max_megapixels``, ``change`` and
            ``grade_anyway`` itself, and has asked headers for people.
        grade_anyway: whether what the quality gate refuses is ready nevertheless; as a partner it is masked all the same.
    """
    pairings = bundle_pairings(bundle)
    if pairings and load is None:
        inputs = told_by_headers(inputs)
    partners = {pairing: find_partners(inputs, pairing) for pairing in pairings}
    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    shown = bundle.shown_recipe if display else None
    recipes = bundle.recipes

    def load_here(index: int, entry: Input) -> Photograph:
        return load_photograph(index, entry, recipes, limit, shown, change, grade_anyway=grade_anyway)

    load = load or load_here
    groups = load_groups(
        group_by_person(inputs, partners.values(), wanted),
        lambda index: load(index, inputs[index]),
        ahead=ahead,
        workers=workers,
    )
    with contextlib.closing(groups):
        for group, found in groups:
            for index in group.own:
                others = [found.get(int(partners[p][index])) for p in pairings]
                photograph = _with_its_partners(found[index], others)
                yield Request(photograph, {p: _partner(found, int(partners[p][index])) for p in pairings})


def bundle_pairings(bundle: Bundle) -> list[str]:
    """Return the pairings that a bundle's dual members use, sorted."""
    return sorted({member.model.pairing for member in bundle.members if member.model.mode == "dual"})


def _with_its_partners(photograph: Photograph, partners: Iterable[Photograph | None]) -> Photograph:
    """Return a photograph, which waits where a partner does: without it, it would be given another answer now than later."""
    if photograph.ready and any(partner is not None and partner.status == "waiting" for partner in partners):
        return Photograph(photograph.index, "waiting", _PARTNER_WAITS, photograph.sha256)
    return photograph


def _partner(found: Mapping[int, Photograph], place: int) -> Photograph | None:
    partner = found.get(place)
    # One that cannot be graded itself is no help: its place is masked, as it was at times in training. So it is where it is
    # graded anyway: no network was trained with such partners, and they are to change no good one's grade.
    return partner if partner is not None and partner.ready and not partner.refused else None


def _graded(
    request: Request,
    probabilities: NDArray[np.float64],
    picture: Picture | None,
    inputs: Sequence[Input],
    bundle: Bundle,
) -> Outcome:
    photograph = request.photograph
    grade = int(np.argmax(probabilities))
    decision = None if bundle.calibration is None else bundle.calibration.decide(probabilities[None])
    # What the gate refused has its reason with it, and needs no other doubt.
    doubt = "" if photograph.refused or bundle.doubts is None else bundle.doubts.reason(photograph.figures)
    row = Row(
        image=inputs[photograph.index].shown,
        status="graded",
        grade=grade,
        grade_name=grade_name(grade),
        probabilities=tuple(float(p) for p in probabilities),
        referable=is_referable(grade),
        prob_referable=float(referable_probability(probabilities)),
        reason="; ".join(filter(None, (doubt, photograph.reason))),
        partner="; ".join(dict.fromkeys(inputs[place].shown for place in request.partner_places)),
        model=bundle.label,
        sha256=photograph.sha256,
        grade_set="" if decision is None else decision.texts[0],
        screen_positive=None if decision is None or decision.positive is None else bool(decision.positive[0]),
        refer_to_reader=_to_reader(photograph.refused or doubt != "", decision),
        figures=photograph.figures,
        eye=photograph.eye,
    )
    return Outcome(photograph.index, row, request.seen, request.partner_places, picture)


def _to_reader(doubtful: bool, decision: Decision | None) -> bool | None:
    """Whether a person is to look at a graded photograph: its grades are in doubt, or the photograph is."""
    if doubtful:
        return True
    return None if decision is None else bool(decision.to_reader[0])


def make_batch(requests: Sequence[Request], n_recipes: int) -> Batch:
    """Return photographs that are ready, and their partners, as an engine takes them."""
    images = [np.stack([request.photograph.images[recipe] for request in requests]) for recipe in range(n_recipes)]
    partners, present = {}, {}
    for pairing in requests[0].partners:
        others = [request.partners[pairing] for request in requests]
        partners[pairing] = [
            np.stack([np.zeros_like(images[recipe][0]) if other is None else other.images[recipe] for other in others])
            for recipe in range(n_recipes)
        ]
        present[pairing] = np.array([other is not None for other in others])
    return Batch(images, partners, present)


def _check_output(output: EngineOutput, n: int, gradcam: bool) -> None:
    """An engine's mistake must stop the job: the place of the largest of five NaN would be a grade, and their map no heat."""
    p = output.probabilities
    if p.shape != (n, N_GRADES) or not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(f"the engine gave no probabilities of {N_GRADES} grades for {n} photographs")
    if gradcam and (output.heatmaps is None or len(output.heatmaps) != n or not np.isfinite(output.heatmaps).all()):
        raise ValueError(f"the engine gave no heat maps for {n} photographs")


def _picture(
    photograph: Photograph, output: EngineOutput, place: int, bundle: Bundle, pictures: PictureFormat
) -> bytes:
    assert photograph.display is not None and output.heatmaps is not None
    page = draw_overlay(
        photograph.display, output.heatmaps[place], output.probabilities[place], "   ".join(foot(bundle))
    )
    return encode_webp(page) if pictures == "webp" else encode_png(page)


def foot(bundle: Bundle) -> tuple[str, str]:
    """Return what the foot of every picture says: the model, and what to bear in mind."""
    return bundle.label, bundle.caution or "not a diagnosis"


def _not_graded(request: Request, inputs: Sequence[Input], bundle: Bundle) -> Outcome:
    photograph = request.photograph
    row = row_without_grade(photograph, inputs[photograph.index].shown, bundle)
    return Outcome(photograph.index, row, request.seen, lost=photograph.lost)


def row_without_grade(photograph: Photograph, shown: str, bundle: Bundle) -> Row:
    """Return the row of a photograph that is not ready.

    Args:
        photograph: ungradable, failed or waiting.
        shown: its name as the CSV shows it.
        bundle: what would have graded it.
    """
    return Row(
        image=shown,
        status=photograph.status,
        reason=photograph.reason,
        model=bundle.label,
        sha256=photograph.sha256,
        refer_to_reader=True if photograph.status != "waiting" and refers(bundle) else None,
        figures=photograph.figures,
    )


def refers(bundle: Bundle) -> bool:
    """Whether rows of a bundle say what a person is to look at: then all that is ungradable or failed is."""
    return bundle.calibration is not None or bundle.doubts is not None
