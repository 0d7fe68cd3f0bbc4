"""The report's tables, filled from runs: what is averaged, what stands beside what.

Runs of a row are averaged where all that was asked for is the same (:class:`~kerasdr.evaluation.task_runs.Group`), and so
are the photographs, however they are split; each group fills a block of its own. A published figure stands in a block only if
its runs are of real photographs of the same data set, at full scale; phantoms and small settings are never put beside it.
"""

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.over_runs import Predictions, average_kappa
from kerasdr.evaluation.row_differences import Key, RowDifference, row_differences
from kerasdr.evaluation.task_runs import Group, Part, TaskRun
from kerasdr.files import sha256_of
from kerasdr.tasks import Column, TableEntry, Task, TaskTable, row_layout

TITLES: dict[Column, str] = {
    "average_test": "Average test",
    "best_test": "Best test",
    "best_validation": "Best val",
}
DATA_SETS = {"deepdrid": "DeepDRiD", "course": "DeepDRiD", "aptos": "APTOS 2019", "eyepacs": "EyePACS"}
SEVERAL = "several"
_AS_PLANNED = ""


@dataclass(frozen=True)
class Line:
    """One line of a block.

    Attributes:
        label: as the report prints it.
        row, method: of the task file.
        layout: of its runs' data.
        published: the report's figures, by column.
        figures: ours, by column; what cannot be told is not there. A best figure carries the interval of its own run.
        seeds: of the runs that went into it.
        people, photographs: of the part that the block is about, each once; None if unknown.
        fingerprint: the first 12 digits of the data's SHA-256, ``several`` where runs differ, or an empty text.
        command: makes the row's runs.
        notes: sentences about what is missing from the figures.
        difference: of the test part's average kappa, from the block's first line; None where it cannot be told.
    """

    label: str
    row: str
    method: str | None
    layout: str
    published: Mapping[Column, float]
    figures: Mapping[Column, Interval]
    seeds: tuple[int, ...]
    people: int | None
    photographs: int | None
    fingerprint: str
    command: str
    notes: tuple[str, ...] = ()
    difference: RowDifference | None = None


@dataclass(frozen=True)
class Block:
    """A table as one group of runs fills it.

    Attributes:
        group: what the runs have in common; None if there are no runs.
        origin: in words, on what they were made.
        comparable: whether published figures may stand beside ours.
        lines: one an entry of the table.
    """

    group: Group | None
    origin: str
    comparable: bool
    lines: tuple[Line, ...]

    @property
    def slug(self) -> str:
        """A short text for file names, different for each block of a table; empty for the report's own setting."""
        return "" if self.group is None else group_slug(self.group)


@dataclass(frozen=True)
class FilledTable:
    """A table of the report with all its blocks.

    Attributes:
        task: whose table it is.
        number, title, note: as in the task's file.
        columns: of the report, in its order; then the average, which its interval belongs to.
        part: of the data, which people and photographs are counted of.
        published_on: the data sets of the published figures, in words.
        blocks: one or more.
    """

    task: str
    number: str
    title: str
    note: str
    columns: tuple[Column, ...]
    part: Part
    published_on: str
    blocks: tuple[Block, ...] = field(default_factory=tuple)

    @property
    def published_columns(self) -> tuple[Column, ...]:
        """The columns in which the report has a figure."""
        return tuple(name for name in self.columns if any(name in line.published for line in self.blocks[0].lines))

    @property
    def shows_published(self) -> bool:
        """Whether some block has the published figures in it."""
        return any(block.comparable for block in self.blocks)


def fill_tables(task: Task, runs: Sequence[TaskRun], called: str | None = None) -> list[FilledTable]:
    """Fill all tables of a task.

    Args:
        task: the task.
        runs: of this task and of others, finished or not, from :func:`~kerasdr.evaluation.task_runs.find_task_runs`.
        called: what ``kerasdr train`` calls the task, if not by its name: the path of its file.

    Raises:
        KerasdrError: if a file of predictions is broken.
    """
    own = [run for run in runs if run.task == task.task and run.counted]
    return [_fill(task, table, own, called or task.task) for table in task.tables]


def data_set(layout: str) -> str:
    """Return the name of the data set that a layout is of, in words."""
    return DATA_SETS.get(layout, f"layout {layout}")


def describe_group(group: Group, layouts: Iterable[str]) -> str:
    """Say what runs were made on: ``synthetic photographs (phantoms), mini scale``."""
    if group.phantoms:
        text = f"synthetic photographs (phantoms), {group.scale} scale"
    else:
        sets = list(dict.fromkeys(data_set(layout) for layout in ([group.layout] if group.layout else layouts)))
        text = f"real photographs of {' and '.join(sets)}, {group.scale} scale"
    text += f", layout {group.layout}" if group.layout else ""
    text += f", with {', '.join(group.settings)}" if group.settings else ""
    return text + (f", data {group.photographs}" if group.photographs else "")


def group_slug(group: Group) -> str:
    """Return a short text for file names; empty for real photographs at full scale as the task asks for."""
    digest = sha256_of("\n".join(group.settings).encode())[:6]
    parts = ["phantoms"] if group.phantoms else []
    parts += [] if group.scale == "full" else [group.scale]
    parts += [group.layout] if group.layout else []
    parts += [f"set{digest}"] if group.settings else []
    parts += [f"data{group.photographs}"] if group.photographs else []
    return "-".join(parts)


