"""Evidence about heat maps as files and text."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from kerasdr.data.lesion_masks import MaskedPhotographs
from kerasdr.evaluation.explanation_figures import evidence_figure
from kerasdr.evaluation.explanation_summary import MapFigure
from kerasdr.evaluation.explanation_text import (
    SHOWN,
    counts_text,
    figures_table,
    localisation_text,
    sanity_text,
)
from kerasdr.evaluation.explanations import TOLERANCE
from kerasdr.evaluation.intervals import to_json
from kerasdr.evaluation.perturbation import FILLS, WAYS
from kerasdr.evaluation.sanity_checks import Stage
from kerasdr.files import write_bytes_atomically, write_text_atomically
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.lesion_panel import Example, draw_examples
from kerasdr.scoring.masked_cases import FRAME, frame_masked
from kerasdr.scoring.png import encode_png
from kerasdr.training.explanation_curves import figure_name
from kerasdr.training.explanation_evidence import CEILING, ExplanationEvidence
from kerasdr.training.explanation_sanity import ALL_RANDOM_DRAWS, DRAWS

_FILES: Final = ("explanations.csv", "per_photograph.csv", "explanations.json", "explanations.txt", "curves.png")
_EXAMPLES: Final = "examples.png"


def evidence_text(evidence: ExplanationEvidence) -> str:
    """Return the whole report, without a line end at its end."""
    height, width = evidence.cells
    data = f"{evidence.about}. " + (
        "Figures say nothing about people." if evidence.phantoms else "Figures are of these photographs alone."
    )
    head = [
        f"model      {evidence.model}",
        f"data       {data}",
        f"maps       {', '.join(evidence.methods)} at {evidence.layer}: {height} x {width} cells, stretched to {FRAME} px;"
        " of the ensemble's own grade",
        f"lesions    any kind, in the frame of the networks; pointing game with a tolerance of {TOLERANCE:.0%} of the retina's"
        " diameter",
        "intervals  95% percentile bootstrap over people (2,000 resamples) of the mean over photographs",
        *(f"note       {note}" for note in evidence.notes),
        counts_text(evidence.counts, evidence.reasons, evidence.silent),
    ]
    curves = evidence.curves
    names = [figure_name(way, fill) for way in WAYS for fill in FILLS]
    title = "Area under deletion (low is good) and insertion (high is good)"
    if curves.undefined:
        drawn = f"{title}: undefined, because {curves.undefined}"
    else:
        drawn = f"{title}, {_sampled(curves.figures)}\n{figures_table(curves.figures, names)}"
    parts = [
        "\n".join(head),
        "Localisation. " + localisation_text(evidence.figures),
        f"'{CEILING}' is the lesions' own mask at the maps' resolution: about the energy and the AUC that such maps can reach.",
        drawn,
    ]
    if evidence.stages:
        parts += [
            f"Sanity checks of {evidence.methods[0]}, {_sampled(evidence.chance)}, "
            f"{DRAWS} draws of random weights, {ALL_RANDOM_DRAWS} where all are;"
            " intervals over people and draws\n" + sanity_text(evidence.stages, evidence.verdicts),
            "The same photographs, all weights random\n" + figures_table(evidence.chance, SHOWN),
        ]
    else:
        parts.append("Sanity checks: undefined, because no photograph was asked for")
    return "\n\n".join(parts)


def write_evidence(
    evidence: ExplanationEvidence, bundle: Bundle, photographs: MaskedPhotographs, out: Path
) -> list[Path]:
    """Write tables, text and pictures into a folder that is there.

    Args:
        evidence: what was found.
        bundle: the model.
        photographs: the data set, for the examples.
        out: the folder.

    Returns:
        The files.

    Raises:
        KerasdrError: if one cannot be written.
    """
    everything = [*evidence.figures, *evidence.curves.figures, *evidence.chance]
    rows = [one.to_dict() for one in everything]
    title = f"{evidence.model}, {_kind(evidence)}, maps of {evidence.cells[0]} x {evidence.cells[1]} cells"
    contents = (
        _csv(rows),
        evidence.scores.to_csv(index=False, lineterminator="\n", float_format="%.6f"),
        json.dumps(_plain(evidence, rows), indent=1, allow_nan=False) + "\n",
        evidence_text(evidence) + "\n",
        evidence_figure(
            evidence.curves.mean,
            evidence.stages,
            evidence.methods,
            title=f"{title}; {evidence.curves.n_photographs} photographs; bars are 95% intervals over people",
        ),
    )
    for name, content in zip(_FILES, contents, strict=True):
        if isinstance(content, str):
            write_text_atomically(out / name, content)
        else:
            write_bytes_atomically(out / name, content)
    written = [out / name for name in _FILES]
    if examples := _examples(evidence, bundle, photographs):
        page = draw_examples(examples, f"{title}; lesions outlined", f"{_kind(evidence)}; not a diagnosis")
        write_bytes_atomically(out / _EXAMPLES, encode_png(page))
        written.append(out / _EXAMPLES)
    return written


def _kind(evidence: ExplanationEvidence) -> str:
    return "phantoms (synthetic photographs)" if evidence.phantoms else "photographs of people"


def _sampled(figures: Sequence[MapFigure]) -> str:
    own = figures[0].interval
    return f"{own.n_images} photographs of {own.n_people} people"


def _examples(evidence: ExplanationEvidence, bundle: Bundle, photographs: MaskedPhotographs) -> list[Example]:
    """Return the photographs with the most, the median and the least energy of the first method on lesions."""
    method = evidence.methods[0]
    scores = evidence.scores[(evidence.scores["map"] == method) & evidence.scores["energy"].notna()]
    ranked = scores.sort_values("energy", kind="stable", ascending=False)
    if ranked.empty:
        return []
    by_name = {photograph.image_id: photograph for photograph in photographs.photographs}
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    made = []
    for word, place in places.items():
        row = ranked.iloc[place]
        framed = frame_masked(by_name[row["image_id"]], bundle)
        grade = "unknown" if pd.isna(row["grade"]) else str(row["grade"])
        made.append(
            Example(
                framed,
                evidence.heats[row["image_id"]],
                f"{word} by energy of {method}: {row['image_id']}, grade {grade}, graded {row['predicted']}",
                f"energy on lesions {row['energy']:.3f}; lesions are {row['lesion_share']:.3f} of the retina",
            )
        )
    return made


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6f}" if isinstance(value, float) else value for key, value in row.items()})
    return stream.getvalue()


def _plain(evidence: ExplanationEvidence, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "model": evidence.model,
        "data": evidence.about,
        "phantoms": evidence.phantoms,
        "notes": list(evidence.notes),
        "layer": evidence.layer,
        "methods": list(evidence.methods),
        "cells": list(evidence.cells),
        "frame": FRAME,
        "tolerance": TOLERANCE,
        "counts": dict(evidence.counts),
        "not_graded": dict(evidence.reasons),
        "without_heat": dict(evidence.silent),
        "figures": list(rows),
        "curves": [
            {"map": name, "way": way, "fill": fill, "score": [float(value) for value in np.round(line, 6)]}
            for (name, way, fill), line in evidence.curves.mean.items()
        ],
        "curves_undefined": evidence.curves.undefined,
        "sanity": [_stage(stage) for stage in evidence.stages],
        "verdicts": [{"check": one.check, "passed": one.passed, "text": one.text} for one in evidence.verdicts],
    }


def _stage(stage: Stage) -> dict[str, Any]:
    intervals = {"spearman": stage.spearman, "absolute": stage.absolute, "pearson": stage.pearson}
    about = {"kind": stage.kind, "layers": stage.layers, "share": stage.share, "constant_maps": stage.silent}
    return {**about, **to_json(intervals)}
