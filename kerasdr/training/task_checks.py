"""Whether all runs of a task could be trained: asked before the first of them is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError
from kerasdr.models.registry import get_trunk
from kerasdr.models.weights import explain_missing
from kerasdr.training.checks import check_design, has_begun
from kerasdr.training.dataset import data_root
from kerasdr.training.task_rows import TaskRun


def require_ready(planned: Sequence[TaskRun], runs: Path) -> None:
    """Refuse a task if one of its runs that are not finished could not be trained.

    Args:
        planned: the runs, in the order in which they are trained.
        runs: the folder of all runs.

    Raises:
        KerasdrError: as :func:`check_runs`, if a row's photographs are not named, or initial weights are not there and no
            earlier run of these makes them.
    """
    missing = missing_weights(planned)
    if missing:
        more = f" (and {len(missing) - 1} more: --dry-run lists them)" if len(missing) > 1 else ""
        raise KerasdrError(missing[0] + more)
    for run in planned:
        data = run.experiment.data
        if not run.finished and data.root is None and data.phantom is None:
            raise KerasdrError(
                f"row {run.row.name} needs photographs in layout {data.layout}: name their folder with "
                f"--data {data.layout}=PATH"
            )
    check_runs(planned, runs)


def check_runs(planned: Sequence[TaskRun], runs: Path) -> None:
    """Refuse a task if the configuration of one of its runs that are not finished cannot be, or its folder is no data set.

    Photographs that are not named yet, and phantoms that are not drawn yet, are passed over.

    Raises:
        KerasdrError: as :func:`check_design`, and as :func:`kerasdr.data.readers.read_table` of the folders.
    """
    left = [run for run in planned if not run.finished]
    read = set()
    for run in left:
        data = run.experiment.data
        if data.root is None and (data.phantom is None or not data_root(data, runs.parent).is_dir()):
            continue
        key = (data.layout, data.root, repr(data.options))
        if key not in read:
            read_table(data.layout, data_root(data, runs.parent), data.options)
            read.add(key)
    for run in left:
        try:
            check_design(run.experiment)
        except KerasdrError as error:
            raise KerasdrError(f"row {run.row.name}: {error}") from error


def missing_weights(planned: Iterable[TaskRun]) -> list[str]:
    """Say which initial weights are not there, a line each, for runs that are not finished.

    Args:
        planned: the runs, in the order in which they are trained; the weights that an earlier one makes need not be there.
    """
    found: list[str] = []
    made: set[str] = set()
    for run in planned:
        if run.finished:
            continue
        for member in run.experiment.members:
            weights = member.model.weights
            if weights in made or has_begun(run.folder, member.name):
                continue
            problem = explain_missing(get_trunk(member.model.trunk), weights)
            if problem and not Path(weights).expanduser().is_file():
                problem = (run.remedies or {}).get(weights, problem)
            if problem:
                found.append(f"row {run.row.name}, member {member.name}: {problem}")
        made |= {
            str((run.folder / "members" / member.name / "weights.npz").resolve()) for member in run.experiment.members
        }
    return list(dict.fromkeys(found))
