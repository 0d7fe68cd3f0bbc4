"""Cross-validation over people: every photograph is graded once by networks that have not seen its person.

A fold is an ordinary run. One fold is its test part; the next one is its validation part, on which checkpoints and ensemble
are chosen; the others train. So all choices are made inside the fold (nested), and what is put together out of the test parts
judges the whole procedure and not one network.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from kerasdr.config import Experiment
from kerasdr.data.missing_grades import missing_grade_notes, require_two_grades
from kerasdr.data.splits import check_no_leak
from kerasdr.data_config import FoldConfig
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.intervals import Interval, grade_metrics, to_json
from kerasdr.evaluation.predictions import read_predictions
from kerasdr.files import write_bytes_atomically, write_text_atomically
from kerasdr.grades import N_GRADES
from kerasdr.reporting import Reporter
from kerasdr.training.continued import is_finished, require_same_configuration, train_in
from kerasdr.training.dataset import ExperimentData, open_dataset, split_table
from kerasdr.training.experiment import require_same_data
from kerasdr.training.held_out import open_test_part
from kerasdr.training.samples import grades_asked_for

# Repeats deal people anew and start networks from other random numbers; members' seeds count up from the experiment's.
_SEEDS_A_REPEAT = 100


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation says.

    Attributes:
        folder: where its folds and tables are.
        repeats: out-of-fold figures of each repeat, with intervals over people.
        photographs: with a known grade, of one repeat.
        not_graded: of these, ungradable or unreadable.
    """

    folder: Path
    repeats: tuple[dict[str, Interval], ...]
    photographs: int
    not_graded: int

    def spread(self, name: str) -> tuple[float, float]:
        """Return mean and standard deviation of a figure over the repeats; the deviation of one repeat is nan."""
        values = np.array([figures[name].value for figures in self.repeats])
        return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def cross_validate(
    experiment: Experiment, runs: Path, reporter: Reporter, *, folds: int = 5, repeats: int = 1
) -> CrossValidation:
    """Train and test every fold, or go on where the same call stopped; put the test parts together.

    Writes ``runs/<name>-<folds>-folds/``: a run for each fold, ``out_of_fold.csv`` and ``metrics.json``.

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
    folder = runs / f"{experiment.name}-{folds}-folds"
    data = _check_folds(experiment, folder, reporter, folds, repeats)
    tables, figures = [], []
    photographs = not_graded = 0
    for repeat in range(1, repeats + 1):
        parts = []
        for number in range(1, folds + 1):
            run = folder / f"repeat-{repeat}-fold-{number}"
            known = ", finished before" if is_finished(run) else ""
            reporter.note(f"repeat {repeat} of {repeats}, fold {number} of {folds}{known}")
            train_in(run, _fold(experiment, number, folds, repeat), runs, reporter)
            result = open_test_part(run, reporter)
            if repeat == 1:
                photographs, not_graded = photographs + result.photographs, not_graded + result.not_graded
            parts.append(read_predictions(run / "predictions_test.csv").assign(repeat=repeat, fold=number))
        table = pd.concat(parts, ignore_index=True)
        probabilities = table[[f"prob_{grade}" for grade in range(N_GRADES)]].to_numpy()
        people = table["patient_id"].to_numpy(dtype=str)
        figures.append(grade_metrics(table["grade"].to_numpy(), probabilities, people, seed=experiment.seed))
        tables.append(table)
    whole = pd.concat(tables, ignore_index=True).to_csv(index=False, lineterminator="\n", float_format="%.6f")
    write_bytes_atomically(folder / "out_of_fold.csv", whole.encode())
    content = {
        "split": f"out of fold, {folds} folds by person",
        "phantoms": data.phantoms,
        "photographs": photographs,
        "not_graded": not_graded,
        "repeats": [to_json(part) for part in figures],
    }
    write_text_atomically(folder / "metrics.json", json.dumps(content, indent=1) + "\n")
    return CrossValidation(folder, tuple(figures), photographs, not_graded)


def _check_folds(experiment: Experiment, folder: Path, reporter: Reporter, folds: int, repeats: int) -> ExperimentData:
    """Return the data; refuse what would stop a later fold after hours, and folds of two deals in one table."""
    first = open_dataset(_fold(experiment, 1, folds, 1).data, experiment.seed, folder.parent.parent, reporter)
    said: dict[str, str] = {}
    for repeat in range(1, repeats + 1):
        for number in range(1, folds + 1):
            fold = _fold(experiment, number, folds, repeat)
            table = split_table(first.table, fold.data, fold.seed)
            check_no_leak(table, first.digests)
            grades = grades_asked_for(table, fold.data.target)
            there = set(table["split"][grades.notna()])
            for part in ("train", "validation", "test"):
                if part not in there:
                    raise KerasdrError(
                        f"fold {number} of {folds} has no graded photograph in its {part} part: take fewer --folds"
                    )
            require_two_grades(grades, table["split"])
            for line in missing_grade_notes(grades, table["split"]):
                said.setdefault(line, f"repeat {repeat}, fold {number}")
            run = folder / f"repeat-{repeat}-fold-{number}"
            if (run / "split.csv").is_file():
                require_same_configuration(run, fold)
                try:
                    require_same_data(run, replace(first, table=table))
                except KerasdrError as error:
                    raise KerasdrError(
                        f"the photographs or labels have changed since {run} was begun, so people would be dealt anew: "
                        f"remove {folder}"
                    ) from error
    for line, where in said.items():
        reporter.note(f"warning: {where}: {line}")
    return first


def _fold(experiment: Experiment, number: int, folds: int, repeat: int) -> Experiment:
    shift = _SEEDS_A_REPEAT * (repeat - 1)
    data = experiment.data.model_copy(update={"fold": FoldConfig(number=number, of=folds)})
    members = tuple(member.model_copy(update={"seed": member.seed + shift}) for member in experiment.members)
    return experiment.model_copy(update={"data": data, "members": members, "seed": experiment.seed + shift})
