"""What an experiment would do, and about how long it would take here."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kerasdr.config import Experiment, MemberConfig
from kerasdr.data.missing_grades import missing_grade_notes, require_two_grades, slashed_counts
from kerasdr.data.readers import Dataset, read_table
from kerasdr.data_config import DataConfig
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task
from kerasdr.training.checks import check_experiment
from kerasdr.training.continued import is_finished, require_same_configuration
from kerasdr.training.cross_validation import check_fold, fold_of, fold_run, folds_folder
from kerasdr.training.dataset import data_root, split_table
from kerasdr.training.members import describe
from kerasdr.training.samples import grades_asked_for, person_or_eye_grades
from kerasdr.training.task_checks import check_runs, missing_weights
from kerasdr.training.task_rows import TaskRun
from kerasdr.training.timing import PHOTOGRAPHS, STEP_IN_FORWARDS, Costs, alike, measure

# Photographs of the public data sets, for a plan without any at hand.
_PUBLIC_SIZE, _PUBLIC_SIZES = 2000, {"aptos": 3662}


def make_plan(experiment: Experiment, runs: Path, reporter: Reporter) -> str:
    """Return the plan as text: data, members, stages, and about how long fitting takes here (:mod:`kerasdr.training.timing`).

    Nothing is written; phantoms that are not drawn yet are only counted.

    Raises:
        KerasdrError: if it could not be trained: see :func:`kerasdr.training.experiment.train`.
    """
    lines, dataset = _begin(experiment, runs)
    if dataset is not None:
        table = split_table(dataset.table, experiment.data, experiment.seed)
        counts = _counts_of(table)
        lines += _part_lines(table, experiment.data)
        lines += [f"            {note}" for note in dataset.notes]
        asked = grades_asked_for(table, experiment.data.target)
        require_two_grades(asked, table["split"])
        lines += [f"            warning: {line}" for line in missing_grade_notes(asked, table["split"])]
    else:
        counts = _count(experiment, runs)
    total, timer = 0.0, _Timer(reporter)
    for member in experiment.members:
        lines.append(_member_line(member))
        for stage, seconds in time_stages(timer.costs(member, member.name), member, counts):
            total += seconds
            lines.append(f"            {stage}: about {_minutes(seconds)}")
    lines.append(f"ensemble    the best on validation of {', '.join(experiment.ensemble.methods)}")
    lines.append(f"time        about {_minutes(total)} of fitting here, {timer.method()}")
    return "\n".join(lines)


def folds_plan(experiment: Experiment, runs: Path, reporter: Reporter, *, folds: int, repeats: int = 1) -> str:
    """Return the plan of a cross-validation as text: the people of every fold, members, and the time of what is to be trained.

    Nothing is written, and no photograph is read: whether people or pixels are in two parts is found when training begins.

    Args:
        experiment, runs, reporter, folds, repeats: as of :func:`kerasdr.training.cross_validation.cross_validate`.

    Raises:
        KerasdrError: if a fold could not be trained, or stands there with another configuration.
    """
    lines, dataset = _begin(experiment, runs)
    if dataset is not None:
        lines += [f"            {note}" for note in dataset.notes]
    folder = folds_folder(experiment, runs, folds)
    waiting = []
    for repeat, number in itertools.product(range(1, repeats + 1), range(1, folds + 1)):
        fold, run = fold_of(experiment, number, folds, repeat), fold_run(folder, number, repeat)
        if (run / "split.csv").is_file():
            require_same_configuration(run, fold)
        state = "finished" if is_finished(run) else "begun" if (run / "status.json").is_file() else "to be trained"
        lines.append(f"fold        repeat {repeat} of {repeats}, fold {number} of {folds}, seed {fold.seed}: {state}")
        if dataset is None:
            counts = _count(fold, runs)
        else:
            table = split_table(dataset.table, fold.data, fold.seed)
            counts = _counts_of(table)
            lines += _part_lines(table, fold.data)
            lines += [f"            warning: {line}" for line in check_fold(table, fold)]
        if not is_finished(run):
            waiting.append(counts)
    total, timer = 0.0, _Timer(reporter)
    for member in experiment.members if waiting else ():
        lines.append(_member_line(member))
        costs = timer.costs(member, member.name)
        of_folds = [time_stages(costs, member, counts) for counts in waiting]
        for stages in zip(*of_folds, strict=True):
            seconds = sum(time for _, time in stages)
            total += seconds
            lines.append(f"            {stages[0][0]}: about {_minutes(seconds / len(waiting))} a fold")
    lines.append(f"ensemble    the best on validation of {', '.join(experiment.ensemble.methods)}, in each fold")
    there = f"{folds * repeats - len(waiting)} of {folds * repeats} folds are finished in {folder}"
    how = f"about {_minutes(total)} of fitting here, {timer.method()}; {there}" if waiting else f"none: {there}"
    return "\n".join([*lines, f"time        {how}"])


def _begin(experiment: Experiment, runs: Path) -> tuple[list[str], Dataset | None]:
    """Return the first lines of a plan, and the data set unless phantoms are yet to be drawn."""
    lines = [f"experiment  {experiment.name}: {experiment.description}".rstrip(": ")]
    root = data_root(experiment.data, runs.parent)
    check_experiment(experiment)
    if root.is_dir():
        lines.append(f"data        {root} ({experiment.data.layout})")
        return lines, read_table(experiment.data.layout, root, experiment.data.options)
    assert experiment.data.phantom is not None
    people, photographs = experiment.data.phantom.people, _count(experiment, runs).photographs
    lines.append(f"data        {people} people's phantoms, to be drawn in {root}: about {photographs} photographs")
    return lines, None


def _part_lines(table: pd.DataFrame, data: DataConfig) -> list[str]:
    graded = person_or_eye_grades(table, data.target)
    return [
        f"            {split}: {len(part)} photographs, {part['patient_id'].nunique()} people, "
        f"grades 0-4 {slashed_counts(graded[part.index])}"
        for split, part in table.groupby("split", sort=False)
    ]


def _member_line(member: MemberConfig) -> str:
    return f"member      {member.name}: {describe(member)}, weights {member.model.weights}, seed {member.seed}"


def task_plan(task: Task, planned: Sequence[TaskRun], runs: Path, reporter: Reporter) -> str:
    """Return a task's plan as text: its tables, its runs, and the hours that those to be trained would take here.

    Networks that are built and fed alike are timed once; of those that are slow, no step is tried (see
    :data:`kerasdr.training.timing.BUDGET`). What is not there yet, photographs that are not named and initial weights, stops
    no plan: it is listed.

    Args:
        task: the task.
        planned: from :func:`kerasdr.training.task_rows.plan_task`.
        runs: the folder of all runs.
        reporter: hears of progress.

    Raises:
        KerasdrError: as :func:`kerasdr.training.task_checks.check_runs`.
    """
    check_runs(planned, runs)
    lines = [f"task        {task.task}: {task.title}"]
    for table in task.tables:
        entries = "; ".join(f"{entry.label} (row {entry.row})" for entry in table.entries)
        lines.append(f"table {table.number:<5} {table.title}: {entries}")
    lines += _figures(task)
    counted = [None if run.finished else _count(run.experiment, runs) for run in planned]
    lines += _data_lines(planned)
    lines += [f"missing     {line}" for line in missing_weights(planned)]
    total, timer = 0.0, _Timer(reporter)
    for run, counts in zip(planned, counted, strict=True):
        experiment = run.experiment
        seconds = 0.0
        if counts is not None:
            for member in experiment.members:
                costs = timer.costs(member, f"{run.row.name}, {member.name}")
                seconds += sum(time for _, time in time_stages(costs, member, counts))
        total += seconds
        members = "; ".join(
            f"{member.name}: {describe(member)}, weights {member.model.weights}" for member in experiment.members
        )
        state = "finished" if counts is None else f"about {_minutes(seconds)}"
        without = "".join(f"; without --set {setting}, for which it has no place" for setting in run.passed_over)
        lines.append(f"run         {run.row.name}, seed {run.seed}: {members}; {state}{without}")
    lines.append(f"time        about {total / 3600:.1f} hours of fitting here, {timer.method()}")
    return "\n".join(lines)


def _figures(task: Task) -> list[str]:
    """Return a line for each figure of the report that the task's runs are given."""
    lines = ["figure 4    loss and accuracy over the epochs, of every member of every run (curves.png)"]
    for row in task.rows:
        if row.figures.explain:
            lines.append(f"figure 5    Grad-CAM over {row.figures.explain} photographs (row {row.name})")
        if row.figures.preview:
            lines.append(
                f"figure 3    {row.figures.preview} photographs before and after preprocessing (row {row.name})"
            )
    return lines


