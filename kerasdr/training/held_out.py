"""The test part of a run: opened once, by the chosen ensemble, and the answer kept."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.files import write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.job import score_photographs
from kerasdr.training.dataset import open_dataset
from kerasdr.training.experiment import resumable, write_predictions

_RESULT = "metrics_test.json"


@dataclass(frozen=True)
class HeldOut:
    """Figures on the test part.

    Attributes:
        metrics: with intervals over people, of the photographs that were graded.
        photographs: in the test part, with a known grade.
        not_graded: of these, ungradable or unreadable.
        opened: when, in words.
    """

    metrics: dict[str, Interval]
    photographs: int
    not_graded: int
    opened: str


def open_test_part(run: Path, reporter: Reporter) -> HeldOut:
    """Grade a run's test part with its bundle, by the code that `kerasdr predict` runs, or return what was kept.

    Args:
        run: a finished run.
        reporter: hears of progress.

    Raises:
        KerasdrError: if the run is not finished, or has no test part.
    """
    kept = run / _RESULT
    if kept.is_file():
        content = json.loads(kept.read_text(encoding="utf-8"))
        metrics = {name: _interval(figure) for name, figure in content["ensemble"].items()}
        return HeldOut(metrics, content["photographs"], content["not_graded"], f"opened at {content['opened']}")
    experiment = resumable(run)
    bundle = load_bundle(run / "bundle")
    # Phantoms lie beside the folder of runs, two above the run's own.
    data = open_dataset(experiment.data, experiment.seed, run.resolve().parents[2], reporter)
    split = read_split(run / "split.csv").set_index("image_id")["split"]
    table = data.table
    if split.reindex(table["image_id"]).tolist() != table["split"].tolist():
        raise KerasdrError(f"the photographs or labels have changed since {run} was trained: they are not its test part")
    chosen = (table["split"] == "test") & table["grade"].notna() & (table["quality"] != "ungradable")
    rows = np.flatnonzero(chosen.to_numpy())
    if len(rows) == 0:
        raise KerasdrError(f"{run} has no test part: data.split gave it none")
    grades = table["grade"]
    if experiment.data.target == "person":
        grades = grades.groupby(table["patient_id"]).transform("max")
    reporter.note(f"grading the test part: {len(rows)} photographs")
    graded = {row.sha256: row for row in score_photographs(table["path"].iloc[rows].tolist(), bundle)}
    answers = [graded[data.digests[row]] for row in rows]
    seen = np.array([answer.status == "graded" for answer in answers])
    if not seen.any():
        raise KerasdrError(f"no photograph of the test part of {run} could be graded: see `kerasdr data check`")
    probabilities = np.array([answer.probabilities for answer in answers if answer.status == "graded"])
    truth = grades.to_numpy(dtype="int64", na_value=-1)[rows[seen]]
    people = table["patient_id"].to_numpy(dtype=str)[rows[seen]]
    metrics = grade_metrics(truth, probabilities, people, seed=experiment.seed)
    write_predictions(run / "predictions_test.csv", table, rows[seen], truth, probabilities)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    content = {
        "split": "test",
        "opened": stamp,
        "bundle": bundle.digest,
        "photographs": len(rows),
        "not_graded": int((~seen).sum()),
        "ensemble": to_json(metrics),
    }
    write_text_atomically(kept, json.dumps(content, indent=1) + "\n")
    return HeldOut(metrics, len(rows), int((~seen).sum()), "opened now for the first time")


def _interval(figure: dict[str, float | None]) -> Interval:
    return Interval(**{name: float("nan") if value is None else value for name, value in figure.items()})  # type: ignore[arg-type]
