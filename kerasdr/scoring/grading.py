"""Photographs to rows: batches of them through the engine, and a picture for each that is graded."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.grades import N_GRADES, grade_name, is_referable, referable_probability
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, Begun, Engine, EngineOutput, begin
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.names import PictureFormat, picture_name
from kerasdr.scoring.overlay import draw_overlay, encode_png, encode_webp
from kerasdr.scoring.photographs import (
    ChangePhotograph,
    Photograph,
    find_partners,
    group_by_person,
    load_groups,
    load_photograph,
)
from kerasdr.scoring.rows import Row

SavePicture = Callable[[str, bytes], str]
"""Takes a picture's name and bytes, keeps it, and returns what the CSV is to say."""


def grade_inputs(
    inputs: Sequence[Input],
    bundle: Bundle,
    engine: Engine,
    *,
    batch_size: int,
    max_megapixels: float | None = None,
    save: SavePicture | None = None,
    pictures: PictureFormat = "png",
    workers: int = 2,
    change: ChangePhotograph | None = None,
) -> Iterator[tuple[int, Row]]:
    """Yield place and row of every input, as they get ready; the photographs in memory are a bounded number.

    Photographs are read ahead of the engine and pictures drawn behind it, each by threads of their own: while the engine
    works on a batch, the one before is drawn and the next is read.

    Args:
        inputs: what to grade.
        bundle: what grades them.
        engine: an engine of this bundle.
        batch_size: photographs at a time.
        max_megapixels: larger ones fail; the bundle's own limit if None.
        save: keeps the Grad-CAM pictures, called from several threads; none are made if None.
        pictures: how they are encoded.
        workers: threads that read, and threads that draw.
        change: done to every decoded photograph before it is judged and graded, partners too; nothing if None.

    Raises:
        ValueError: if the batch size is below 1, or the engine gives what is no probability.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    requests = read_requests(
        inputs,
        bundle,
        ahead=2 * batch_size,
        max_megapixels=max_megapixels,
        display=save is not None,
        workers=workers,
        change=change,
    )
    pool = ThreadPoolExecutor(workers)
    inferring: deque[tuple[Sequence[Request], Begun]] = deque()
    drawing: deque[Future[tuple[int, Row]]] = deque()

    def draw() -> None:
        batch, begun = inferring[0]
        output = begun.result()
        inferring.popleft()
        _check_output(output, len(batch), save is not None)
        for place, request in enumerate(batch):
            drawing.append(pool.submit(finish, request, output, place))

    def finish(request: Request, output: EngineOutput, place: int) -> tuple[int, Row]:
        photograph = request.photograph
        gradcam = ""
        if save is not None:
            picture = _picture(photograph, output, place, bundle, pictures)
            gradcam = save(picture_name(photograph.index, photograph.sha256, pictures), picture)
        return photograph.index, _graded_row(request, output.probabilities[place], gradcam, inputs, bundle)

    try:
        waiting: list[Request] = []
        for request in requests:
            if not request.photograph.ready:
                yield request.photograph.index, _row(inputs[request.photograph.index], request.photograph, bundle)
                continue
            waiting.append(request)
            if len(waiting) == batch_size:
                inferring.append((waiting, begin(engine, make_batch(waiting, len(bundle.recipes)))))
                waiting = []
                if len(inferring) == 2:  # the engine has the next batch before this one is drawn, and never rests
                    draw()
                while len(drawing) > batch_size:
                    yield drawing.popleft().result()
        if waiting:
            inferring.append((waiting, begin(engine, make_batch(waiting, len(bundle.recipes)))))
        while inferring:
            draw()
        while drawing:
            yield drawing.popleft().result()
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


def read_requests(
    inputs: Sequence[Input],
    bundle: Bundle,
    *,
    ahead: int,
    max_megapixels: float | None = None,
    display: bool = True,
    workers: int = 2,
    change: ChangePhotograph | None = None,
) -> Generator[Request]:
    """Read all inputs with their partners among them, those of a person together; some may not be ready.

    Args:
        inputs: what to read.
        bundle: what it is to be graded by.
        ahead: photographs that are worked on before they are asked for.
        max_megapixels: larger ones fail; the bundle's own limit if None.
        display: whether pictures for people are wanted.
        workers: threads that read.
        change: done to every decoded photograph first; nothing if None.
    """
    pairings = bundle_pairings(bundle)
    partners = {pairing: find_partners(inputs, pairing) for pairing in pairings}
    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    shown = bundle.shown_recipe if display else None
    recipes = bundle.recipes

    def load(index: int) -> Photograph:
        return load_photograph(index, inputs[index], recipes, limit, shown, change)

    groups = load_groups(group_by_person(inputs, partners.values()), load, ahead=ahead, workers=workers)
    with contextlib.closing(groups):
        for group, found in groups:
            for index in group.own:
                yield Request(found[index], {p: _partner(found, int(partners[p][index])) for p in pairings})


def bundle_pairings(bundle: Bundle) -> list[str]:
    """Return the pairings that a bundle's dual members use, sorted."""
    return sorted({member.model.pairing for member in bundle.members if member.model.mode == "dual"})


def _partner(found: Mapping[int, Photograph], place: int) -> Photograph | None:
    partner = found.get(place)
    # One that cannot be graded itself is no help: its place is masked, as it was at times in training.
    return partner if partner is not None and partner.ready else None


def _graded_row(
    request: Request, probabilities: NDArray[np.float64], gradcam: str, inputs: Sequence[Input], bundle: Bundle
) -> Row:
    photograph = request.photograph
    partners = {inputs[p.index].shown: None for p in request.partners.values() if p is not None}
    grade = int(np.argmax(probabilities))
    decision = None if bundle.calibration is None else bundle.calibration.decide(probabilities[None])
    return Row(
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
        grade_set="" if decision is None else decision.texts[0],
        screen_positive=None if decision is None or decision.positive is None else bool(decision.positive[0]),
        refer_to_reader=None if decision is None else bool(decision.to_reader[0]),
        figures=photograph.figures,
    )


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
    """An engine's mistake must stop the job: the place of the largest of five NaN would be a grade like any other."""
    p = output.probabilities
    if p.shape != (n, N_GRADES) or not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(f"the engine gave no probabilities of {N_GRADES} grades for {n} photographs")
    if gradcam and (output.heatmaps is None or len(output.heatmaps) != n):
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


def _row(entry: Input, photograph: Photograph, bundle: Bundle) -> Row:
    to_reader = photograph.status == "ungradable" and bundle.calibration is not None
    return Row(
        image=entry.shown,
        status=photograph.status,
        reason=photograph.reason,
        model=bundle.label,
        sha256=photograph.sha256,
        refer_to_reader=True if to_reader else None,
        figures=photograph.figures,
    )