def _data_lines(planned: Sequence[TaskRun]) -> list[str]:
    """Return a line for each folder of photographs, and one for each layout whose folder is not named yet."""
    lines = []
    for run in planned:
        data = run.experiment.data
        if data.root is not None:
            place = data.root
        elif data.phantom is not None:
            place = f"phantoms of {data.phantom.people} people"
        else:
            size = _PUBLIC_SIZES.get(data.layout, _PUBLIC_SIZE)
            place = f"no folder named: counted as {size} photographs (name it with --data {data.layout}=PATH)"
        lines.append(f"data        layout {data.layout}: {place}")
    return list(dict.fromkeys(lines))


@dataclass(frozen=True)
class Counts:
    """How many photographs are trained on, chosen by, and there in all."""

    train: int
    validation: int
    photographs: int


def _counts_of(table: pd.DataFrame) -> Counts:
    return Counts(int((table["split"] == "train").sum()), int((table["split"] == "validation").sum()), len(table))


def _count(experiment: Experiment, runs: Path) -> Counts:
    """Return how many photographs there are; an estimate where phantoms are yet to be drawn."""
    data = experiment.data
    if data.root is None and data.phantom is None:
        return _shares(data, _PUBLIC_SIZES.get(data.layout, _PUBLIC_SIZE))
    root = data_root(data, runs.parent)
    if not root.is_dir():
        assert data.phantom is not None
        return _shares(data, {"deepdrid": 4, "course": 4, "aptos": 1}.get(data.layout, 2) * data.phantom.people)
    return _counts_of(split_table(read_table(data.layout, root, data.options).table, data, experiment.seed))


