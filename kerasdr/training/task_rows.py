"""What a task's rows come to: an experiment for each row and seed, with its folder, its data and its initial weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kerasdr.config import Experiment, resolve
from kerasdr.data.roots import DataRoots, place_data
from kerasdr.errors import KerasdrError
from kerasdr.tasks import Scale, Task, TaskRow, load_task, row_experiment, row_layout, row_settings
from kerasdr.training.continued import is_finished

GIVEN = Path("given")
"""Where rows look for given weights, ``given/<trunk>.pth``, unless another folder is named."""
_ROW = "row:"


@dataclass(frozen=True)
class TaskRun:
    """One row with one seed.

    Attributes:
        row: the row.
        seed: the seed.
        folder: of its run.
        experiment: what is trained; initial weights that another row gives are named by their path.
        settings: ``key=value`` that were laid over the row.
        passed_over: those that were asked for and have no place in it.
        remedies: of initial weights, by their path: what to do where they are not there.
    """

    row: TaskRow
    seed: int
    folder: Path
    experiment: Experiment
    settings: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    remedies: Mapping[str, str] | None = None

    @property
    def finished(self) -> bool:
        """Whether it was trained already."""
        return is_finished(self.folder)


def plan_task(
    task: Task,
    runs: Path,
    *,
    scale: Scale = "full",
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
    roots: DataRoots | None = None,
    given: Path | None = None,
) -> list[TaskRun]:
    """Return all runs of a task, in the order of its rows.

    Args:
        task: from :func:`kerasdr.tasks.load_task`.
        runs: the folder of all runs; a row's run is ``<task>.<row>/seed-<seed>`` there, with ``-mini`` behind at scale mini.
        scale: ``full`` or ``mini``.
        only: names of rows; all if empty.
        settings: ``key=value``, each laid over the rows that have a place for it: one that names a member, or a key that
            all of a row's members set themselves, may be for some of them only.
        roots: where the photographs of each layout lie; rows read what their configuration says if not given.
        given: the folder of given weights; :data:`GIVEN` if not given.

    Raises:
        KerasdrError: if a row does not exist, its configuration is wrong, a setting has a place in none of them, or a
            folder is for none of the task's rows.
    """
    planned = []
    for row, own, passed_over in _with_settings(task, only, scale, settings):
        for seed in task.seeds_of(row, scale):
            experiment = row_experiment(task, row, seed, scale, own)
            folder = run_folder(runs, task.task, row.name, seed, scale)
            planned.append(TaskRun(row, seed, folder, experiment, own, passed_over))
    layouts = [row_layout(task, row) for row in task.rows]
    placed = place_data([run.experiment for run in planned], roots or DataRoots(), task.task, layouts)
    if given is not None:
        _require_given(given, task, scale)
    return [
        _with_weights(replace(run, experiment=experiment), task, runs, scale, settings, given or GIVEN)
        for run, experiment in zip(planned, placed, strict=True)
    ]


def run_folder(runs: Path, task: str, row: str, seed: int, scale: Scale) -> Path:
    """Return the folder of a row's run with a seed."""
    return runs / f"{task}.{row}{'-mini' if scale == 'mini' else ''}" / f"seed-{seed}"


def _with_settings(
    task: Task, only: Sequence[str], scale: Scale, settings: Sequence[str]
) -> list[tuple[TaskRow, tuple[str, ...], tuple[str, ...]]]:
    """Return the rows that are asked for, each with the settings that it has a place for and those that it has not."""
    rows = [task.row(name) for name in only] or list(task.rows)
    sorted_out = [(row, *row_settings(task, row, scale, settings)) for row in rows]
    for setting in settings:
        reasons = [why[setting] for _, _, why in sorted_out if setting in why]
        if len(reasons) == len(rows):
            raise KerasdrError(reasons[0] + ("" if len(rows) == 1 else f" (row {rows[0].name}; nor has any other row)"))
    return [(row, own, tuple(why)) for row, own, why in sorted_out]


def _require_given(given: Path, task: Task, scale: Scale) -> None:
    if not given.expanduser().is_dir():
        raise KerasdrError(f"the folder of given weights {given} does not exist: name it with --given")
    weights = [
        member.model.weights
        for row in task.rows
        for member in row_experiment(task, row, task.seeds_of(row, scale)[0], scale).members
    ]
    if not any(_is_given(one) for one in weights):
        raise KerasdrError(f"no row of {task.task} starts from given weights at scale {scale}: leave --given out")


def _is_given(weights: str) -> bool:
    return Path(weights).parts[:1] == GIVEN.parts


def _with_weights(run: TaskRun, task: Task, runs: Path, scale: Scale, settings: Sequence[str], given: Path) -> TaskRun:
    """Put paths in the place of ``row:`` and of the folder of given weights in the members' initial weights."""
    content = run.experiment.model_dump(mode="json")
    remedies: dict[str, str] = {}
    for member in content["members"]:
        weights = member["model"]["weights"]
        if weights.startswith(_ROW):
            path, remedy = _weights_of_row(run, task, runs, scale, settings, weights.removeprefix(_ROW))
        elif _is_given(weights):
            path = str(given / Path(weights).relative_to(GIVEN))
            remedy = (
                f"starts from the given weights {path}, which are not there: put them there, or say where with --given"
            )
        else:
            continue
        member["model"]["weights"] = path
        remedies[path] = remedy
    if not remedies:
        return run
    return replace(run, experiment=resolve(content, run.experiment.name), remedies=remedies)


def _weights_of_row(
    run: TaskRun, task: Task, runs: Path, scale: Scale, settings: Sequence[str], named: str
) -> tuple[str, str]:
    """Return the path of the weights that a row ends with, and what to do where they are not there."""
    name, _, row = named.rpartition("/")
    other = load_task(name) if name and name != task.task else task
    source = other.row(row)
    if run.seed not in other.seeds_of(source, scale):
        # Another seed may have dealt people of this run's test part into the training that gave the weights; train()
        # compares the photographs, but only once that training is over.
        raise KerasdrError(
            f"row {row} of {other.task} is not trained with seed {run.seed}, from which {run.experiment.name} would start: "
            "give both the same seeds"
        )
    # Settings may call the member by another name.
    own, _ = row_settings(other, source, scale, settings if other is task else ())
    first = row_experiment(other, source, run.seed, scale, own).members[0].name
    folder = run_folder(runs, other.task, source.name, run.seed, scale)
    remedy = (
        f"starts from the weights of row {row} of {other.task}, which is not trained yet: "
        f"run `kerasdr train {other.task} --only {row}{' --scale mini' if scale == 'mini' else ''}` first"
    )
    return str((folder / "members" / first / "weights.npz").resolve()), remedy
