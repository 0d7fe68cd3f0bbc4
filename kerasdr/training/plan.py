"""What an experiment would do, and about how long it would take here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdr.config import Experiment, MemberConfig
from kerasdr.data.readers import read_table
from kerasdr.data.splits import split_by_person
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES
from kerasdr.imaging.recipes import get_recipe
from kerasdr.models import build_classifier, set_trainable
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task
from kerasdr.training.dataset import data_root
from kerasdr.training.members import describe
from kerasdr.training.memory import keep_memory
from kerasdr.training.task_runs import TaskRun


def make_plan(experiment: Experiment, runs: Path, reporter: Reporter) -> str:
    """Return the plan as text: data, members, stages, and a time that two steps of each stage were timed for.

    Nothing is written; phantoms that are not drawn yet are only counted.
    """
    lines = [f"experiment  {experiment.name}: {experiment.description}".rstrip(": ")]
    root = data_root(experiment.data, runs.parent)
    if root.is_dir():
        dataset = read_table(experiment.data.layout, root, experiment.data.options)
        table = split_by_person(dataset.table, experiment.data.split.model_dump(), experiment.seed)
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
    total = 0.0
    for member in experiment.members:
        get_recipe(member.imaging.recipe, member.imaging.size)
        lines.append(
            f"member      {member.name}: {describe(member)}, weights {member.model.weights}, seed {member.seed}"
        )
        reporter.note(f"timing {member.name} ...")
        for stage, seconds in _time_stages(_measure(member), member, n_train, n_all):
            total += seconds
            lines.append(f"            {stage}: about {_minutes(seconds)}")
    lines.append(f"ensemble    the best on validation of {', '.join(experiment.ensemble.methods)}")
    lines.append(f"time        about {_minutes(total)} of fitting here, by two timed steps of each stage")
    return "\n".join(lines)


def task_plan(task: Task, planned: Sequence[TaskRun], runs: Path, reporter: Reporter) -> str:
    """Return a task's plan as text: its tables, its runs, and the hours that those to be trained would take here.

    Networks that are built and fed alike are timed once.

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
    timed: dict[str, _Costs] = {}
    total = 0.0
    for run in planned:
        experiment = run.experiment
        seconds = 0.0
        if not run.finished:
            n_train, n_all = _count(experiment, runs)
            for member in experiment.members:
                key = _alike(member)
                if key not in timed:
                    reporter.note(f"timing {run.row.name}, {member.name} ...")
                    timed[key] = _measure(member)
                seconds += sum(time for _, time in _time_stages(timed[key], member, n_train, n_all))
        total += seconds
        members = "; ".join(f"{member.name}: {describe(member)}" for member in experiment.members)
        state = "finished" if run.finished else f"about {_minutes(seconds)}"
        lines.append(f"run         {run.row.name}, seed {run.seed}: {members}; {state}")
    lines.append(f"time        about {total / 3600:.1f} hours of fitting here, by two timed steps of each stage")
    return "\n".join(lines)


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
    table = split_by_person(dataset.table, experiment.data.split.model_dump(), experiment.seed)
    return int((table["split"] == "train").sum()), len(table)


@dataclass(frozen=True)
class _Costs:
    """Seconds for a batch of a member: forward alone, and a training step of each stage; with the stages' titles."""

    forward: float
    steps: tuple[float, ...]
    titles: tuple[str, ...]


def _time_stages(costs: _Costs, member: MemberConfig, n_train: int, n_all: int) -> list[tuple[str, float]]:
    batch = member.training.batch_size
    times = []
    for stage, step, title in zip(member.stages, costs.steps, costs.titles, strict=True):
        if stage.cached_features:
            # One pass of the trunk over all photographs; fitting the head on its features is next to nothing.
            times.append((f"{title}, on cached features", costs.forward * n_all / batch))
        else:
            times.append((title, stage.epochs * (step * n_train + costs.forward * (n_all - n_train)) / batch))
    return times


def _alike(member: MemberConfig) -> str:
    """Return what decides the cost of a step: networks that agree in it are timed once."""
    model = member.model
    stages = [(stage.train, stage.cached_features) for stage in member.stages]
    parts = (model.trunk, model.mode, model.shared_branches, model.attention, model.attention_at, member.imaging.size)
    return repr((*parts, member.training.batch_size, member.training.jit_compile, stages))


def _measure(member: MemberConfig) -> _Costs:
    import keras

    keep_memory()
    batch = member.training.batch_size
    size = member.imaging.size
    random = np.random.default_rng(0)
    # Weights do not matter for the time that a step takes, so no file is read.
    model = build_classifier(member.model, size, seed=member.seed)
    inputs = {"image": random.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)}
    if member.model.mode == "dual":
        inputs |= {"partner": inputs["image"], "partner_present": np.ones((batch, 1), np.float32)}
    grades = np.eye(N_GRADES, dtype=np.float32)[random.integers(0, N_GRADES, batch)]
    model.predict_on_batch(inputs)
    forward = _timed(lambda: model.predict_on_batch(inputs))
    steps, titles = [], []
    for stage in member.stages:
        count = set_trainable(model, stage.train)
        titles.append(f"{stage.name}: {stage.epochs} epochs, trains {stage.train} ({count / 1e6:.2f} M weights)")
        if stage.cached_features:
            steps.append(0.0)
            continue
        model.compile(optimizer="adam", loss="categorical_crossentropy", jit_compile=member.training.jit_compile)
        model.train_on_batch(inputs, grades)
        steps.append(_timed(lambda: model.train_on_batch(inputs, grades)))
    keras.utils.clear_session()
    return _Costs(forward, tuple(steps), tuple(titles))


def _timed(run: object) -> float:
    assert callable(run)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
