"""The figures of the report: charts of its tables, learning curves of its rows, the pictures that runs hold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.figures import Format, Series, kappa_chart, training_curves
from kerasdr.evaluation.table_text import block_title
from kerasdr.evaluation.tables import TITLES, Block, FilledTable, describe_group, group_slug, planned_group
from kerasdr.evaluation.task_runs import Group, TaskRun
from kerasdr.files import printable_path
from kerasdr.tasks import Column, Task, row_layout

# A column looks alike in all charts; a published figure has its column's colour.
_LOOKS: dict[Column, tuple[str, str]] = {
    "average_test": ("o", "tab:blue"),
    "best_test": ("s", "tab:orange"),
    "best_validation": ("D", "tab:green"),
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure that is yet to be drawn.

    Attributes:
        stem: of its files' names.
        caption: in words.
        draw: gives it as PNG or SVG.
    """

    stem: str
    caption: str
    draw: Callable[[Format], bytes]


@dataclass(frozen=True)
class Panel:
    """A picture of a run: what a recipe makes of a photograph (Figure 3), or Grad-CAM over it (Figure 5).

    Attributes:
        source: the file.
        name: of its copy.
        caption: its own name, and whose it is.
    """

    source: Path
    name: str
    caption: str

    def read(self) -> bytes:
        """Return the picture's bytes.

        Raises:
            KerasdrError: if it cannot be read.
        """
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise KerasdrError(
                f"cannot read {printable_path(self.source)}: {error.strerror}; take it away, or draw it anew"
            ) from error


def table_charts(table: FilledTable, stem: str) -> list[Drawing]:
    """Return a chart for each block of a table that has figures.

    Args:
        table: the table.
        stem: of the table's files.
    """
    return [
        Drawing(_joined(stem, block.slug), f"Chart of {block_title(table, block)}", _chart(table, block))
        for block in table.blocks
        if any(line.figures for line in block.lines)
    ]


def row_curves(task: Task, runs: Sequence[TaskRun]) -> list[Drawing]:
    """Return the learning curves of each row of a task: one figure a member and group of runs, the seeds over one another.

    Args:
        task: the task.
        runs: its finished runs.

    Raises:
        KerasdrError: if a history is broken.
    """
    drawings = []
    for row in task.rows:
        groups: dict[Group, list[TaskRun]] = {}
        for run in runs:
            if run.row == row.name:
                groups.setdefault(planned_group(task, run), []).append(run)
        for group, members in sorted(groups.items()):
            names = sorted({name for run in members for name in run.members})
            for name in names:
                having = [run for run in members if name in run.members]
                seeds = ", ".join(str(run.seed) for run in having)
                whose = f"{task.task} {row.name}" + (f", member {name}" if len(names) > 1 else "")
                origin = describe_group(group, [row_layout(task, row)])
                stem = f"curves-{task.task}.{row.name}" + (f".{name}" if len(names) > 1 else "")
                caption = f"{whose}, seed{'s' if len(having) > 1 else ''} {seeds}: {origin}"
                drawings.append(Drawing(_joined(stem, group_slug(group)), caption, _curves(having, name, caption)))
    return drawings


def run_panels(task: Task, runs: Sequence[TaskRun]) -> list[Panel]:
    """Return the pictures that a task's runs hold, under names of their own."""
    panels: list[Panel] = []
    taken: set[str] = set()
    for run in runs:
        group = planned_group(task, run)
        origin = describe_group(group, [run.group.layout])
        for source in run.panels():
            stem = _joined(f"{run.task}.{run.row}-seed-{run.seed}", group_slug(group))
            name = f"{stem}-{re.sub(r'[^A-Za-z0-9._-]+', '_', source.name)}"
            while name in taken:
                name = f"{name.removesuffix('.png')}-.png"
            taken.add(name)
            caption = f"{printable_path(source.name)} ({run.task} {run.row}, seed {run.seed}: {origin})"
            panels.append(Panel(source, name, caption))
    return panels


def _chart(table: FilledTable, block: Block) -> Callable[[Format], bytes]:
    series = []
    for column in table.columns:
        marker, colour = _LOOKS[column]
        ours = [line.figures.get(column) for line in block.lines]
        series.append(Series(TITLES[column], ours, marker, colour))
        if block.comparable and column in table.published_columns:
            theirs = [line.published.get(column) for line in block.lines]
            series.append(Series(f"{TITLES[column]}, published", theirs, "x", colour))
    labels = [line.label for line in block.lines]
    return lambda format: kappa_chart(labels, series, format=format, title=block_title(table, block))


def _curves(runs: Sequence[TaskRun], member: str, title: str) -> Callable[[Format], bytes]:
    histories = [run.history(member) for run in runs]
    return lambda format: training_curves(*histories, format=format, title=title)


def _joined(stem: str, slug: str) -> str:
    return f"{stem}-{slug}" if slug else stem
