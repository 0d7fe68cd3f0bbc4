"""Cross-validation over people: every photograph is graded once by networks that have not seen its person.

A fold is an ordinary run. One fold is its test part; the next one is its validation part, on which checkpoints and ensemble
are chosen; the others train. So all choices are made inside the fold (nested; Varma & Simon, *BMC Bioinformatics* 7:91, 2006),
the outer fold is opened once for what was chosen without it, and what is put together out of the test parts judges the whole
procedure and not one network. What is set by hand (sizes, rates, the list of methods) is set before: whoever changes it after
a look at out-of-fold figures has chosen on them.

Two uncertainties are told apart. The *spread* over repeats is what another deal of the same people and other random numbers
of training would change. The *interval* over people is what other people of the same kind would change; repeats do not make
it narrower than the people allow. Neither holds the other.

Folds follow from the photographs, their grades, the number of folds and the experiment's seed alone: two configurations that
have these in common are judged on the same folds of people, in every repeat, and can be compared photograph by photograph.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from kerasdr.calibration import Decision
from kerasdr.calibration.grade_sets import read_set
from kerasdr.config import Experiment
from kerasdr.data.missing_grades import missing_grade_notes, require_two_grades
from kerasdr.data.splits import check_no_leak
from kerasdr.data_config import FoldConfig
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.calibration_report import CalibrationReport, calibration_report, report_to_json
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.evaluation.over_runs import average_figures
from kerasdr.evaluation.predictions import PROBABILITY_FORMAT, read_predictions
from kerasdr.files import write_bytes_atomically, write_text_atomically
from kerasdr.grades import N_GRADES
from kerasdr.reporting import Reporter
from kerasdr.training.continued import is_finished, require_same_configuration, train_in
from kerasdr.training.copies import refuse_same_pixels
from kerasdr.training.dataset import ExperimentData, open_dataset, split_table
from kerasdr.training.experiment import prepare_members, require_same_data
from kerasdr.training.held_out import HeldOut, open_test_part
from kerasdr.training.samples import grades_asked_for

# Repeats deal people anew and start networks from other random numbers; members' seeds count up from the experiment's.
_SEEDS_A_REPEAT = 100


@dataclass(frozen=True)
class Spread:
    """A figure over repeats: another deal of the same people, other random numbers of training.

    Attributes:
        mean: over the repeats.
        deviation: standard deviation (n - 1); nan of one repeat.
        lowest, highest: of the repeats.
    """

    mean: float
    deviation: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation says.

    Attributes:
        folder: where its folds and tables are.
        repeats: out-of-fold figures of each repeat, with intervals over people.
        seeds: of each repeat.
        average: the mean of each figure over the repeats, with its interval over people.
        photographs: with a known grade, of one repeat.
        not_graded: of these, ungradable or unreadable.
        calibration: of each repeat, what calibration, sets and operating points of its folds do, each fold's fitted on its
            own validation people; None if a fold was not calibrated.
    """

    folder: Path
    repeats: tuple[dict[str, Interval], ...]
    seeds: tuple[int, ...]
    average: dict[str, Interval]
    photographs: int
    not_graded: int
    calibration: tuple[CalibrationReport | None, ...] = ()

    def spread(self, name: str) -> Spread:
        """Return how a figure differs between the repeats."""
        return _spread(self.repeats, name)


