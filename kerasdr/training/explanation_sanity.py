"""Sanity checks of a model's heat maps: layers forget what they have learnt, and the maps should too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.evaluation.baseline_maps import to_cells
from kerasdr.evaluation.explanation_summary import MapFigure, summarise, why_undefined
from kerasdr.evaluation.explanations import FIGURES, enlarged, localise
from kerasdr.evaluation.map_similarity import correlation, rank_correlation
from kerasdr.evaluation.sanity_checks import (
    Stage,
    Verdict,
    chance_verdict,
    interval_over_draws,
    make_stage,
    similarity_verdict,
)
from kerasdr.reporting import Reporter
from kerasdr.scoring.arrays import Arrays
from kerasdr.scoring.ensemble_maps import EnsembleMaps
from kerasdr.scoring.grading import make_batch
from kerasdr.scoring.masked_cases import MaskedCase

if TYPE_CHECKING:
    from kerasdr.models.cam import CamMethod

RANDOM_WEIGHTS: Final = "random weights"
"""The name of the maps of a network whose weights are all random."""

STAGES: Final = 6
DRAWS: Final = 3
"""How often random weights are drawn for each stage."""

ALL_RANDOM_DRAWS: Final = 10
"""How often they are for the stage where all are random, which the verdicts are about."""


def check_sanity(
    maps: EnsembleMaps,
    cases: Sequence[MaskedCase],
    method: "CamMethod",
    heats: NDArray[np.float32],
    grades: NDArray[np.integer],
    scores: pd.DataFrame,
    random_map: str,
    centre: str,
    reporter: Reporter,
    *,
    seed: int = 0,
) -> tuple[list[Stage], list[Verdict], list[MapFigure]]:
    """Put random weights into a model's layers, in a cascade from the head down and part by part, and compare maps.

    The model has its own weights again afterwards.

    Args:
        maps: the model.
        cases: photographs, n of them.
        method: of the maps.
        heats: of the trained networks, ``(n, h, w)``.
        grades: the grade that the maps explain, ``(n,)``; it stays the trained network's.
        scores: localisation of these photographs by the trained network's and other maps, as for
            :func:`kerasdr.evaluation.explanation_summary.summarise`.
        random_map, centre: the names in ``scores`` of what the network with random weights is held against.
        reporter: hears of progress.
        seed: of the weights and the intervals.

    Returns:
        The stages, the verdicts, and the localisation of the network with random weights.
    """
    from kerasdr.models.randomised import cascade, initial_weights, randomised, weighted_layers

    if not cases:
        return [], [], []
    members = maps.bundle.members
    batch = make_batch([case.request for case in cases], len(maps.bundle.recipes))
    where = [to_cells(case.framed.retina, (heats.shape[1], heats.shape[2])) >= 0.5 for case in cases]
    people = scores[scores["map"] == method]["patient_id"].to_numpy()
    parts = [cascade(weighted_layers(member.weights), STAGES) for member in members]
    plans = _plans(parts)
    draws = {plan: ALL_RANDOM_DRAWS if plan == _everything(parts) else DRAWS for plan in plans}
    similar = {plan: (np.empty((draws[plan], len(cases))), np.empty((draws[plan], len(cases)))) for plan in plans}
    located = np.empty((ALL_RANDOM_DRAWS, len(cases), len(FIGURES)))
    progress, done = reporter.progress(f"sanity checks of {method}"), 0
    try:
        for draw in range(ALL_RANDOM_DRAWS):
            start: list[Arrays] = [
                initial_weights(member.model, member.recipe.size, _seed(seed, draw, place))
                for place, member in enumerate(members)
            ]
            for plan in (plan for plan in plans if draw < draws[plan]):
                maps.set_weights(
                    [
                        randomised(member.weights, initial, _layers(own, *plan))
                        for member, initial, own in zip(members, start, parts, strict=True)
                    ]
                )
                changed = maps.heat(batch, grades, method)
                ranks, values = similar[plan]
                for place, (before, after) in enumerate(zip(heats, changed, strict=True)):
                    ranks[draw, place] = rank_correlation(before, after, where[place])
                    values[draw, place] = correlation(before, after, where[place])
                if plan == _everything(parts):
                    located[draw] = [_located(case, heat) for case, heat in zip(cases, changed, strict=True)]
                done += 1
                progress(done, sum(draws.values()))
    finally:
        maps.set_weights([member.weights for member in members])
    stages = [
        make_stage(
            kind, _words(parts, kind, stage), _share(parts, kind, stage), *similar[kind, stage], people, seed=seed
        )
        for kind, stage in plans
    ]
    known = scores[scores["map"].isin([method, random_map, centre])]
    figures = summarise(known, FIGURES, {"sample": np.ones(len(cases), dtype=bool)}, {}, seed=seed)
    for other in ("", random_map, centre):
        below = known[known["map"] == other][list(FIGURES)].to_numpy(np.float64) if other else 0.0
        for column, figure in enumerate(FIGURES):
            interval = interval_over_draws((located - below)[..., column], people, seed=seed)
            gap = why_undefined(interval, len(cases))
            figures.append(MapFigure("sample", RANDOM_WEIGHTS, other, figure, interval, gap))
    auc = {one.minus: one.interval for one in figures if one.map == RANDOM_WEIGHTS and one.figure == "auc"}
    verdicts = [
        similarity_verdict(stages[plans.index(_everything(parts))]),
        chance_verdict(auc[""], auc[random_map], auc[centre]),
    ]
    return stages, verdicts, figures


def _plans(parts: Sequence[Sequence[tuple[str, ...]]]) -> list[tuple[str, int]]:
    count = max(map(len, parts))
    return [(kind, stage) for kind in ("cascade", "independent") for stage in range(count)]


def _everything(parts: Sequence[Sequence[tuple[str, ...]]]) -> tuple[str, int]:
    return "cascade", max(map(len, parts)) - 1


def _layers(own: Sequence[tuple[str, ...]], kind: str, stage: int) -> list[str]:
    """Return a member's layers of a stage; one of fewer parts than others is at its last."""
    last = min(stage, len(own) - 1)
    chosen = own[: last + 1] if kind == "cascade" else own[last : last + 1]
    return [layer for part in chosen for layer in part]


def _words(parts: Sequence[Sequence[tuple[str, ...]]], kind: str, stage: int) -> str:
    """Return a stage's layers in words, of the first member, from the head down."""
    layers = _layers(parts[0], kind, stage)
    return layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"


def _share(parts: Sequence[Sequence[tuple[str, ...]]], kind: str, stage: int) -> float:
    chosen = sum(len(_layers(own, kind, stage)) for own in parts)
    return chosen / sum(len(part) for own in parts for part in own)


def _located(case: MaskedCase, heat: NDArray[np.float32]) -> list[float]:
    retina = case.framed.retina
    return list(vars(localise(enlarged(heat, retina.shape[0]), case.lesions, retina)).values())


def _seed(seed: int, draw: int, member: int) -> int:
    """Return a seed of its own for each draw and member, as Keras takes it."""
    return int(np.random.SeedSequence([seed, 2, draw, member]).generate_state(1)[0])
