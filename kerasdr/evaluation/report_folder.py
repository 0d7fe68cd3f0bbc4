"""The report's folder: its tables and figures, made from run folders and from nothing else.

``report/`` holds::

    report.md                   all of it, with the figures
    table-2.md, .csv, .tex      each table of the tasks
    table-2-published.csv       the published figures alone
    runs.csv                    every run, finished or not
    figures/                    charts and learning curves as PNG and SVG, pictures of runs
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr import __version__
from kerasdr.evaluation.method_comparison import comparison_markdown, ensemble_runs
from kerasdr.evaluation.report_figures import Drawing, Panel, row_curves, run_panels, table_charts
from kerasdr.evaluation.table_text import (
    code,
    csv_text,
    figure_cells,
    figure_text,
    file_name,
    markdown,
    markdown_grid,
    published_csv,
    to_csv,
    to_latex,
    to_markdown,
)
from kerasdr.evaluation.tables import FilledTable, describe_group, fill_tables, train_command
from kerasdr.evaluation.task_runs import TaskRun, find_task_runs
from kerasdr.files import make_folder, printable_path, write_bytes_atomically, write_text_atomically
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task

_READING = """\
All figures are quadratic weighted kappa, ours with a 95% interval (percentile bootstrap over people, all photographs of a
person drawn together).

* **Average test** is the mean over runs; people are drawn once for all runs. The interval says how much hangs on these
  people, not on the chance of training: for that, look at the number of runs. It is undefined if one of the runs has no kappa.
* **Best test** is the highest of the runs, chosen by the test part itself, and so too good; its interval is that run's own.
  **Best val** likewise, on validation.
* Runs are averaged only where scale, photographs (real or synthetic, and which they are), layout and settings are the same;
  each such group is a table of its own, and its title says which it is. The same row, seed and data twice count once.
* Rows on the same test photographs are compared with the first: the paired difference of their average test kappa over the
  seeds that both have, and p of a permutation test, in which the answers of a person are swapped between the rows as a whole.
  p is adjusted for all rows of the table (Holm). In a list of ensemble methods the same is told against the chosen one.
* Published figures are of real photographs. They stand beside ours only where ours are of the same data set at full scale;
  beside synthetic photographs (phantoms) or mini scale they would say nothing, and stand apart.
* **Data and split** is the beginning of the SHA-256 of photographs, grades and split: tables with the same one speak of the
  same test people.
* The lists of methods and of runs give the figures that each run wrote down when it ended. Their intervals are from draws of
  the run's own, and may differ from a table's in the third digit."""


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        path: of ``report.md``.
        tables: how many.
        finished: the runs that they are made of.
        unfinished: runs that were interrupted, or go on.
        copies: runs that are the same as another one, and not counted.
        files: all files, in the order of writing.
    """

    path: Path
    tables: int
    finished: tuple[TaskRun, ...]
    unfinished: tuple[TaskRun, ...]
    copies: tuple[TaskRun, ...]
    files: tuple[Path, ...]


def write_report(tasks: Mapping[str, Task], folders: Sequence[Path], out: Path, reporter: Reporter) -> Report:
    """Write the tables and figures of some tasks from the runs in some folders.

    Args:
        tasks: whose tables, by what ``kerasdr train`` calls each: its name, or the path of its file.
        folders: of runs.
        out: the folder to be written; files of an earlier report are replaced.
        reporter: hears of progress.

    Raises:
        KerasdrError: if a folder of runs is not there, a run cannot be read, or the report cannot be written.
    """
    runs = find_task_runs(folders)
    filled = {called: fill_tables(task, runs, called) for called, task in tasks.items()}
    stems = _stems([table for tables in filled.values() for table in tables])
    finished = tuple(run for run in runs if run.counted)
    unfinished = tuple(run for run in runs if not run.finished)
    copies = tuple(run for run in runs if run.same_as is not None)
    make_folder(out)
    make_folder(out / "figures")

    files: list[Path] = []
    drawings: list[Drawing] = []
    panels: list[Panel] = []
    parts = [_opening(folders, finished, unfinished), *_missing(tasks.values(), runs)]
    for called, task in tasks.items():
        own = [run for run in finished if run.task == task.task]
        parts.append(f"## {markdown(task.task)}: {markdown(task.title)}")
        for table in filled[called]:
            stem = stems[id(table)]
            files += _write_table(table, out / stem)
            charts = table_charts(table, stem)
            drawings += charts
            parts += [to_markdown(table).rstrip(), *map(_picture, charts)]
        parts += _rows_without_tables(called, task, own)
        if ensembles := ensemble_runs(own):
            parts.append("### Ensemble methods compared, and why one was chosen")
            parts += [f"{_whose(run)}\n\n{comparison_markdown(run)}" for run in ensembles]
        if curves := row_curves(task, own):
            drawings += curves
            parts += ["### Learning curves (Figure 4)", *map(_picture, curves)]
        if pictures := run_panels(task, own):
            panels += pictures
            parts.append("### Photographs before and after preprocessing, and Grad-CAM (Figures 3 and 5)")
            parts += [
                f"![{markdown(one.caption)}](figures/{one.name})\n\n*{markdown(one.caption)}*" for one in pictures
            ]
    parts += _runs_section(runs)

    files += _write_figures(drawings, panels, out / "figures", reporter)
    write_text_atomically(out / "runs.csv", runs_csv(runs))
    # Last, so that what it shows is there.
    write_text_atomically(out / "report.md", "\n\n".join(parts) + "\n")
    files += [out / "runs.csv", out / "report.md"]
    return Report(out / "report.md", len(stems), finished, unfinished, copies, tuple(files))


