"""A task of the report as typed, checked data: rows, which are experiments to be trained, and the tables they fill.

A task's file looks like this::

    task: task-a
    title: Fine-tuning pretrained models on DeepDRiD
    seeds: [40, 41, 42]                # each row is trained once with each
    defaults: {data: ..., model: ...}  # an experiment, as kerasdr.config reads it
    mini: {imaging: {size: 64}, ...}   # laid over it by `--scale mini`
    rows:
      - {name: resnet18, set: {model: {trunk: resnet18}}, mini: {...}, figures: {explain: 4, preview: 2}}
    mini_seeds: [40]                   # instead of seeds at scale mini; a row may have seeds and mini_seeds of its own
    tables:
      - number: "2"
        title: "Task A: experiments details (single mode)"
        columns: [average_test, best_test, best_validation]
        entries:
          - {label: ResNet18, row: resnet18, published: {average_test: 0.7793, ...}}

``model.weights: row:NAME`` stands for the weights that row NAME of the same task, or ``row:TASK/NAME`` of another one,
ended with, of the same seed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from kerasdr.config import Experiment, fit_settings, override, read, resolve, shipped_names, suggestion
from kerasdr.data_config import DataConfig
from kerasdr.errors import KerasdrError
from kerasdr.section import Name, Section

Column = Literal["average_test", "best_test", "best_validation"]
Scale = Literal["full", "mini"]


class TaskFigures(Section):
    """Pictures of validation photographs that a row's run is given when it is finished.

    Attributes:
        explain: how many with Grad-CAM over them (Figure 5 of the report).
        preview: how many before and after preprocessing (Figure 3).
    """

    explain: int = Field(default=0, ge=0, le=100)
    preview: int = Field(default=0, ge=0, le=100)


class TaskRow(Section):
    """One experiment of a task.

    Attributes:
        name: within the task.
        set: what differs from the task's defaults.
        mini: what differs further at scale mini.
        seeds: instead of the task's.
        mini_seeds: instead of these at scale mini.
        figures: pictures that its runs are given; none if left out.
    """

    name: Name
    set: dict[str, Any] = Field(default_factory=dict)
    mini: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    mini_seeds: tuple[int, ...] | None = None
    figures: TaskFigures = TaskFigures()


class TableEntry(Section):
    """One line of a table of the report.

    Attributes:
        label: as the report prints it.
        row: which row's runs fill it.
        method: an ensemble method of those runs; None for the one that each run chose.
        published: the report's figures, by column.
    """

    label: str
    row: str
    method: str | None = None
    published: dict[Column, float] = Field(default_factory=dict)


class TaskTable(Section):
    """A table of the report: its number there, its title, its columns and lines."""

    number: str
    title: str
    columns: tuple[Column, ...] = Field(min_length=1)
    note: str = ""
    entries: tuple[TableEntry, ...] = Field(min_length=1)


class Task(Section):
    """A whole task."""

    task: Name
    title: str
    seeds: tuple[int, ...] = Field(min_length=1)
    defaults: dict[str, Any]
    mini: dict[str, Any] = Field(default_factory=dict)
    mini_seeds: tuple[int, ...] | None = None
    rows: tuple[TaskRow, ...] = Field(min_length=1)
    tables: tuple[TaskTable, ...] = ()
    candidates: tuple[str, ...] = ()
    """Rows of one data set, among whose runs validation chooses the one for ``kerasdr predict``; all rows if empty."""

    @model_validator(mode="after")
    def _names_fit(self) -> "Task":
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            raise ValueError("each row needs a name of its own")
        for name in self.candidates:
            if name not in names:
                raise ValueError(f"candidates names row {name!r}, which is not there")
        for table in self.tables:
            for entry in table.entries:
                if entry.row not in names:
                    raise ValueError(f"table {table.number} names row {entry.row!r}, which is not there")
        return self

    def row(self, name: str) -> TaskRow:
        """Return a row by its name.

        Raises:
            KerasdrError: if there is none; the message lists those that there are.
        """
        for row in self.rows:
            if row.name == name:
                return row
        names = [row.name for row in self.rows]
        raise KerasdrError(f"{self.task} has no row {name!r}{suggestion(name, names)}; its rows are {', '.join(names)}")

    def seeds_of(self, row: TaskRow, scale: Scale = "full") -> tuple[int, ...]:
        """Return the seeds with which a row is trained."""
        if scale == "mini" and row.mini_seeds is not None:
            return row.mini_seeds
        if row.seeds is not None:
            return row.seeds
        return self.mini_seeds if scale == "mini" and self.mini_seeds else self.seeds


def is_task(raw: Mapping[str, Any]) -> bool:
    """Whether a configuration that was read is a task and not a single experiment."""
    return "rows" in raw


def task_names() -> tuple[str, ...]:
    """Return the names of the tasks that come with kerasdr, sorted."""
    return tuple(name for name in shipped_names() if is_task(read(name)))


def load_task(name_or_path: str) -> Task:
    """Read and check a task.

    Raises:
        KerasdrError: if it is not there, or says something that cannot be.
    """
    try:
        return Task.model_validate(read(name_or_path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise KerasdrError(f"{name_or_path}: {place or 'task'}: {message}; correct the file") from error


def row_experiment(
    task: Task, row: TaskRow, seed: int, scale: Scale = "full", settings: Iterable[str] = ()
) -> Experiment:
    """Return the experiment of a row with a seed.

    Args:
        task: the task.
        row: one of its rows.
        seed: of the experiment: its split, where the data set has none, and its members.
        scale: ``mini`` lays the task's and the row's small settings over it.
        settings: ``key=value``, laid over everything.

    Raises:
        KerasdrError: as :func:`kerasdr.config.override` and :func:`kerasdr.config.resolve`.
    """
    raw = _row_raw(task, row, scale)
    raw |= {"name": f"{task.task}.{row.name}", "seed": seed, "description": raw.get("description", task.title)}
    return resolve(override(raw, settings), f"{task.task}, row {row.name}")


def row_settings(
    task: Task, row: TaskRow, scale: Scale, settings: Iterable[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the settings that a row has a place for, and why it has none for each of the others.

    Args:
        task, row, scale: as for :func:`row_experiment`.
        settings: ``key=value``.

    Raises:
        KerasdrError: as :func:`kerasdr.overrides.fit_settings`.
    """
    return fit_settings(_row_raw(task, row, scale), settings)


def row_layout(task: Task, row: TaskRow) -> str:
    """Return the layout of the data that a row asks for."""
    layout = merge(task.defaults, row.set).get("data", {}).get("layout")
    return str(layout or DataConfig().layout)


def _row_raw(task: Task, row: TaskRow, scale: Scale) -> dict[str, Any]:
    if scale == "mini":
        return merge(merge(merge(task.defaults, task.mini), row.set), row.mini)
    return merge(task.defaults, row.set)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``over`` laid over it, mapping by mapping; lists and values are replaced whole."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
