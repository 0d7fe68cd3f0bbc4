"""What an experiment would do, and about how long it would take here."""

from collections.abc import Sequence
from pathlib import Path

from kerasdr.config import Experiment, MemberConfig
from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES
from kerasdr.imaging.recipes import get_recipe
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task
from kerasdr.training.dataset import data_root, split_table
from kerasdr.training.members import describe
from kerasdr.training.task_runs import TaskRun
from kerasdr.training.timing import PHOTOGRAPHS, STEP_IN_FORWARDS, Costs, alike, measure


def make_plan(experiment: Experiment, runs: Path, reporter: Reporter) -> str:
    """Return the plan as text: data, members, stages, and about how long fitting takes here (:mod:`kerasdr.training.timing`).

    Nothing is written; phantoms that are not drawn yet are only counted.
    """
    lines = [f"experiment  {experiment.name}: {experiment.description}".rstrip(": ")]
    root = data_root(experiment.data, runs.parent)
    if root.is_dir():
        dataset = read_table(experiment.data.layout, root, experiment.data.options)
        table = split_table(dataset.table, experiment.data, experiment.seed)
        lines.append(f"data        {root} ({experiment.data.layout})")
        n_train = int((table["split"] == "train").sum())
        n_all = len(table)
        for split, part in table.groupby("split", sort=False):
            counts = "/".join(str(int((part["grade"] == grade).sum())) for grade in range(N_GRADES))
            lines.append(
                f"            {split}: {len(part)} photographs, {part['patient_id'].nunique()} people, grades 0-4 {counts}"
            )
        lines += [f"            {note}" for note in dataset.notes]
    else:
        assert experiment.data.phantom is not None
        people = experiment.data.phantom.people
        n_train, n_all = _count(experiment, runs)
        lines.append(f"data        {people} people's phantoms, to be drawn in {root}: about {n_all} photographs")
    total, timer = 0.0, _Timer(reporter)
    for member in experiment.members:
        get_recipe(member.imaging.recipe, member.imaging.size)
        lines.append(
            f"member      {member.name}: {describe(member)}, weights {member.model.weights}, seed {member.seed}"
        )
        for stage, seconds in _time_stages(timer.costs(member, member.name), member, n_train, n_all):
            total += seconds
            lines.append(f"            {stage}: about {_minutes(seconds)}")
    lines.append(f"ensemble    the best on validation of {', '.join(experiment.ensemble.methods)}")
    lines.append(f"time        about {_minutes(total)} of fitting here, {timer.method()}")
    return "\n".join(lines)


def task_plan(task: Task, planned: Sequence[TaskRun], runs: Path, reporter: Reporter) -> str:
    """Return a task's plan as text: its tables, its runs, and the hours that those to be trained would take here.

    Networks that are built and fed alike are timed once, each within :data:`kerasdr.training.timing.BUDGET`.

    Args:
        task: the task.
        planned: from :func:`kerasdr.training.task_runs.plan_task`.
        runs: the folder of all runs.
        reporter: hears of progress.
    """
    lines = [f"task        {task.task}: {task.title}"]
    for table in task.tables:
        entries = "; ".join(f"{entry.label} (row {entry.row})" for entry in table.entries)
        lines.append(f"table {table.number:<5} {table.title}: {entries}")
    lines += _figures(task)
    total, timer = 0.0, _Timer(reporter)
    for run in planned:
        experiment = run.experiment
        seconds = 0.0
        if not run.finished:
            n_train, n_all = _count(experiment, runs)
            for member in experiment.members:
                costs = timer.costs(member, f"{run.row.name}, {member.name}")
                seconds += sum(time for _, time in _time_stages(costs, member, n_train, n_all))
        total += seconds
        members = "; ".join(f"{member.name}: {describe(member)}" for member in experiment.members)
        state = "finished" if run.finished else f"about {_minutes(seconds)}"
        lines.append(f"run         {run.row.name}, seed {run.seed}: {members}; {state}")
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


def _count(experiment: Experiment, runs: Path) -> tuple[int, int]:
    """Return how many photographs there are to train on, and in all; an estimate where phantoms are yet to be drawn."""
    try:
        root = data_root(experiment.data, runs.parent)
    except KerasdrError:
        # Without photographs at hand: the size of the public data set.
        n_all = {"aptos": 3662}.get(experiment.data.layout, 2000)
        return round(n_all * experiment.data.split.train), n_all
    if not root.is_dir():
        assert experiment.data.phantom is not None
        views = {"deepdrid": 4, "course": 4, "aptos": 1}.get(experiment.data.layout, 2)
        n_all = views * experiment.data.phantom.people
        return round(n_all * experiment.data.split.train), n_all
    dataset = read_table(experiment.data.layout, root, experiment.data.options)
    table = split_table(dataset.table, experiment.data, experiment.seed)
    return int((table["split"] == "train").sum()), len(table)


def _time_stages(costs: Costs, member: MemberConfig, n_train: int, n_all: int) -> list[tuple[str, float]]:
    times = []
    for stage, step, weights in zip(member.stages, costs.steps, costs.weights, strict=True):
        title = f"{stage.name}: {stage.epochs} epochs, trains {stage.train} ({weights / 1e6:.2f} M weights)"
        if stage.cached_features:
            # One pass of the trunk over all photographs; fitting the head on its features is next to nothing.
            times.append((f"{title}, on cached features", costs.forward * n_all))
        else:
            times.append((title, stage.epochs * (step * n_train + costs.forward * (n_all - n_train))))
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
