"""Rows of the report's tables against the first of them, and methods against the chosen one."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.intervals import bootstrap_people
from kerasdr.evaluation.method_comparison import compare_methods, comparison_markdown
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.over_runs import Predictions
from kerasdr.evaluation.row_differences import difference_text, row_differences
from kerasdr.evaluation.table_text import to_csv, to_latex, to_markdown
from kerasdr.evaluation.tables import FilledTable, fill_tables
from kerasdr.evaluation.task_runs import find_task_runs, read_task_run
from kerasdr.multiplicity import holm
from kerasdr.tasks import Task

MakeRun = Callable[..., Path]


def table_of(task: Task, tmp_path: Path, number: str = "2") -> FilledTable:
    return next(one for one in fill_tables(task, find_task_runs([tmp_path / "runs"])) if one.number == number)


def mend(run: Path, share: float, name: str = "predictions_test.csv") -> pd.DataFrame:
    """Let a run be right about the photographs of a share of its people, and return its predictions."""
    table = pd.read_csv(run / name, dtype={"patient_id": str})
    people = sorted(set(table["patient_id"]))
    right = table["patient_id"].isin(people[: round(share * len(people))])
    table["predicted"] = np.where(right, table["grade"], table["predicted"])
    table.to_csv(run / name, index=False)
    return table


def kappa(table: pd.DataFrame, rows: Sequence[int] | slice = slice(None)) -> float:
    return quadratic_kappa(table["grade"].to_numpy()[rows], table["predicted"].to_numpy()[rows])


def test_a_row_less_the_first_over_all_seeds(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    first = [mend(make_run("first", seed), 0.0) for seed in (40, 41)]
    second = [mend(make_run("second", seed), 0.5) for seed in (40, 41)]
    (block,) = table_of(task, tmp_path).blocks
    assert block.lines[0].difference is None
    found = block.lines[1].difference
    assert found is not None and found.seeds == (40, 41)

    def statistic(rows: np.ndarray) -> float:
        return float(np.mean([kappa(b, rows) - kappa(a, rows) for a, b in zip(first, second, strict=True)]))

    expected = bootstrap_people(statistic, first[0]["patient_id"])
    assert found.interval.value == pytest.approx(expected.value) and expected.value > 0
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    averages = [line.figures["average_test"].value for line in block.lines]
    assert found.interval.value == pytest.approx(averages[1] - averages[0])
    assert found.p == found.p_holm < 0.01  # half of the people are mended, and one test is adjusted for itself alone


def test_the_same_predictions_are_no_different(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40)
    make_run("second", 40)
    found = table_of(task, tmp_path).blocks[0].lines[1].difference
    assert found is not None and (found.interval.value, found.interval.low, found.p) == (0.0, 0.0, 1.0)
    assert difference_text(found) == "0.0000 (0.000 to 0.000), p 1.00"


def test_other_photographs_or_seeds_are_not_compared(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40)
    make_run("second", 41)
    assert table_of(task, tmp_path).blocks[0].lines[1].difference is None
    table = mend(make_run("second", 40), 0.5)
    block = table_of(task, tmp_path).blocks[0]
    assert block.lines[1].difference is not None and block.lines[1].difference.seeds == (40,)
    assert "Second\\_one: compared with the first row over seed 40 alone." in to_markdown(table_of(task, tmp_path))
    run = tmp_path / "runs" / "task-x.second" / "seed-40"
    table.iloc[1:].to_csv(run / "predictions_test.csv", index=False)
    assert table_of(task, tmp_path).blocks[0].lines[1].difference is None
    table.assign(grade=table["grade"].to_numpy()[::-1]).to_csv(run / "predictions_test.csv", index=False)
    assert table_of(task, tmp_path).blocks[0].lines[1].difference is None
    table.iloc[::-1].to_csv(run / "predictions_test.csv", index=False)  # the order is no matter
    assert table_of(task, tmp_path).blocks[0].lines[1].difference == block.lines[1].difference


def test_p_is_adjusted_for_all_rows() -> None:
    random = np.random.default_rng(3)
    people = np.repeat([f"{who:02d}" for who in range(30)], 2)
    grades = random.integers(0, 5, 60)

    def said(noise: float) -> dict[tuple[int, str], Predictions]:
        guess = np.clip(np.round(grades + random.normal(0, noise, 60)), 0, 4).astype(np.int64)
        return {(1, "data"): Predictions(np.arange(60).astype(str), people, grades, guess)}

    found = row_differences(said(1.2), [said(1.0), said(0.6), said(1.2), {}])
    assert found[3] is None
    p = [one.p for one in found if one]
    adjusted = [one.p_holm for one in found if one]
    assert min(adjusted) == pytest.approx(min(1.0, 3 * min(p)))
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))


def test_the_tables_that_are_written(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    for seed in (40, 41):
        make_run("first", seed)
        mend(make_run("second", seed), 0.4)
    table = table_of(task, tmp_path)
    found = table.blocks[0].lines[1].difference
    assert found is not None
    text = to_markdown(table)
    (header,) = [line for line in text.splitlines() if line.startswith("| Experiment |")]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| First", "| Second"))]
    place = header.split(" | ").index("Test, less the first row (p Holm)")
    assert [row[place] for row in rows] == ["–", difference_text(found)]
    assert "adjusted for the 1 row compared (Holm)" in text
    frame = pd.read_csv(io.StringIO(to_csv(table)))
    assert frame["difference"][1] == pytest.approx(found.interval.value, abs=1e-6)
    assert frame["difference_p_holm"][1] == pytest.approx(found.p_holm, abs=1e-6)
    assert frame["difference"].isna().tolist() == [True, False]
    assert difference_text(found) in to_latex(table)


def test_validation_is_not_compared(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("aptos", 40, layout="aptos")
    assert table_of(task, tmp_path, "4").blocks[0].lines[0].difference is None


def test_methods_are_compared_with_the_chosen_one(task: Task, make_run: MakeRun) -> None:
    run = make_run("ensemble", 40, methods=("soft", "hard", "weighted"), members=("a", "b"))
    mend(run, 0.5, "predictions_test_hard.csv")
    soft, hard, weighted = compare_methods(read_task_run(run))
    assert soft.chosen and soft.difference is None
    assert hard.difference is not None and weighted.difference is not None
    tables = {name: pd.read_csv(run / f"predictions_test_{name}.csv") for name in ("soft", "hard")}
    assert hard.difference.interval.value == pytest.approx(kappa(tables["hard"]) - kappa(tables["soft"]))
    pair = (hard.difference, weighted.difference)
    assert [one.p_holm for one in pair] == pytest.approx(holm([one.p for one in pair]))
    text = comparison_markdown(read_task_run(run))
    assert "| Method | Validation kappa | Test kappa | Test, less the chosen (p Holm) |" in text
    assert f"| {difference_text(hard.difference)} |" in text
    unopened = make_run("ensemble", 41, methods=("soft", "hard"), members=("a", "b"), test=False)
    assert "less the chosen" not in comparison_markdown(read_task_run(unopened))
