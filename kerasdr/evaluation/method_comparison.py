"""The ensemble methods of a run side by side, and why one of them was chosen."""

from collections.abc import Iterable
from dataclasses import dataclass

from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.row_differences import RowDifference, difference_text, row_differences
from kerasdr.evaluation.table_text import NOTHING, figure_text, markdown, markdown_grid
from kerasdr.evaluation.task_runs import TaskRun


@dataclass(frozen=True)
class MethodFigures:
    """One ensemble method of one run.

    Attributes:
        method: its name.
        chosen: whether validation chose it.
        validation, test: quadratic kappa with its interval; None if unknown.
        difference: of the kappa on the test part, less that of the chosen method; None if unknown, and of that itself.
    """

    method: str
    chosen: bool
    validation: Interval | None
    test: Interval | None
    difference: RowDifference | None


def ensemble_runs(runs: Iterable[TaskRun]) -> list[TaskRun]:
    """Return the finished runs of more than one member."""
    return [run for run in runs if run.finished and len(run.members) > 1]


def compare_methods(run: TaskRun) -> list[MethodFigures]:
    """Return the figures of each method that a run compared, in its order."""
    said = {method: run.predictions("test", method) for method in run.methods}
    key = (run.seed, run.fingerprint)
    tests = {method: {key: one} for method, one in said.items() if one is not None}
    others = [method for method in tests if method != run.chosen_method]
    differences = row_differences(tests.get(run.chosen_method, {}), [tests[method] for method in others])
    found = dict(zip(others, differences, strict=True))
    return [
        MethodFigures(
            method,
            method == run.chosen_method,
            run.kappa("validation", method),
            run.kappa("test", method),
            found.get(method),
        )
        for method in run.methods
    ]


def comparison_markdown(run: TaskRun) -> str:
    """Return the comparison of a run's methods as a table in Markdown, and the reason of the choice under it."""
    methods = compare_methods(run)
    header = ["Method", "Validation kappa", "Test kappa"]
    rows = [
        [
            markdown(one.method) + (" (chosen)" if one.chosen else ""),
            figure_text(one.validation),
            figure_text(one.test) if one.test else NOTHING,
        ]
        for one in methods
    ]
    if any(one.difference for one in methods):
        header.append("Test, less the chosen (p Holm)")
        rows = [[*row, difference_text(one.difference) or NOTHING] for row, one in zip(rows, methods, strict=True)]
    return f"{markdown_grid(header, rows)}\n\n{markdown(run.reason or 'The run gives no reason for its choice')}."
