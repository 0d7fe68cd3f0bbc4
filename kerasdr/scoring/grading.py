"""Photographs to rows: batches of them through the engine, and a picture for each that is graded."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasdr.grades import N_GRADES, grade_name, is_referable, referable_probability
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, Engine, EngineOutput
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.names import picture_name
from kerasdr.scoring.overlay import draw_overlay, encode_png
from kerasdr.scoring.photographs import Photograph, find_partners, group_by_person, load_groups, load_photograph
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
) -> Iterator[tuple[int, Row]]:
    """Yield place and row of every input, as they get ready; the photographs in memory are a bounded number.

    Args:
        inputs: what to grade.
        bundle: what grades them.
        engine: an engine of this bundle.
        batch_size: photographs at a time.
        max_megapixels: larger ones fail; the bundle's own limit if None.
        save: keeps the Grad-CAM pictures; none are made if None.

    Raises:
        ValueError: if the batch size is below 1, or the engine gives what is no probability.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    pairings = sorted({member.model.pairing for member in bundle.members if member.model.mode == "dual"})
    partners = {pairing: find_partners(inputs, pairing) for pairing in pairings}
    limit = bundle.max_megapixels if max_megapixels is None else max_megapixels
    shown = None if save is None else bundle.shown_recipe
    recipes = bundle.recipes

    def load(index: int) -> Photograph:
        return load_photograph(index, inputs[index], recipes, limit, shown)

    grade = functools.partial(_grade, inputs=inputs, bundle=bundle, engine=engine, save=save)
    waiting: list[_Request] = []
    for group, found in load_groups(group_by_person(inputs, partners.values()), load, ahead=2 * batch_size):
        for index in group.own:
            photograph = found[index]
            if photograph.ready:
                waiting.append(_Request(photograph, {p: _partner(found, int(partners[p][index])) for p in pairings}))
            else:
                yield index, _row(inputs[index], photograph, bundle)
        while len(waiting) >= batch_size:
            yield from grade(waiting[:batch_size])
            del waiting[:batch_size]
    if waiting:
        yield from grade(waiting)


@dataclass(frozen=True)
class _Request:
    """A photograph that is ready, and its partner for each pairing, as far as there is one that can be graded."""

    photograph: Photograph
    partners: Mapping[str, Photograph | None]


def _partner(found: Mapping[int, Photograph], place: int) -> Photograph | None:
    partner = found.get(place)
    # One that cannot be graded itself is no help: its place is masked, as it was at times in training.
    return partner if partner is not None and partner.ready else None


def _grade(
    requests: Sequence[_Request],
    *,
    inputs: Sequence[Input],
    bundle: Bundle,
    engine: Engine,
    save: SavePicture | None,
) -> Iterator[tuple[int, Row]]:
    output = engine.predict(_batch(requests, len(bundle.recipes)))
    _check_output(output, len(requests), save is not None)
    for place, request in enumerate(requests):
        photograph = request.photograph
        probabilities = output.probabilities[place]
        gradcam = ""
        if save is not None:
            picture = _picture(photograph, output, place, bundle)
            gradcam = save(picture_name(photograph.index, photograph.sha256), picture)
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


def _picture(photograph: Photograph, output: EngineOutput, place: int, bundle: Bundle) -> bytes:
    assert photograph.display is not None and output.heatmaps is not None
    page = draw_overlay(photograph.display, output.heatmaps[place], output.probabilities[place], _foot(bundle))
    return encode_png(page)


def _foot(bundle: Bundle) -> str:
    return f"{bundle.label}   {bundle.caution or 'not a diagnosis'}"


def _row(entry: Input, photograph: Photograph, bundle: Bundle) -> Row:
    return Row(
        image=entry.shown,
        status=photograph.status,
        reason=photograph.reason,
        model=bundle.label,
        sha256=photograph.sha256,
    )