def cross_validate(
    experiment: Experiment, runs: Path, reporter: Reporter, *, folds: int = 5, repeats: int = 1
) -> CrossValidation:
    """Train and test every fold, or go on where the same call stopped; put the test parts together.

    Writes ``runs/<name>-<folds>-folds/``: a run for each fold, ``out_of_fold.csv``, ``repeats.csv`` (a row for each repeat with
    its seed and figures) and ``metrics.json``.

    Args:
        experiment: what is judged.
        runs: the folder of all runs.
        reporter: hears of progress.
        folds: how many parts people are dealt into, at least 3.
        repeats: how often, each with seeds of its own.

    Raises:
        KerasdrError: if a fold cannot be trained (a deal that leaks, or leaves a part without grades, is found before the
            first one is), or stands there with another configuration or other photographs.
    """
    folder = folds_folder(experiment, runs, folds)
    data = _check_folds(experiment, folder, runs, reporter, folds, repeats)
    tables, figures, calibration = [], [], []
    photographs = not_graded = 0
    for repeat in range(1, repeats + 1):
        parts, results = [], []
        for number in range(1, folds + 1):
            run = fold_run(folder, number, repeat)
            known = ", finished before" if is_finished(run) else ""
            reporter.note(f"repeat {repeat} of {repeats}, fold {number} of {folds}{known}")
            train_in(run, fold_of(experiment, number, folds, repeat), runs, reporter)
            result = open_test_part(run, reporter, command="kerasdr train --folds")
            results.append(result)
            if repeat == 1:
                photographs, not_graded = photographs + result.photographs, not_graded + result.not_graded
            parts.append(read_predictions(run / "predictions_test.csv").assign(repeat=repeat, fold=number))
        table = pd.concat(parts, ignore_index=True)
        probabilities = table[[f"prob_{grade}" for grade in range(N_GRADES)]].to_numpy()
        people = table["patient_id"].to_numpy(dtype=str)
        figures.append(grade_metrics(table["grade"].to_numpy(), probabilities, people, seed=experiment.seed))
        calibration.append(_pooled(table, results, experiment.seed))
        tables.append(table)
    together = pd.concat(tables, ignore_index=True)
    whole = together.to_csv(index=False, lineterminator="\n", float_format=PROBABILITY_FORMAT)
    write_bytes_atomically(folder / "out_of_fold.csv", whole.encode())
    seeds = tuple(fold_of(experiment, 1, folds, repeat).seed for repeat in range(1, repeats + 1))
    write_bytes_atomically(folder / "repeats.csv", _by_seed(seeds, figures).encode())
    average = figures[0]
    if repeats > 1:
        average = average_figures(
            together["repeat"],
            together["grade"].to_numpy(),
            together[[f"prob_{grade}" for grade in range(N_GRADES)]].to_numpy(),
            together["patient_id"].to_numpy(dtype=str),
            seed=experiment.seed,
        )
    content = {
        "split": f"out of fold, {folds} folds by person",
        "phantoms": data.phantoms,
        "photographs": photographs,
        "not_graded": not_graded,
        "seeds": seeds,
        "repeats": [to_json(part) for part in figures],
        "average": to_json(average),
        "spread": {name: _plain(_spread(figures, name)) for name in average},
        "calibration": [None if one is None else report_to_json(one) for one in calibration],
    }
    write_text_atomically(folder / "metrics.json", json.dumps(content, indent=1) + "\n")
    return CrossValidation(folder, tuple(figures), seeds, average, photographs, not_graded, tuple(calibration))


def _pooled(table: pd.DataFrame, folds: Sequence[HeldOut], seed: int) -> CalibrationReport | None:
    """Judge together what the folds of a repeat say, each by its own calibration."""
    known = [fold.calibration for fold in folds if fold.calibration is not None]
    if len(known) < len(folds):
        return None
    gaps = [f"fold {n}: {one.undefined_threshold}" for n, one in enumerate(known, start=1) if one.undefined_threshold]
    bounds = np.array([read_set(text) for text in table["grade_set"]], dtype=np.int64)
    decision = Decision(bounds, None if gaps else (table["screen_positive"] == "yes").to_numpy())
    return calibration_report(
        table["grade"].to_numpy(),
        table["patient_id"].to_numpy(dtype=str),
        table[[f"prob_raw_{grade}" for grade in range(N_GRADES)]].to_numpy(),
        table[[f"prob_{grade}" for grade in range(N_GRADES)]].to_numpy(),
        decision,
        method="; ".join(dict.fromkeys(one.method for one in known)),
        level=known[0].level,
        target=known[0].target,
        no_threshold="; ".join(gaps),
        seed=seed,
    )


