"""The pictures of a task's run: Grad-CAM over validation photographs, and photographs before and after preprocessing.

``<run>/figures/`` holds::

    gradcam-1-grade-4.png ..    Figure 5 of the report
    preview-1-grade-4.png ..    Figure 3
    figures.json                written last: what was asked for, and which files answer it

Names are numbers and true grades; a photograph's own name may say who it is.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from kerasdr.data.pairs import gradable_partners
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.predictions import read_predictions
from kerasdr.files import make_folder, write_bytes_atomically, write_text_atomically
from kerasdr.imaging.decode import decode
from kerasdr.imaging.panel import before_after
from kerasdr.imaging.prepare import prepare
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.explaining import Explainer
from kerasdr.scoring.explanation_panel import draw_explanation
from kerasdr.scoring.grading import Request, bundle_pairings, foot
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.photographs import Photograph, load_photograph
from kerasdr.scoring.png import encode_png
from kerasdr.scoring.reading import read_bytes
from kerasdr.tasks import TaskFigures
from kerasdr.training.dataset import ExperimentData
from kerasdr.training.held_out import open_run

_RECORD = "figures.json"
_OWN = re.compile(r"(gradcam|preview)-\d+-grade-\d\.png")
# Smaller pictures of one photograph are read in full, so that the original is shown as it is.
_ORIGINAL_SIDE = 1024


def write_task_figures(run: Path, figures: TaskFigures, reporter: Reporter) -> list[Path]:
    """Draw the pictures that a row asks for into a finished run, once.

    What an interruption left is drawn anew; where all was drawn before, nothing is read.

    Args:
        run: a finished run.
        figures: how many pictures of which kind.
        reporter: hears of progress.

    Returns:
        The pictures, in the order of their names.

    Raises:
        KerasdrError: if the run's data have changed, or a picture cannot be written.
    """
    folder = run / "figures"
    wanted = figures.model_dump()
    if not any(wanted.values()):
        return []
    drawn = _drawn_before(folder, wanted)
    if drawn is not None:
        return drawn
    make_folder(folder, "check its permissions")
    opened = open_run(run, reporter)
    data, bundle = opened.data, opened.bundle
    chosen = spread_over_grades(_judged(run, data), max(wanted.values()))
    names = []
    progress = reporter.progress("drawing figures")
    for kind, pictures in (
        ("gradcam", _explained(bundle, data, chosen.head(figures.explain))),
        ("preview", _previewed(bundle, chosen.head(figures.preview))),
    ):
        for number, (grade, png) in enumerate(pictures, start=1):
            names.append(f"{kind}-{number}-grade-{grade}.png")
            write_bytes_atomically(folder / names[-1], png)
            progress(len(names), sum(wanted.values()))
    for path in folder.iterdir():
        if _OWN.fullmatch(path.name) and path.name not in names:
            path.unlink()
    write_text_atomically(folder / _RECORD, json.dumps({"asked": wanted, "files": names}, indent=1) + "\n")
    reporter.note(f"figures: {len(names)} in {folder}")
    return [folder / name for name in names]


def spread_over_grades(photographs: pd.DataFrame, count: int) -> pd.DataFrame:
    """Choose photographs to be shown: no hand in it, the same ones each time, of as many grades and people as can be.

    Grades are gone round from 4 down to 0, since lesions are what a picture is looked at for. Of a grade, photographs come
    in the order of their bytes' SHA-256, which is as good as a draw, and one of a person who is not shown yet goes before
    one of a person who is.

    Args:
        photographs: columns ``grade, patient_id, digest`` at least; any index.
        count: how many; fewer if there are no more.

    Returns:
        The rows that were chosen, in that order.
    """
    left = photographs.sort_values("digest", kind="stable")
    chosen: list[object] = []
    shown: set[str] = set()
    while len(chosen) < count and len(left):
        for grade in sorted(left["grade"].unique(), reverse=True)[: count - len(chosen)]:
            of_grade = left[left["grade"] == grade]
            known = of_grade["patient_id"].isin(shown)
            place = known.idxmin()  # the first of someone new, or the first of all
            chosen.append(place)
            shown.add(str(left.loc[place, "patient_id"]))
            left = left.drop(index=place)
    return photographs.loc[chosen]


def _drawn_before(folder: Path, wanted: dict[str, int]) -> list[Path] | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        paths = [folder / str(name) for name in record["files"]]
        if record["asked"] == wanted and all(path.is_file() for path in paths):
            return paths
    return None


def _judged(run: Path, data: ExperimentData) -> pd.DataFrame:
    """Return the validation photographs that the run was judged on, by their place in the data's table."""
    judged = read_predictions(run / "predictions_validation.csv").set_index("image_id")["grade"]
    table = data.table[data.table["image_id"].isin(judged.index)]
    digests = [data.digests[place] for place in table.index]
    return table[["path", "patient_id"]].assign(grade=judged.loc[table["image_id"]].to_numpy(), digest=digests)


def _explained(bundle: Bundle, data: ExperimentData, chosen: pd.DataFrame) -> Iterator[tuple[int, bytes]]:
    if chosen.empty:
        return
    explainer = Explainer(bundle)
    # As in training, the data set's table says who is whose partner.
    partners = {pairing: gradable_partners(data.table, pairing) for pairing in bundle_pairings(bundle)}

    def load(place: int) -> Photograph:
        entry = Input(str(data.table["path"].iloc[place]))
        return load_photograph(place, entry, bundle.recipes, bundle.max_megapixels, bundle.shown_recipe)

    for place, grade in chosen["grade"].items():
        photograph = load(place)
        if not photograph.ready:  # it was when the run was trained, and its bytes are the same
            raise KerasdrError(f"{data.table['path'].iloc[place]}: {photograph.reason}")
        others = {pairing: load(int(places[place])) for pairing, places in partners.items() if places[place] >= 0}
        request = Request(photograph, {p: others[p] if p in others and others[p].ready else None for p in partners})
        panel = draw_explanation(explainer.explain(request), foot(bundle), f"true grade {grade}")
        yield int(grade), encode_png(panel)


def _previewed(bundle: Bundle, chosen: pd.DataFrame) -> Iterator[tuple[int, bytes]]:
    for path, grade in zip(chosen["path"], chosen["grade"], strict=True):
        data = read_bytes(path)
        limit = bundle.max_megapixels
        results = [
            # Members may differ in their sizes alone.
            (f"{recipe.name}, {recipe.size} px", prepare(data, recipe, max_megapixels=limit).image)
            for recipe in bundle.recipes
        ]
        original = decode(data, max_megapixels=limit, min_side=_ORIGINAL_SIDE)
        yield int(grade), encode_png(before_after(original, results))
