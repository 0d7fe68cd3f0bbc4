"""Deletion and insertion curves of a model's heat maps, through the whole ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.evaluation.baseline_maps import to_cells
from kerasdr.evaluation.explanation_summary import MapFigure, summarise
from kerasdr.evaluation.explanations import enlarged
from kerasdr.evaluation.perturbation import FILLS, WAYS, Fill, Way, area, perturbed
from kerasdr.reporting import Reporter
from kerasdr.scoring.engine import Batch
from kerasdr.scoring.ensemble_maps import EnsembleMaps
from kerasdr.scoring.grading import make_batch
from kerasdr.scoring.masked_cases import MaskedCase

STEPS = 15


@dataclass(frozen=True, eq=False)
class Curves:
    """Deletion and insertion curves.

    Attributes:
        mean: by map, way (deletion, insertion) and fill (black, blur): the mean over photographs of the probability of the
            grade that is explained, ``(STEPS + 1,)``, over the share of the retina's pixels taken away or put back.
        figures: areas under the curves.
        n_photographs: of how many.
        undefined: why there are none; empty if there are.
    """

    mean: Mapping[tuple[str, Way, Fill], NDArray[np.float64]] = field(default_factory=dict)
    figures: Sequence[MapFigure] = ()
    n_photographs: int = 0
    undefined: str = ""


def draw_curves(
    maps: EnsembleMaps,
    cases: Sequence[MaskedCase],
    heats: Sequence[Mapping[str, NDArray[np.float32]]],
    grades: NDArray[np.integer],
    people: NDArray[np.object_],
    versus: Mapping[str, Sequence[str]],
    reporter: Reporter,
    *,
    seed: int = 0,
) -> Curves:
    """Return the curves of maps, of the probability that the ensemble gives to a grade.

    Pixels are changed in what the networks are given, after the recipe; a partner stays as it is.

    Args:
        maps: the model.
        cases: photographs, n of them.
        heats: of each, maps by name at any resolution.
        grades: the grade that the maps explain, ``(n,)``.
        people: ``(n,)``.
        versus: of a map's name, those that it is held against.
        reporter: hears of progress.
        seed: of the intervals.
    """
    bundle = maps.bundle
    if any(recipe.steps[0] != bundle.recipes[0].steps[0] for recipe in bundle.recipes):
        return Curves(undefined="members see different frames of a photograph, and a map lies on one of them alone")
    if not cases:
        return Curves(undefined="no photograph was asked for")
    lines: dict[tuple[str, Way, Fill], list[NDArray[np.float64]]] = {}
    rows = []
    progress = reporter.progress("deletion and insertion")
    for done, (case, named, grade, person) in enumerate(zip(cases, heats, grades, people, strict=True), start=1):
        one = make_batch([case.request], len(bundle.recipes))
        for name, heat in named.items():
            row: dict[str, object] = {"image_id": case.index, "patient_id": person, "map": name}
            for way in WAYS:
                for fill in FILLS:
                    line = maps.grade(_perturbed(one, case, heat, way, fill))[:, grade]
                    lines.setdefault((name, way, fill), []).append(line)
                    row[figure_name(way, fill)] = area(line)
            rows.append(row)
        progress(done, len(cases))
    scores = pd.DataFrame(rows).sort_values("map", kind="stable")
    figures = summarise(
        scores,
        [figure_name(way, fill) for way in WAYS for fill in FILLS],
        {"sample": np.ones(len(cases), dtype=bool)},
        versus,
        seed=seed,
    )
    return Curves({key: np.mean(each, axis=0) for key, each in lines.items()}, figures, len(cases))


def figure_name(way: Way, fill: Fill) -> str:
    """Return the name of the area under a curve, such as ``deletion_blur``."""
    return f"{way}_{fill}"


def _perturbed(one: Batch, case: MaskedCase, heat: NDArray[np.float32], way: Way, fill: Fill) -> Batch:
    """Return a batch of one photograph as the batch of a curve's pictures."""
    images = []
    for picture in (images[0] for images in one.images):
        size = picture.shape[0]
        where = to_cells(case.framed.retina, (size, size)) >= 0.5
        images.append(perturbed(picture, enlarged(heat, size), where, way, fill, STEPS))
    partners = {
        pairing: [np.repeat(pictures, STEPS + 1, axis=0) for pictures in others]
        for pairing, others in one.partners.items()
    }
    present = {pairing: np.repeat(there, STEPS + 1) for pairing, there in one.present.items()}
    return Batch(images, partners, present)
