"""The test part of a run: opened once, by the chosen ensemble, and the answer kept."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import Experiment
from kerasdr.data.fingerprint import has_test_part
from kerasdr.ensembles import EnsembleSpec, combine
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.calibration_report import CalibrationReport, report_from_json, report_to_json
from kerasdr.evaluation.intervals import Interval, from_json, grade_metrics, to_json
from kerasdr.evaluation.predictions import predictions_csv, write_predictions
from kerasdr.files import printable_path, sha256_of, sha256_of_file, write_bytes_atomically, write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.engine import EnsembleEngine
from kerasdr.scoring.engine_keras import build_network
from kerasdr.scoring.engines import require_installed
from kerasdr.scoring.sealed import SUMS
from kerasdr.training.calibrating import judge_calibration
from kerasdr.training.dataset import ExperimentData, open_dataset
from kerasdr.training.experiment import prepare_members, require_same_data, resumable
from kerasdr.training.feeds import PhotographFeed, predict
from kerasdr.training.openings import LEDGER, note_opening, read_openings
from kerasdr.training.run_folder import runs_of
from kerasdr.training.run_lock import hold
from kerasdr.training.samples import Samples, grades_asked_for, take_samples

_RESULT = "metrics_test.json"


class NoTestPart(KerasdrError):
    """A run whose data set has no test part, or none with grades."""


@dataclass(frozen=True)
class HeldOut:
    """Figures on the test part.

    Attributes:
        metrics: with intervals over people, of the photographs that were graded.
        methods: the same of every ensemble method that the run compared, uncalibrated; the chosen one was chosen without them.
        photographs: in the test part, with a known grade.
        not_graded: of these, ungradable or unreadable.
        opened: when, in words.
        calibration: what calibration, sets and operating point do; None of a bundle that was not calibrated.
    """

    metrics: dict[str, Interval]
    methods: dict[str, dict[str, Interval]]
    photographs: int
    not_graded: int
    opened: str
    calibration: CalibrationReport | None = None


@dataclass(frozen=True)
class OpenedRun:
    """A finished run: its folder, its configuration, what it grades with, and its data."""

    run: Path
    experiment: Experiment
    bundle: Bundle
    data: ExperimentData


def open_test_part(
    run: Path, reporter: Reporter, *, command: str = "open_test_part", reopen: str | None = None
) -> HeldOut:
    """Grade a run's test part with its bundle, or return what was kept.

    Each opening is a line in the run's ledger (:mod:`kerasdr.training.openings`), written before the answer is; returning
    what was kept is none.

    Photographs are prepared by the code that `kerasdr predict` runs, and each has the partner that the data set's table
    gives it, as in training.

    Args:
        run: a finished run.
        reporter: hears of progress.
        command: what opens it, for the ledger.
        reopen: why it is to be graded again, for the ledger.

    Raises:
        NoTestPart: if it has none, or none with grades.
        KerasdrError: if the run is not finished, its data have changed, it was opened before and the answer is gone, a
            reason is given for what was not opened, or another process is at it.
    """
    if reopen is None and (run / _RESULT).is_file():
        return _read(run / _RESULT)
    with hold(run):  # or two at once would both open it for the first time
        return _open(run, reporter, command, reopen)


def _open(run: Path, reporter: Reporter, command: str, reopen: str | None) -> HeldOut:
    kept = run / _RESULT
    before = read_openings(run)
    if reopen is None and kept.is_file():
        return _read(kept)
    if reopen is None and before:
        raise KerasdrError(
            f"the test part of {run} was opened at {before[-1].time} and the answer is gone: restore {_RESULT} from a copy, "
            f"or open it again with --reopen REASON, which {LEDGER} keeps"
        )
    if reopen is not None and not reopen.strip():
        raise KerasdrError("--reopen needs a reason, which the run keeps: say why the test part is opened again")
    if reopen is not None and not before and not kept.is_file():
        raise KerasdrError(f"the test part of {run} was not opened yet: leave out --reopen")
    if not _may_have_test_part(run):  # told before all photographs are read for nothing
        raise NoTestPart(f"{run} has no test part: data.split gave it none")
    opened = open_run(run, reporter)
    experiment, bundle, data = opened.experiment, opened.bundle, opened.data
    table = data.table
    grades = grades_asked_for(table, experiment.data.target)
    asked = ((table["split"] == "test") & grades.notna()).to_numpy()
    if not asked.any():
        raise NoTestPart(f"{run} has no test part with grades: data.split or the data set gave it none")
    reporter.note(f"grading the test part: {int(asked.sum())} photographs")
    samples, members = ask_members(opened, table, reporter)

    def figures(probabilities: NDArray[np.float64]) -> dict[str, Interval]:
        return grade_metrics(samples.grades, probabilities, samples.people, seed=experiment.seed)

    predictions = run / "predictions_test.csv"
    raw, together = combine(bundle.ensemble, members), bundle.combined(members)
    calibration, judged = bundle.calibration, None
    decision = None if calibration is None else calibration.decide(together)
    answer = predictions_csv(table, samples.rows, samples.grades, together, raw, decision)
    # Before a grade stands beside a label on disk: whoever stops here has opened it.
    opening = note_opening(
        run,
        command=command,
        bundle=bundle.digest,
        predictions_sha256=sha256_of(answer),
        reason=" ".join((reopen or "").split()),
    )
    write_bytes_atomically(predictions, answer)
    if calibration is not None:
        judged = judge_calibration(
            run, "test", calibration, raw, together, samples.grades, samples.people, seed=experiment.seed
        )
    metrics = figures(together)
    methods: dict[str, dict[str, Interval]] = {}
    for method, spec in _compared(run).items():
        one = combine(spec, members)
        methods[method] = figures(one)
        write_predictions(run / f"predictions_test_{method}.csv", table, samples.rows, samples.grades, one)
    n_asked = int(asked.sum())
    content = {
        "split": "test",
        "opened": opening.time,
        "bundle": bundle.digest,
        "photographs": n_asked,
        "not_graded": n_asked - len(samples),
        "ensemble": to_json(metrics),
        "methods": {name: to_json(part) for name, part in methods.items()},
    }
    if judged is not None:
        content["calibration"] = report_to_json(judged)
    write_text_atomically(kept, json.dumps(content, indent=1) + "\n")
    said = "opened now for the first time"
    if reopen is not None:
        last = before[-1].time if before else "a time that an earlier version kept no ledger of"
        said = f"opened again now; it was opened at {last} before"
    return HeldOut(metrics, methods, n_asked, n_asked - len(samples), said, judged)


def _may_have_test_part(run: Path) -> bool:
    """Whether a run's files do not say that it has no test part."""
    try:
        return has_test_part(json.loads((run / "data.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError):  # what is wrong there is told when it is opened
        return True


def open_run(run: Path, reporter: Reporter) -> OpenedRun:
    """Open a finished run with the data that it was begun with.

    Args:
        run: its folder.
        reporter: hears of progress.

    Raises:
        KerasdrError: if the run is not finished, or its data have changed.
    """
    experiment = resumable(run)
    bundle = load_bundle(run / "bundle")
    # Phantoms lie beside the folder of runs, two above the run's own.
    data = open_dataset(experiment.data, experiment.seed, runs_of(run).parent, reporter)
    require_same_data(run, data)
    return OpenedRun(run, experiment, bundle, data)


def ask_members(opened: OpenedRun, table: pd.DataFrame, reporter: Reporter) -> tuple[Samples, NDArray[np.float64]]:
    """Ask each of a bundle's members about the test part.

    Args:
        opened: the run.
        table: its data's table; which photographs have a grade there decides which are asked about.
        reporter: hears of progress.

    Returns:
        The test samples that can be read and graded, and what the members say, ``(M, n, 5)``.

    Raises:
        KerasdrError: if there are none.
    """
    experiment = opened.experiment
    prepared = prepare_members(experiment, opened.data, runs_of(opened.run), reporter)
    usable = np.logical_and.reduce([photographs.usable for photographs in prepared.values()])
    parts, engine = [], _lower_engine(opened.bundle, max(m.training.batch_size for m in experiment.members))
    for place, (member, packed) in enumerate(zip(experiment.members, opened.bundle.members, strict=True)):
        samples = take_samples(table, usable, "test", member, experiment.data.target)
        feed = PhotographFeed(prepared[member.name].images, packed.model.mode == "dual")
        ask = functools.partial(_asked, engine, place) if engine else build_network(packed).predict_on_batch
        parts.append(predict(ask, feed, samples, member.training.batch_size))
    return samples, np.stack(parts).astype(np.float64)


def _lower_engine(bundle: Bundle, batch_size: int) -> EnsembleEngine | None:
    """Return the engine that `kerasdr predict` would run, if it makes a difference: at a lower precision."""
    if "openvino" not in bundle.graphs or bundle.graphs["openvino"].precision == "float32":
        return None
    require_installed("openvino")
    from kerasdr.scoring.engine_openvino import OpenVINOEngine

    return OpenVINOEngine(bundle, batch_size, gradcam=False)


def _asked(engine: EnsembleEngine, place: int, inputs: dict[str, NDArray[Any]]) -> NDArray[np.floating]:
    return engine.run(place, inputs)[0]


def _compared(run: Path) -> dict[str, EnsembleSpec]:
    """Return the ensemble methods that the run compared, if there was more than one."""
    choice = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["choice"]
    specs = {name: EnsembleSpec.from_dict(spec) for name, spec in choice.get("specs", {}).items()}
    return specs if len(specs) > 1 else {}


def _read(path: Path) -> HeldOut:
    """Return what was kept.

    Raises:
        KerasdrError: if it cannot be read.
    """
    try:
        return _kept(path, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KerasdrError(
            f"{printable_path(path)} cannot be read or is damaged: restore it from a copy, or open the test part again with "
            f"--reopen REASON, which {LEDGER} keeps"
        ) from error


def _kept(path: Path, content: dict[str, Any]) -> HeldOut:
    methods = {name: from_json(part) for name, part in content.get("methods", {}).items()}
    openings = read_openings(path.parent)
    opened = f"opened at {content['opened']}"
    if len(openings) > 1:
        opened += f", {len(openings)} times in all ({LEDGER} says why)"
    predictions = path.parent / "predictions_test.csv"
    if openings and predictions.is_file() and sha256_of_file(predictions) != openings[-1].predictions_sha256:
        opened += f"; {predictions.name} is not what it was then"
    sums = path.parent / "bundle" / SUMS
    if sums.is_file() and content["bundle"] != sha256_of_file(sums):
        opened += f" and graded by {content['bundle'][:12]}; the model has other graphs since"
    judged = report_from_json(content["calibration"]) if "calibration" in content else None
    figures = from_json(content["ensemble"])
    return HeldOut(figures, methods, content["photographs"], content["not_graded"], opened, judged)
