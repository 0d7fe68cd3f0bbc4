import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.intervals import kappa_interval
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.tables import SEVERAL, FilledTable, fill_tables
from kerasdr.evaluation.task_runs import Group, find_task_runs
from kerasdr.tasks import Task

MakeRun = Callable[..., Path]


def filled(task: Task, tmp_path: Path, number: str, *folders: str) -> FilledTable:
    runs = find_task_runs([tmp_path / folder for folder in folders or ("runs",)])
    (table,) = [table for table in fill_tables(task, runs) if table.number == number]
    return table


def kappas(*folders: Path, name: str = "predictions_test.csv") -> list[float]:
    tables = [pd.read_csv(folder / name) for folder in folders]
    return [quadratic_kappa(table["grade"], table["predicted"]) for table in tables]


def test_averages_and_bests_are_over_the_seeds(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    folders = [make_run("first", seed) for seed in (40, 41, 42)]
    (block,) = filled(task, tmp_path, "2").blocks
    line = block.lines[0]
    test, validation = kappas(*folders), kappas(*folders, name="predictions_validation.csv")
    assert line.figures["average_test"].value == pytest.approx(np.mean(test))
    assert line.figures["best_test"].value == max(test)
    assert line.figures["best_validation"].value == max(validation)
    best = pd.read_csv(folders[int(np.argmax(test))] / "predictions_test.csv")
    own = kappa_interval(best["grade"], best["predicted"], best["patient_id"])
    assert line.figures["best_test"] == own
    assert line.figures["average_test"].low < line.figures["average_test"].value < line.figures["average_test"].high
    assert (line.seeds, line.people, line.photographs) == ((40, 41, 42), 30, 120)
    assert line.fingerprint == "0123456789ab"
    assert block.comparable and block.origin == "real photographs of DeepDRiD, full scale"


def test_splits_that_differ_from_seed_to_seed_are_several(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40, sha256="a" * 64, people=("1", "2", "3", "4"))
    make_run("first", 41, sha256="b" * 64, people=("3", "4", "5", "6"))
    line = filled(task, tmp_path, "2").blocks[0].lines[0]
    assert (line.fingerprint, line.people, line.photographs) == (SEVERAL, 6, 24)


def test_runs_on_different_photographs_are_never_averaged(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    first = make_run("first", 40, photographs="a" * 64, sha256="1" * 64)
    again = make_run("first", 41, photographs="a" * 64, sha256="2" * 64)
    other = make_run("first", 40, runs="more", photographs="b" * 64, sha256="3" * 64)
    make_run("second", 40, photographs="a" * 64, sha256="1" * 64)
    one, two = filled(task, tmp_path, "2", "runs", "more").blocks
    said = "real photographs of DeepDRiD, full scale, data "
    assert (one.origin, two.origin) == (said + "a" * 12, said + "b" * 12)
    assert one.slug != two.slug and one.comparable and two.comparable
    assert one.lines[0].figures["average_test"].value == pytest.approx(np.mean(kappas(first, again)))
    assert two.lines[0].figures["average_test"].value == pytest.approx(kappas(other)[0])
    assert (one.lines[0].seeds, two.lines[0].seeds) == ((40, 41), (40,))
    assert (one.lines[0].fingerprint, two.lines[0].fingerprint) == (SEVERAL, "3" * 12)
    assert (one.lines[1].seeds, two.lines[1].seeds) == ((40,), ()), "rows on the same photographs stand together"


def test_photographs_of_early_runs_are_told_apart_by_the_whole_fingerprint(
    task: Task, make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("first", 40, photographs=None)
    make_run("first", 41, photographs=None)
    assert [block.lines[0].seeds for block in filled(task, tmp_path, "2").blocks] == [(40, 41)]
    make_run("first", 42, photographs=None, sha256="b" * 64)
    assert [block.lines[0].seeds for block in filled(task, tmp_path, "2").blocks] == [(40, 41), (42,)]


def test_rows_on_different_data_sets_as_planned_are_not_told_apart(
    task: Task, make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("first", 40, photographs="a" * 64)
    make_run("second", 40, photographs="b" * 64)
    make_run("aptos", 40, layout="aptos", photographs="c" * 64)
    (block,) = filled(task, tmp_path, "2").blocks
    assert [line.seeds for line in block.lines] == [(40,), (40,)] and block.slug == ""


def test_a_copy_of_a_run_is_counted_once(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    folders = [make_run("first", 40), make_run("first", 41)]
    shutil.copytree(tmp_path / "runs", tmp_path / "backup")
    runs = find_task_runs([tmp_path / "runs", tmp_path / "backup"])
    line = fill_tables(task, runs)[0].blocks[0].lines[0]
    assert line.seeds == (40, 41)
    assert line.figures["average_test"].value == pytest.approx(np.mean(kappas(*folders)))


def test_a_row_without_runs_has_nothing_but_its_command(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40, scale="mini", phantoms=True, settings=["training.batch_size=8"])
    (block,) = filled(task, tmp_path, "2").blocks
    line = block.lines[1]
    assert (line.figures, line.seeds, line.people, line.fingerprint) == ({}, (), None, "")
    assert line.command == "kerasdr train task-x --only second --scale mini --set training.batch_size=8"


def test_a_table_without_runs_is_one_block_with_published_figures(task: Task, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (block,) = filled(task, tmp_path, "2").blocks
    assert (block.group, block.origin, block.comparable) == (None, "no runs yet", True)
    assert [line.command for line in block.lines] == [
        "kerasdr train task-x --only first",
        "kerasdr train task-x --only second",
    ]
    assert fill_tables(task, [], "my file.yaml")[0].blocks[0].lines[0].command == (
        "kerasdr train 'my file.yaml' --only first"
    )


def test_what_was_asked_for_differently_is_not_averaged(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40)
    make_run("first", 41, phantoms=True, scale="mini")
    make_run("first", 42, scale="mini")
    make_run("first", 43, phantoms=True)
    make_run("first", 44, layout="eyepacs")
    make_run("first", 45, settings=["imaging.size=128"])
    make_run("first", 46, layout="course")
    make_run("first", 47, phantoms=True, layout="course")
    blocks = filled(task, tmp_path, "2").blocks
    assert [(block.lines[0].seeds, block.comparable, block.origin) for block in blocks] == [
        ((40,), True, "real photographs of DeepDRiD, full scale"),
        ((45,), True, "real photographs of DeepDRiD, full scale, with imaging.size=128"),
        ((46,), True, "real photographs of DeepDRiD, full scale, layout course"),
        ((44,), False, "real photographs of EyePACS, full scale, layout eyepacs"),
        ((42,), False, "real photographs of DeepDRiD, mini scale"),
        ((43,), False, "synthetic photographs (phantoms), full scale"),
        ((47,), False, "synthetic photographs (phantoms), full scale, layout course"),
        ((41,), False, "synthetic photographs (phantoms), mini scale"),
    ]
    slugs = [block.slug for block in blocks]
    assert len(set(slugs)) == len(slugs) and slugs[0] == "" and slugs[-1] == "phantoms-mini"


def test_runs_not_finished_fill_no_table(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40, status="running")
    assert filled(task, tmp_path, "2").blocks[0].group is None


def test_a_table_of_validation_counts_its_people(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("aptos", 40, layout="aptos", test=False)
    table = filled(task, tmp_path, "4")
    (line,) = table.blocks[0].lines
    assert (table.part, table.columns, table.published_on) == ("validation", ("best_validation",), "APTOS 2019")
    assert (line.people, line.photographs, line.notes) == (30, 120, ())
    assert table.blocks[0].group == Group(False, "full", "") and table.blocks[0].comparable


def test_ensemble_methods_are_told_apart(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run("ensemble", 40, methods=("soft", "hard"), members=("a", "b"))
    table = filled(task, tmp_path, "8")
    soft, hard = table.blocks[0].lines
    assert table.columns == ("best_test", "average_test") and table.published_columns == ("best_test",)
    assert [soft.figures["best_test"].value] == kappas(folder, name="predictions_test_soft.csv")
    assert [hard.figures["best_test"].value] == kappas(folder, name="predictions_test_hard.csv")
    make_run("ensemble", 41, methods=("soft",))
    soft, hard = filled(task, tmp_path, "8").blocks[0].lines
    assert (soft.seeds, hard.seeds) == ((40, 41), (40,))


def test_a_test_part_that_was_not_opened_is_said(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run("first", 40)
    make_run("first", 41, test=False)
    line = filled(task, tmp_path, "2").blocks[0].lines[0]
    assert [line.figures["average_test"].value] == kappas(folder)
    assert line.seeds == (40, 41)
    assert line.notes == ("First (k=7) | 50%: no test part was opened by the runs of seed 41",)