def _shares(data: DataConfig, photographs: int) -> Counts:
    train, validation = data.split.train, data.split.validation
    if data.fold is not None:
        train, validation = (data.fold.of - 2) / data.fold.of, 1 / data.fold.of
    return Counts(round(photographs * train), round(photographs * validation), photographs)


def time_stages(costs: Costs, member: MemberConfig, counts: Counts) -> list[tuple[str, float]]:
    """Return what each stage of a member is, and its seconds.

    Args:
        costs: of the member's network.
        member: its configuration.
        counts: the photographs.
    """
    times = []
    # A dual network looks at two photographs; where it does so by one trunk, features are computed once for each.
    twice = member.model.mode == "dual" and member.model.shared_branches
    once = costs.forward / (2 if twice else 1)
    for stage, step, weights in zip(member.stages, costs.steps, costs.weights, strict=True):
        title = f"{stage.name}: {stage.epochs} epochs, trains {stage.train} ({weights / 1e6:.2f} M weights)"
        if stage.cached_features:
            # Fitting the head on its features is next to nothing beside the trunk's one pass.
            times.append((f"{title}, on cached features", once * (counts.train + counts.validation)))
        else:
            times.append((title, stage.epochs * (step * counts.train + costs.forward * counts.validation)))
    return times


class _Timer:
    """Times members, those of a kind once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._known: dict[str, Costs] = {}

    def costs(self, member: MemberConfig, title: str) -> Costs:
        key = alike(member)
        if key not in self._known:
            self._reporter.note(f"timing {title} ...")
            self._known[key] = measure(member)
        return self._known[key]

    def method(self) -> str:
        """Say how the times were found."""
        said = f"by a step on {PHOTOGRAPHS} photographs of each kind of network, in proportion"
        guessed = sum(costs.guessed for costs in self._known.values())
        if guessed:
            said += f"; {guessed} were too slow to try here: a step taken as {STEP_IN_FORWARDS:.0f} forward passes"
        return said


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
