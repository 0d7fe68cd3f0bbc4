"""Heat maps of a model held against lesion masks: localisation, deletion and insertion, sanity checks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.data.lesion_masks import MaskedPhotographs
from kerasdr.errors import KerasdrError
from kerasdr.evaluation import baseline_maps
from kerasdr.evaluation.explanation_summary import MapFigure, in_groups, summarise
from kerasdr.evaluation.explanations import FIGURES, enlarged, localise
from kerasdr.evaluation.intervals import few_people
from kerasdr.evaluation.sanity_checks import Stage, Verdict
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.ensemble_maps import EnsembleMaps
from kerasdr.scoring.grading import make_batch
from kerasdr.scoring.masked_cases import MaskedCase, read_cases
from kerasdr.training.explanation_curves import Curves, draw_curves
from kerasdr.training.explanation_sanity import check_sanity

if TYPE_CHECKING:
    from kerasdr.models.cam import CamMethod

CENTRE, RANDOM, CONTRAST, CONTRAST_CELLS, CEILING = (
    "centre prior",
    "random map",
    "green contrast",
    "green contrast in cells",
    "lesions in cells",
)
BASELINES: Final = (CENTRE, RANDOM, CONTRAST, CONTRAST_CELLS)
"""Maps that no network has made; every method is held against each of them."""


@dataclass(frozen=True)
class ExplanationEvidence:
    """What was found about the heat maps of a model.

    Attributes:
        about: in words, whose photographs they are.
        phantoms: whether they are synthetic.
        notes: what else a person should know.
        model: its label.
        layer: whose map is weighed.
        methods: of heat maps.
        cells: height and width of the heat maps.
        counts: ``photographs``, ``not_asked``, ``without_lesions``, ``with_lesions`` and ``people`` with lesions.
        reasons: why photographs were not asked about, and of how many.
        silent: of each method, how many photographs with lesions have a map without heat on the retina.
        scores: one row a photograph with lesions and map.
        figures: of localisation, in each group.
        curves: deletion and insertion.
        stages, verdicts: of the sanity checks of the first method.
        chance: localisation of the network with random weights, on the photographs of the sanity checks.
        heats: of each photograph with lesions, by its name: the methods' maps and the contrast in cells, by name.
    """

    about: str
    phantoms: bool
    notes: tuple[str, ...]
    model: str
    layer: str
    methods: tuple[str, ...]
    cells: tuple[int, int]
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    silent: Mapping[str, int]
    scores: pd.DataFrame
    figures: Sequence[MapFigure]
    curves: Curves
    stages: Sequence[Stage]
    verdicts: Sequence[Verdict]
    chance: Sequence[MapFigure]
    heats: Mapping[str, Mapping[str, NDArray[np.float32]]]


def find_explanation_evidence(
    bundle: Bundle,
    photographs: MaskedPhotographs,
    reporter: Reporter,
    *,
    methods: Sequence["CamMethod"] = ("gradcam",),
    layer: str = "features",
    sample: int = 40,
    seed: int = 0,
    max_channels: int | None = 128,
    seen: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> ExplanationEvidence:
    """Hold the heat maps of a model against lesion masks; needs Keras.

    The map explains the ensemble's own grade and is the one that `kerasdr predict` draws.

    Args:
        bundle: the model.
        photographs: with masks.
        reporter: hears of progress.
        methods: of :mod:`kerasdr.models.cam`; sanity checks are of the first.
        layer: whose map is weighed.
        sample: of how many photographs with lesions curves are drawn and sanity checks made, both of which take long.
        seed: of random maps, random weights, the sample and the intervals.
        max_channels: of Score-CAM.
        seen: SHA-256 of photographs that the model must not have seen, and what it did with each, in words.
        notes: what a person should know besides.

    Raises:
        KerasdrError: if the model has seen a photograph, no photograph can be used, or a mask does not fit.
    """
    maps = EnsembleMaps(bundle, methods, layer, max_channels=max_channels)
    cases, reasons = _read(bundle, photographs, reporter, seen or {})
    marked = [case for case in cases if _can_be_judged(case)]
    if not marked:
        raise KerasdrError(
            f"none of {len(photographs.photographs)} photographs can be graded and shows a lesion: check the masks, or take "
            "more photographs"
        )
    images = [photographs.photographs[case.index] for case in marked]
    batch = make_batch([case.request for case in marked], len(bundle.recipes))
    predicted = maps.grade(batch).argmax(axis=1)
    heats: dict[str, NDArray[np.float32]] = {}
    for method in methods:
        reporter.note(f"{method}: maps of {len(marked)} photographs")
        heats[method] = maps.heat(batch, predicted, method)
    cells = (int(heats[methods[0]].shape[1]), int(heats[methods[0]].shape[2]))
    named = [
        _maps_of(case, {name: heats[name][place] for name in methods}, cells, seed) for place, case in enumerate(marked)
    ]
    about = pd.DataFrame(
        {
            "image_id": [image.image_id for image in images],
            "patient_id": [image.patient_id for image in images],
            "grade": pd.array([image.grade for image in images], dtype="Int64"),
            "predicted": predicted,
            "lesion_share": [float(case.lesions[case.framed.retina].mean()) for case in marked],
        }
    )
    scores = pd.concat(
        [_scores(about, name, marked, [each[name] for each in named]) for name in named[0]], ignore_index=True
    )
    people = about["patient_id"].to_numpy()
    figures = summarise(
        scores,
        FIGURES,
        in_groups([image.grade for image in images], predicted.tolist()),
        dict.fromkeys(methods, BASELINES),
        seed=seed,
    )
    chosen = np.sort(np.random.default_rng([seed, 1]).permutation(len(marked))[:sample])
    drawn = [*methods, CENTRE, RANDOM, CONTRAST_CELLS]
    some = [marked[place] for place in chosen]
    curves = draw_curves(
        maps,
        some,
        [{name: named[place][name] for name in drawn} for place in chosen],
        predicted[chosen],
        people[chosen],
        {name: drawn[len(methods) :] for name in methods},
        reporter,
        seed=seed,
    )
    stages, verdicts, chance = check_sanity(
        maps,
        some,
        methods[0],
        heats[methods[0]][chosen],
        predicted[chosen],
        scores[scores["image_id"].isin(about["image_id"].iloc[chosen])],
        RANDOM,
        CENTRE,
        reporter,
        seed=seed,
    )
    counts = {
        "photographs": len(photographs.photographs),
        "not_asked": sum(reasons.values()),
        "without_lesions": len(cases) - len(marked),
        "with_lesions": len(marked),
        "people": len(set(people)),
    }
    few = few_people("photographs with lesions are", counts["people"])
    if some and not few:
        few = few_people("curves and sanity checks are", len(set(people[chosen])))
    return ExplanationEvidence(
        photographs.about,
        photographs.phantoms,
        (
            *photographs.notes,
            *notes,
            *few,
            *(f"member {name} is not in the maps: {why}" for name, why in maps.left_out.items()),
        ),
        bundle.label,
        layer,
        tuple(methods),
        cells,
        counts,
        reasons,
        {name: int((scores["energy"].isna() & (scores["map"] == name)).sum()) for name in methods},
        scores,
        figures,
        curves,
        stages,
        verdicts,
        chance,
        {
            image.image_id: {name: each[name] for name in (*methods, CONTRAST_CELLS)}
            for image, each in zip(images, named, strict=True)
        },
    )


def _read(
    bundle: Bundle, photographs: MaskedPhotographs, reporter: Reporter, seen: Mapping[str, str]
) -> tuple[list[MaskedCase], dict[str, int]]:
    cases: list[MaskedCase] = []
    reasons: Counter[str] = Counter()
    progress = reporter.progress("reading photographs and masks")
    for done, (index, case) in enumerate(read_cases(photographs.photographs, bundle), start=1):
        if isinstance(case, str):
            reasons[case] += 1
        else:
            if (what := seen.get(case.request.photograph.sha256)) is not None:
                raise KerasdrError(
                    f"{bundle.label} {what} the photograph {photographs.photographs[index].image_id}: take photographs "
                    "that it has not seen"
                )
            cases.append(case)
        progress(done, len(photographs.photographs))
    return sorted(cases, key=lambda case: case.index), dict(reasons)


def _can_be_judged(case: MaskedCase) -> bool:
    """Whether there are lesions to find, and more than lesions."""
    inside = case.lesions[case.framed.retina]
    return bool(inside.any() and not inside.all())


def _maps_of(
    case: MaskedCase, heats: Mapping[str, NDArray[np.float32]], cells: tuple[int, int], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Return all maps of a photograph by name, each at its own resolution."""
    retina = case.framed.retina
    contrast = baseline_maps.local_contrast(case.framed.picture, retina)
    return {
        **heats,
        CENTRE: baseline_maps.centre_prior(retina),
        RANDOM: baseline_maps.random_map(cells, np.random.default_rng([seed, 0, case.index])),
        CONTRAST: contrast,
        CONTRAST_CELLS: baseline_maps.to_cells(contrast, cells),
        CEILING: baseline_maps.to_cells(case.lesions, cells),
    }


def _scores(
    about: pd.DataFrame, name: str, cases: Sequence[MaskedCase], heats: Sequence[NDArray[np.float32]]
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for case, heat in zip(cases, heats, strict=True):
        retina = case.framed.retina
        rows.append(vars(localise(enlarged(heat, retina.shape[0]), case.lesions, retina)))
    return pd.concat([about.assign(map=name), pd.DataFrame(rows, columns=list(FIGURES))], axis=1)
