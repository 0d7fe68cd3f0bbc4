"""Small pictures of photographs that a run graded wrong, drawn from the photographs themselves where they still lie there."""

import functools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import load
from kerasdr.data.pairs import gradable_partners
from kerasdr.data.readers import read_table
from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.worst import Thumbnail, Thumbnails
from kerasdr.files import printable_path
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import choose_engine, make_engine
from kerasdr.scoring.grading import Request, bundle_pairings, make_batch
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.overlay import blend, encode_webp
from kerasdr.scoring.photographs import Photograph, load_photograph
from kerasdr.training.dataset import data_root
from kerasdr.training.run_folder import runs_of

_SIDE = 220


def worst_thumbnails(run: RunFiles, worst: pd.DataFrame) -> Thumbnails:
    """Draw photographs, and the heat maps of their predicted grades where the run's model has graphs to compute them.

    No figure comes of it and no test part is opened by it: only photographs that the run has graded before are read.

    Args:
        run: a run, or the folds of a cross-validation.
        worst: rows of its predictions, with ``fold`` where there are folds.

    Returns:
        Pictures by ``image_id``; a photograph that is gone or has changed has none, and the reason is among the gaps.
    """
    pictures: dict[str, Thumbnail] = {}
    gaps: list[str] = []
    for folder, rows in _by_run(run, worst):
        try:
            for name, made in _draw(folder, rows["image_id"].astype(str).tolist()):
                if isinstance(made, Thumbnail):
                    pictures[name] = made
                else:
                    gaps.append(made)
        except KerasdrError as error:
            gaps.append(f"pictures of the worst errors: {error}")
    return Thumbnails(pictures, tuple(dict.fromkeys(gaps)))


def _by_run(run: RunFiles, worst: pd.DataFrame) -> Iterator[tuple[Path, pd.DataFrame]]:
    if not run.folds:
        yield run.path, worst
    elif "fold" in worst:
        for number, rows in worst.groupby("fold", sort=True):
            yield run.path / f"repeat-1-fold-{number}", rows


def _draw(run: Path, names: list[str]) -> Iterator[tuple[str, Thumbnail | str]]:
    config = load(str(run / "config.yaml")).data
    # Phantoms lie beside the folder of runs.
    root = data_root(config, runs_of(run).parent)
    table = read_table(config.layout, root, config.options).table
    digests = read_split(run / "split.csv").set_index("image_id").get("sha256")
    bundle = load_bundle(run / "bundle")
    engine, why = _engine(bundle)
    if why:
        yield "", why
    partners = {pairing: gradable_partners(table, pairing) for pairing in bundle_pairings(bundle)}
    places = {str(name): place for place, name in enumerate(table["image_id"])}
    lost = 0

    @functools.cache
    def photograph(place: int) -> Photograph:
        path = Input(str(table["path"].iloc[place]))
        return load_photograph(place, path, bundle.recipes, bundle.max_megapixels, bundle.shown_recipe)

    for name in names:
        place = places.get(name)
        shown = None if place is None else photograph(place)
        known = None if digests is None else digests.get(name)
        if place is None or shown is None or shown.display is None or shown.sha256 != known:
            lost += 1
            continue
        others = {pairing: int(of[place]) for pairing, of in partners.items()}
        request = Request(
            shown,
            {
                pairing: photograph(other) if other >= 0 and photograph(other).ready else None
                for pairing, other in others.items()
            },
        )
        yield name, Thumbnail(*_picture(shown.display, request, bundle, engine))
    if lost:
        yield (
            "",
            f"pictures of {lost} of the worst errors: the photographs are not in {printable_path(root)} as they were; put them "
            "back there and make the page anew",
        )


def _engine(bundle: Bundle) -> tuple[Engine | None, str]:
    """Return an engine, or why there is none: a page is not worth loading a training framework for."""
    if choose_engine(bundle) == "keras":
        return None, "heat maps of the worst errors: the model has no graphs; `kerasdr bundle build RUN` makes them"
    return make_engine(bundle, 1, gradcam=True), ""


def _picture(
    display: NDArray[np.uint8], request: Request, bundle: Bundle, engine: Engine | None
) -> tuple[bytes, str, bool]:
    shown = [display]
    if engine is not None:
        heat = engine.predict(make_batch([request], len(bundle.recipes))).heatmaps
        assert heat is not None
        shown.append(blend(display, heat[0]))
    small = [np.asarray(cv2.resize(one, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8) for one in shown]
    return encode_webp(np.hstack(small)), "image/webp", engine is not None
