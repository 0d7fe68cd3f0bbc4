"""The test part of a run: opened once, by the chosen ensemble, and the answer kept."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import Experiment
from kerasdr.data.splits import read_split
from kerasdr.ensembles import EnsembleSpec, combine
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.files import write_text_atomically
from kerasdr.models import build_classifier, set_weights
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.job import score_photographs
from kerasdr.training.dataset import ExperimentData, open_dataset
from kerasdr.training.experiment import resumable
from kerasdr.training.feeds import PhotographFeed, predict
from kerasdr.training.predictions import write_predictions
from kerasdr.training.prepared import prepare_table
from kerasdr.training.run_folder import runs_of
from kerasdr.training.samples import take_samples

_RESULT = "metrics_test.json"


@dataclass(frozen=True)
class HeldOut:
    """Figures on the test part.

    Attributes:
        metrics: with intervals over people, of the photographs that were graded.
        methods: the same of every ensemble method that the run compared; the chosen one was chosen without them.
        photographs: in the test part, with a known grade.
        not_graded: of these, ungradable or unreadable.
        opened: when, in words.
    """

    metrics: dict[str, Interval]
    methods: dict[str, dict[str, Interval]]
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
        return _read(kept)
    experiment = resumable(run)
    bundle = load_bundle(run / "bundle")
    # Phantoms lie beside the folder of runs, two above the run's own.
    data = open_dataset(experiment.data, experiment.seed, runs_of(run).parent, reporter)
    table = data.table
    split = read_split(run / "split.csv").set_index("image_id")["split"]
    if split.reindex(table["image_id"]).tolist() != table["split"].tolist():
        raise KerasdrError(
            f"the photographs or labels have changed since {run} was trained: they are not its test part"
        )
    grades = table["grade"]
    if experiment.data.target == "person":
        grades = grades.groupby(table["patient_id"]).transform("max")
    in_test = (table["split"] == "test").to_numpy()
    asked = in_test & grades.notna().to_numpy() & (table["quality"] != "ungradable").to_numpy()
    rows = np.flatnonzero(asked)
    if len(rows) == 0:
        raise KerasdrError(f"{run} has no test part with grades: data.split or the data set gave it none")
    reporter.note(f"grading the test part: {len(rows)} photographs")
    # Photographs without a grade are scored along with the others, since they may be somebody's partner.
    graded = {row.sha256: row for row in score_photographs(table["path"][in_test].tolist(), bundle)}
    answers = [graded[data.digests[int(row)]] for row in rows]
    seen = np.array([answer.status == "graded" for answer in answers])
    if not seen.any():
        raise KerasdrError(f"no photograph of the test part of {run} could be graded: see `kerasdr data check`")
    probabilities = np.array([answer.probabilities for answer in answers if answer.status == "graded"])
    rows = rows[seen]
    truth = grades.to_numpy(dtype="int64", na_value=-1)[rows]
    people = table["patient_id"].to_numpy(dtype=str)[rows]
    metrics = grade_metrics(truth, probabilities, people, seed=experiment.seed)
    write_predictions(run / "predictions_test.csv", table, rows, truth, probabilities)
    methods = {}
    for method, part in _by_method(run, experiment, bundle, data, rows, reporter).items():
        methods[method] = grade_metrics(truth, part, people, seed=experiment.seed)
        write_predictions(run / f"predictions_test_{method}.csv", table, rows, truth, part)
    content = {
        "split": "test",
        "opened": time.strftime("%Y-%m-%d %H:%M:%S"),
        "bundle": bundle.digest,
        "photographs": len(seen),
        "not_graded": int((~seen).sum()),
        "ensemble": to_json(metrics),
        "methods": {name: to_json(figures) for name, figures in methods.items()},
    }
    write_text_atomically(kept, json.dumps(content, indent=1) + "\n")
    return HeldOut(metrics, methods, len(seen), int((~seen).sum()), "opened now for the first time")


def _by_method(
    run: Path,
    experiment: Experiment,
    bundle: Bundle,
    data: ExperimentData,
    rows: NDArray[np.int64],
    reporter: Reporter,
) -> dict[str, NDArray[np.float64]]:
    """Return the probabilities ``(n, 5)`` that each compared method gives some rows of the test part."""
    choice = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["choice"]
    specs = {name: EnsembleSpec.from_dict(spec) for name, spec in choice.get("specs", {}).items()}
    if len(specs) < 2:
        return {}
    parts = []
    for member, packed in zip(experiment.members, bundle.members, strict=True):
        progress = reporter.progress("preparing photographs")
        photographs = prepare_table(data.table, data.digests, member.imaging, runs_of(run) / ".cache", progress)
        samples = take_samples(data.table, photographs.usable, "test", member, experiment.data.target)
        network = build_classifier(member.model, member.imaging.size)
        set_weights(network, packed.weights)
        feed = PhotographFeed(photographs.images, member.model.mode == "dual")
        given = predict(network.predict_on_batch, feed, samples, member.training.batch_size)
        place = {row: index for index, row in enumerate(samples.rows)}
        parts.append(given[[place[row] for row in rows]])
    return {name: combine(spec, np.stack(parts)) for name, spec in specs.items()}


def _read(path: Path) -> HeldOut:
    content = json.loads(path.read_text(encoding="utf-8"))
    methods = {name: _figures(part) for name, part in content.get("methods", {}).items()}
    opened = f"opened at {content['opened']}"
    return HeldOut(_figures(content["ensemble"]), methods, content["photographs"], content["not_graded"], opened)


def _figures(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Interval]:
    return {
        name: Interval(**{key: float("nan") if value is None else value for key, value in figure.items()})  # type: ignore[arg-type]
        for name, figure in content.items()
    }