def runs_csv(runs: Iterable[TaskRun]) -> str:
    """Return every run as a line of CSV: what it is, its own figures, and ``same_as``: the run that is counted instead."""
    names = [
        "task",
        "row",
        "seed",
        "photographs_are",
        "scale",
        "layout",
        "settings",
        "status",
        "fingerprint",
        "data",
        "method",
    ]
    names += [f"{part}_kappa{end}" for part in ("validation", "test") for end in ("", "_low", "_high")]
    rows = []
    for run in runs:
        group = run.group
        cells: list[object] = [run.task, run.row, run.seed, "synthetic" if group.phantoms else "real", group.scale]
        cells += [group.layout, "; ".join(group.settings), "finished" if run.finished else "not finished"]
        cells += [run.fingerprint, run.photographs, run.chosen_method]
        for figure in (run.kappa("validation"), run.kappa("test")):
            cells += figure_cells(figure)
        rows.append([*cells, printable_path(run.path), printable_path(run.same_as) if run.same_as else None])
    return csv_text([*names, "folder", "same_as"], rows)


def _stems(tables: Sequence[FilledTable]) -> dict[int, str]:
    names = [file_name(table) for table in tables]
    # Two tasks may each have a table of the same number.
    return {
        id(table): name if names.count(name) == 1 else f"{table.task}-{name}"
        for table, name in zip(tables, names, strict=True)
    }


def _write_table(table: FilledTable, stem: Path) -> list[Path]:
    contents = {
        f"{stem.name}.md": to_markdown(table, level=1),
        f"{stem.name}.csv": to_csv(table),
        f"{stem.name}.tex": to_latex(table),
        f"{stem.name}-published.csv": published_csv(table),
    }
    for name, text in contents.items():
        write_text_atomically(stem.with_name(name), text)
    return [stem.with_name(name) for name in contents]


def _write_figures(
    drawings: Sequence[Drawing], panels: Sequence[Panel], folder: Path, reporter: Reporter
) -> list[Path]:
    files = []
    progress = reporter.progress("drawing figures")
    for number, drawing in enumerate(drawings, start=1):
        for path, data in (
            (folder / f"{drawing.stem}.png", drawing.draw("png")),
            (folder / f"{drawing.stem}.svg", drawing.draw("svg")),
        ):
            write_bytes_atomically(path, data)
            files.append(path)
        progress(number, len(drawings))
    for panel in panels:
        write_bytes_atomically(folder / panel.name, panel.read())
        files.append(folder / panel.name)
    return files


def _opening(folders: Sequence[Path], finished: Sequence[TaskRun], unfinished: Sequence[TaskRun]) -> str:
    places = ", ".join(code(printable_path(folder)) for folder in folders)
    count = f"{len(finished)} finished run{'' if len(finished) == 1 else 's'}"
    if not finished and not unfinished:
        count = "no runs of tasks: each table says which command makes them"
    text = f"# Tables and figures of the tasks\n\nMade by kerasdr {__version__} from {places}: {count}."
    return f"{text}\n\n{_READING}"


def _missing(tasks: Iterable[Task], runs: Sequence[TaskRun]) -> list[str]:
    rows = {(task.task, row.name) for task in tasks for row in task.rows}
    unfinished = [f"* {_whose(run)}: {code(printable_path(run.path))}" for run in runs if not run.finished]
    copies = [
        f"* {_whose(run)}: {code(printable_path(run.path))} is the same as {code(printable_path(run.same_as))}"
        for run in runs
        if run.same_as is not None
    ]
    strange = [f"* {_whose(run)}: {code(printable_path(run.path))}" for run in runs if (run.task, run.row) not in rows]
    parts = []
    if unfinished:
        parts.append("## Not finished\n\nThese runs were interrupted, or go on; they are in no table.\n")
        parts[-1] += "\n" + "\n".join(unfinished)
    if copies:
        parts.append(
            "## Counted once\n\nThese runs are of the row, seed and data of another one; they are in no table.\n"
        )
        parts[-1] += "\n" + "\n".join(copies)
    if strange:
        parts.append("## In no table\n\nThese runs are of rows that the tasks of this report do not have.\n")
        parts[-1] += "\n" + "\n".join(strange)
    return parts


def _rows_without_tables(called: str, task: Task, runs: Sequence[TaskRun]) -> list[str]:
    in_tables = {entry.row for table in task.tables for entry in table.entries}
    known = in_tables | {run.row for run in runs}
    lacking = [code(train_command(called, row.name)) for row in task.rows if row.name not in known]
    if not lacking:
        return []
    return [
        "Rows without runs that are in no table, but have figures:\n\n" + "\n".join(f"* {line}" for line in lacking)
    ]


def _runs_section(runs: Sequence[TaskRun]) -> list[str]:
    if not runs:
        return []
    rows = [
        [
            markdown(f"{run.task} {run.row}"),
            str(run.seed),
            markdown(describe_group(run.group, ())),
            figure_text(run.kappa("validation")) if run.finished else "not finished",
            figure_text(run.kappa("test")),
            run.fingerprint[:12],
            code(printable_path(run.path)),
        ]
        for run in runs
    ]
    header = ["Run of", "Seed", "Made on", "Validation kappa", "Test kappa", "Data and split", "Folder"]
    return [f"## All runs\n\n{markdown_grid(header, rows)}"]


def _whose(run: TaskRun) -> str:
    return f"**{markdown(f'{run.task} {run.row}')}, seed {run.seed}** ({markdown(describe_group(run.group, ()))})"


def _picture(drawing: Drawing) -> str:
    caption = markdown(drawing.caption)
    return f"![{caption}](figures/{drawing.stem}.png)\n\n*{caption}* ([SVG](figures/{drawing.stem}.svg))"