def train_command(task: str, row: str, group: Group | None = None) -> str:
    """Return the command that makes the runs of a row, in the manner of a group."""
    words = ["kerasdr", "train", task, "--only", row]
    if group is not None and group.scale != "full":
        words += ["--scale", group.scale]
    settings = group.settings if group is not None else ()
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def planned_group(task: Task, run: TaskRun) -> Group:
    """Return a run's group with an empty layout where it is the one that its row asks for.

    So rows on different data sets, each run as planned, stand in one block.
    """
    group, names = run.group, [row.name for row in task.rows]
    planned = run.row in names and row_layout(task, task.row(run.row)) == group.layout
    return replace(group, layout=_AS_PLANNED if planned else group.layout)


def _fill(task: Task, table: TaskTable, runs: Sequence[TaskRun], called: str) -> FilledTable:
    asked = {entry.row for entry in table.entries}
    groups: dict[Group, list[TaskRun]] = {}
    for run in runs:
        if run.row in asked:
            groups.setdefault(planned_group(task, run), []).append(run)
    tested = any(name != "best_validation" for name in table.columns)
    columns = table.columns
    if tested and "average_test" not in columns:
        columns = (*columns, "average_test")
    layouts = list(dict.fromkeys(row_layout(task, task.row(entry.row)) for entry in table.entries))
    published_on = list(dict.fromkeys(data_set(layout) for layout in layouts))
    part: Part = "test" if tested else "validation"
    blocks = []
    every: list[Group | None] = [*sorted(groups)]
    for group in every or [None]:
        chosen = groups[group] if group else []
        lines = _with_differences(
            [
                _line(task, entry, columns, chosen, part, train_command(called, entry.row, group))
                for entry in table.entries
            ]
        )
        origin = "no runs yet" if group is None else describe_group(group, layouts)
        blocks.append(Block(group, origin, _comparable(group, published_on), lines))
    return FilledTable(
        task.task,
        table.number,
        table.title,
        table.note,
        columns,
        part,
        " and ".join(published_on),
        tuple(blocks),
    )


def _comparable(group: Group | None, published_on: Sequence[str]) -> bool:
    if group is None:
        return True
    if group.phantoms or group.scale != "full":
        return False
    return group.layout == _AS_PLANNED or [data_set(group.layout)] == list(published_on)


def _with_differences(lines: Sequence[tuple[Line, dict[Key, Predictions]]]) -> tuple[Line, ...]:
    """Return the lines, each with its difference from the first."""
    (first, reference), *others = lines
    differences = row_differences(reference, [tests for _, tests in others])
    compared = [replace(line, difference=difference) for (line, _), difference in zip(others, differences, strict=True)]
    return (first, *compared)


def _line(
    task: Task, entry: TableEntry, columns: Sequence[Column], runs: Sequence[TaskRun], part: Part, command: str
) -> tuple[Line, dict[Key, Predictions]]:
    """Return a line, and the predictions of its runs on the test part."""
    used = [run for run in runs if run.row == entry.row and run.has_method(entry.method)]
    notes: list[str] = []
    figures: dict[Column, Interval] = {}
    tests = [run.predictions("test", entry.method) if part == "test" else None for run in used]
    opened = [one for one in tests if one is not None]
    alone = [average_kappa([one]) for one in opened]
    if opened and "average_test" in columns:
        figures["average_test"] = average_kappa(opened) if len(opened) > 1 else alone[0]
    if opened and "best_test" in columns:
        figures["best_test"] = max(alone, key=_value)
    validation = [kappa for run in used if (kappa := run.kappa("validation", entry.method)) is not None]
    if validation and "best_validation" in columns:
        figures["best_validation"] = max(validation, key=_value)
    if part == "test" and len(opened) < len(used):
        unopened = ", ".join(str(run.seed) for run, one in zip(used, tests, strict=True) if one is None)
        notes.append(f"{entry.label}: no test part was opened by the runs of seed {unopened}")
    if part == "test":
        judged = opened
    else:
        judged = [one for run in used if (one := run.predictions("validation")) is not None]
    fingerprints = {run.fingerprint[:12] for run in used}
    line = Line(
        label=entry.label,
        row=entry.row,
        method=entry.method,
        layout=used[0].group.layout if used else row_layout(task, task.row(entry.row)),
        published={name: value for name, value in entry.published.items() if name in columns},
        figures=figures,
        seeds=tuple(run.seed for run in used),
        people=len({str(name) for one in judged for name in one.people}) if judged else None,
        photographs=len({str(name) for one in judged for name in one.images}) if judged else None,
        fingerprint=SEVERAL if len(fingerprints) > 1 else "".join(fingerprints),
        command=command,
        notes=tuple(notes),
    )
    return line, {(run.seed, run.fingerprint): one for run, one in zip(used, tests, strict=True) if one is not None}


def _value(figure: Interval) -> float:
    return -math.inf if math.isnan(figure.value) else figure.value