def _spread(repeats: Sequence[Mapping[str, Interval]], name: str) -> Spread:
    values = np.array([figures[name].value for figures in repeats])
    deviation = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Spread(float(values.mean()), deviation, float(values.min()), float(values.max()))


def _plain(spread: Spread) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in asdict(spread).items()}


def _by_seed(seeds: Sequence[int], repeats: Sequence[Mapping[str, Interval]]) -> str:
    rows = []
    for number, (seed, figures) in enumerate(zip(seeds, repeats, strict=True), start=1):
        row: dict[str, float] = {"repeat": number, "seed": seed}
        for name, figure in figures.items():
            row |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
        rows.append(row)
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n", float_format="%.6f")


def _check_folds(
    experiment: Experiment, folder: Path, runs: Path, reporter: Reporter, folds: int, repeats: int
) -> ExperimentData:
    """Return the data; refuse what would stop a later fold after hours, and folds of two deals in one table."""
    first = open_dataset(fold_of(experiment, 1, folds, 1).data, experiment.seed, folder.parent.parent, reporter)
    said: dict[str, str] = {}
    tables = []
    for repeat in range(1, repeats + 1):
        for number in range(1, folds + 1):
            fold = fold_of(experiment, number, folds, repeat)
            table = split_table(first.table, fold.data, fold.seed)
            check_no_leak(table, first.digests)
            tables.append(table)
            for line in check_fold(table, fold):
                said.setdefault(line, f"repeat {repeat}, fold {number}")
            run = fold_run(folder, number, repeat)
            if (run / "split.csv").is_file():
                require_same_configuration(run, fold)
                try:
                    require_same_data(run, replace(first, table=table))
                except KerasdrError as error:
                    raise KerasdrError(
                        f"the photographs or labels have changed since {run} was begun, so people would be dealt anew: "
                        f"remove {folder}"
                    ) from error
    # Every fold finds them prepared afterwards.
    prepared = prepare_members(experiment, first, runs, reporter)[experiment.members[0].name]
    for table in tables:
        refuse_same_pixels(table, prepared)
    for line, where in said.items():
        reporter.note(f"warning: {where}: {line}")
    return first


def check_fold(table: pd.DataFrame, fold: Experiment) -> tuple[str, ...]:
    """Return what there is to say of grades that parts of a fold lack, one line each.

    Args:
        table: the record table, split.
        fold: from :func:`fold_of`.

    Raises:
        KerasdrError: if a part has no grade, or the train part one grade only.
    """
    assert fold.data.fold is not None
    grades = grades_asked_for(table, fold.data.target)
    there = set(table["split"][grades.notna()])
    for part in ("train", "validation", "test"):
        if part not in there:
            raise KerasdrError(
                f"fold {fold.data.fold.number} of {fold.data.fold.of} has no graded photograph in its {part} part: take fewer "
                "--folds"
            )
    require_two_grades(grades, table["split"])
    return missing_grade_notes(grades, table["split"])


def folds_folder(experiment: Experiment, runs: Path, folds: int) -> Path:
    """Return the folder of a cross-validation."""
    return runs / f"{experiment.name}-{folds}-folds"


def fold_run(folder: Path, number: int, repeat: int) -> Path:
    """Return the folder of a fold's run; fold and repeat count from 1."""
    return folder / f"repeat-{repeat}-fold-{number}"


def fold_of(experiment: Experiment, number: int, folds: int, repeat: int) -> Experiment:
    """Return the experiment of one fold, with the seeds of its repeat; fold and repeat count from 1."""
    shift = _SEEDS_A_REPEAT * (repeat - 1)
    data = experiment.data.model_copy(update={"fold": FoldConfig(number=number, of=folds)})
    members = tuple(member.model_copy(update={"seed": member.seed + shift}) for member in experiment.members)
    return experiment.model_copy(update={"data": data, "members": members, "seed": experiment.seed + shift})
