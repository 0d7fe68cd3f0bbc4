"""The runs of tasks, read back from their folders."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.over_runs import Predictions
from kerasdr.evaluation.predictions import cannot_read, read_json, read_predictions
from kerasdr.files import printable_path

Part = Literal["validation", "test"]

RECORD = "task.json"
# A run lies two below the folder of all runs; a row's folder, or a run itself, may be named as well.
_DEPTHS = (RECORD, f"*/{RECORD}", f"*/*/{RECORD}")


@dataclass(frozen=True, order=True)
class Group:
    """What runs of a row must have in common to be averaged.

    Attributes:
        phantoms: whether the photographs are synthetic.
        scale: ``full`` or ``mini``.
        layout: of the data.
        settings: ``key=value`` that were laid over the task, sorted, the last word on each key.
        photographs: the first 12 digits of the photographs' SHA-256 where a row of the task has runs on several, so that
            these are never averaged; else an empty text.
    """

    phantoms: bool
    scale: str
    layout: str
    settings: tuple[str, ...] = ()
    photographs: str = ""


@dataclass(frozen=True, eq=False)
class TaskRun:
    """One training of one row of a task with one seed.

    Attributes:
        path: its folder.
        task, row, seed: what it is a run of.
        group: what it has in common with the runs that it may be averaged with.
        finished: whether it came to its end; if not, all below is empty.
        fingerprint: SHA-256 of its data and their split.
        photographs: SHA-256 of its data alone; of an early run, which did not keep it, the fingerprint.
        metrics: ``metrics.json``, figures on validation.
        test_metrics: ``metrics_test.json``; None where the test part was not opened, or there is none.
        same_as: the folder of the run that is counted instead: of one row, seed and data with this one; else None.
    """

    path: Path
    task: str
    row: str
    seed: int
    group: Group
    finished: bool
    fingerprint: str
    photographs: str
    metrics: dict[str, Any]
    test_metrics: dict[str, Any] | None
    same_as: Path | None = None

    @property
    def counted(self) -> bool:
        """Whether it goes into tables: finished, and not the same run as another one."""
        return self.finished and self.same_as is None

    @property
    def chosen_method(self) -> str:
        """The ensemble method that was chosen on validation, or an empty text."""
        return str(_at(self.metrics, "choice", "method", "method") or "")

    @property
    def reason(self) -> str:
        """Why it was chosen, or an empty text."""
        return str(_at(self.metrics, "choice", "reason") or "")

    @property
    def methods(self) -> tuple[str, ...]:
        """The ensemble methods that were compared."""
        return tuple(_at(self.metrics, "methods") or ())

    @property
    def members(self) -> tuple[str, ...]:
        """The networks whose training left a history, sorted."""
        return tuple(sorted(file.parent.name for file in self.path.glob("members/*/history.csv")))

    def has_method(self, method: str | None) -> bool:
        """Whether an ensemble method was compared; None, the chosen one, always was."""
        return method is None or method in self.methods or method == self.chosen_method

    def kappa(self, part: Part, method: str | None = None) -> Interval | None:
        """Return the quadratic kappa that the run wrote down for itself.

        Args:
            part: of the data.
            method: an ensemble method; None for the chosen one.
        """
        content = self.metrics if part == "validation" else self.test_metrics
        figure = _at(content, "methods", method, "quadratic_kappa") if method else None
        if method is None or (figure is None and method == self.chosen_method):
            figure = _at(content, "ensemble", "quadratic_kappa")
        return None if figure is None else _interval(figure, self.path)

    def predictions(self, part: Part, method: str | None = None) -> Predictions | None:
        """Return the predictions of an ensemble method, None for the chosen one; None if the run holds none.

        Raises:
            KerasdrError: if their file is broken.
        """
        names = [f"predictions_{part}_{method}.csv"] if method else []
        if method is None or method == self.chosen_method:
            names.append(f"predictions_{part}.csv")
        if part == "test" and self.test_metrics is None:
            return None
        for name in names:
            if (self.path / name).is_file():
                return _read_predictions(self.path / name)
        return None

    def history(self, member: str) -> pd.DataFrame:
        """Return the history of a member's training, one row an epoch.

        Raises:
            KerasdrError: if its file is broken.
        """
        path = self.path / "members" / member / "history.csv"
        try:
            return pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise KerasdrError(cannot_read(path, error)) from error

    def panels(self) -> list[Path]:
        """Return the pictures that the run holds (what a recipe makes of photographs, Grad-CAM), sorted by name."""
        return sorted((self.path / "figures").glob("*.png"))


def find_task_runs(folders: Iterable[Path]) -> list[TaskRun]:
    """Return all runs of tasks in some folders of runs, finished or not, by task, row, group and seed.

    A run that stands there twice (a copy of its folder, or trained again elsewhere) is counted once; runs of one row on
    different photographs are told apart by their groups.

    Args:
        folders: folders of runs, of a row's runs, or runs; of the same run twice, the one in the first folder is counted,
            unless its test part was not opened and the other's was.

    Raises:
        KerasdrError: if a folder is not there, or what a run holds cannot be read.
    """
    records: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise KerasdrError(
                f"there is no folder of runs {printable_path(folder)}: train a task first, or name the folder"
            )
        for pattern in _DEPTHS:
            for file in sorted(folder.glob(pattern)):
                records.setdefault(file.parent.resolve(), file.parent)
    runs = _told_apart(_counted_once([read_task_run(path) for path in records.values()]))
    return sorted(runs, key=lambda run: (run.task, run.row, run.group, run.seed, str(run.path)))


def _counted_once(runs: list[TaskRun]) -> list[TaskRun]:
    alike: dict[tuple[object, ...], list[TaskRun]] = {}
    for run in runs:
        if run.finished:
            alike.setdefault((run.task, run.row, run.seed, run.group, run.fingerprint), []).append(run)
    same_as: dict[Path, Path] = {}
    for ones in alike.values():
        counted = next((run for run in ones if run.test_metrics is not None), ones[0])
        same_as |= {run.path: counted.path for run in ones if run is not counted}
    return [replace(run, same_as=same_as.get(run.path)) for run in runs]


def _told_apart(runs: list[TaskRun]) -> list[TaskRun]:
    """Put the photographs into the groups of a task's runs where a row was trained on several.

    All rows of such a group are told apart, so that those on the same photographs stand together in a table.
    """
    trained_on: dict[tuple[str, Group], dict[str, set[str]]] = {}
    for run in runs:
        if run.finished:
            trained_on.setdefault((run.task, run.group), {}).setdefault(run.row, set()).add(run.photographs)
    several = {key for key, rows in trained_on.items() if max(map(len, rows.values())) > 1}
    return [
        replace(run, group=replace(run.group, photographs=run.photographs[:12]))
        if run.finished and (run.task, run.group) in several
        else run
        for run in runs
    ]


def read_task_run(path: Path) -> TaskRun:
    """Read one run of a task from its folder.

    Raises:
        KerasdrError: if a file that it must hold is missing or broken.
    """
    record = read_json(path / RECORD)
    try:
        # A later setting of a key overrules an earlier one.
        settings = {str(setting).partition("=")[0].strip(): str(setting) for setting in record.get("settings", [])}
        group = Group(
            bool(record["phantoms"]), str(record["scale"]), str(record["layout"]), tuple(sorted(settings.values()))
        )
        task, row, seed = str(record["task"]), str(record["row"]), int(record["seed"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise KerasdrError(
            f"{printable_path(path / RECORD)} does not say what it is a run of: train it anew"
        ) from error
    status = read_json(path / "status.json").get("status") if (path / "status.json").is_file() else None
    if status != "finished":
        return TaskRun(path, task, row, seed, group, False, "", "", {}, None)
    data = read_json(path / "data.json")
    fingerprint = str(data.get("sha256", ""))
    tested = path / "metrics_test.json"
    return TaskRun(
        path,
        task,
        row,
        seed,
        group,
        True,
        fingerprint,
        str(data.get("photographs_sha256", fingerprint)),
        read_json(path / "metrics.json"),
        read_json(tested) if tested.is_file() else None,
    )


def _at(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _interval(figure: dict[str, Any], path: Path) -> Interval:
    try:
        value, low, high, level = (
            float("nan") if figure[key] is None else float(figure[key]) for key in ("value", "low", "high", "level")
        )
        return Interval(value, low, high, level, int(figure["n_images"]), int(figure["n_people"]))
    except (KeyError, TypeError, ValueError) as error:
        raise KerasdrError(f"the figures in {printable_path(path)} are not those of a run: train it anew") from error


def _read_predictions(path: Path) -> Predictions:
    table = read_predictions(path)
    return Predictions(
        table["image_id"].to_numpy(dtype=str),
        table["patient_id"].to_numpy(dtype=str),
        table["grade"].to_numpy(),
        table["predicted"].to_numpy(),
    )
