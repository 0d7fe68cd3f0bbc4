import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.report_folder import Report, write_report
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task

MakeRun = Callable[..., Path]
Write = Callable[..., Report]


@pytest.fixture
def write(task: Task, tmp_path: Path) -> Write:
    def write(*folders: str) -> Report:
        places = [tmp_path / folder for folder in folders or ("runs",)]
        return write_report({"task-x": task}, places, tmp_path / "report", Reporter())

    return write


def test_every_table_is_written_in_three_forms_and_all_of_them_in_one(write: Write, make_run: MakeRun) -> None:
    make_run("first", 40, phantoms=True, scale="mini")
    make_run("ensemble", 40, phantoms=True, scale="mini", methods=("hard", "soft"), members=("a", "b"))
    report = write()
    names = {str(file.relative_to(report.path.parent)) for file in report.files}
    for number in (2, 4, 8):
        for ending in (".md", ".csv", ".tex", "-published.csv"):
            assert f"table-{number}{ending}" in names
    assert names >= {"report.md", "runs.csv", "figures/table-2-phantoms-mini.png", "figures/table-2-phantoms-mini.svg"}
    assert names == {str(file.relative_to(report.path.parent)) for file in report.path.parent.rglob("*.*")}
    text = report.path.read_text()
    assert text.count("Table 2. Experiments & details\\_100%: synthetic photographs (phantoms), mini scale\n") == 1
    assert "### Table 4. On APTOS: no runs yet" in text and "`kerasdr train task-x --only aptos`" in text
    assert (report.tables, len(report.finished), report.unfinished) == (3, 2, ())


def test_every_figure_that_is_shown_is_there_and_the_reverse(write: Write, make_run: MakeRun) -> None:
    make_run("first", 40, panels=("preview 1.png", "gradcam_12_l1.png"))
    make_run("first", 41)
    make_run("ensemble", 40, members=("a", "b"))
    report = write()
    text, folder = report.path.read_text(), report.path.parent
    shown = set(re.findall(r"\]\((figures/[^)]+)\)", text))
    assert shown == {f"figures/{file.name}" for file in (folder / "figures").iterdir()}
    assert {
        "figures/curves-task-x.first.svg",
        "figures/curves-task-x.ensemble.a.png",
        "figures/curves-task-x.ensemble.b.png",
        "figures/table-8.png",
        "figures/task-x.first-seed-40-preview_1.png",
    } <= shown
    assert "task-x first, seeds 40, 41: real photographs of DeepDRiD, full scale" in text
    assert "*gradcam\\_12\\_l1.png (task-x first, seed 40: real photographs of DeepDRiD, full scale)*" in text


def test_the_reason_of_each_choice_is_told_with_all_methods(write: Write, make_run: MakeRun) -> None:
    make_run("ensemble", 40, methods=("hard", "soft"), members=("a", "b"))
    make_run("ensemble", 41, methods=("soft", "hard"), members=("a", "b"))
    make_run("first", 40)
    text = write().path.read_text()
    section = text.split("### Ensemble methods compared, and why one was chosen")[1].split("###")[0]
    assert "| hard (chosen) | 0." in section and "| soft (chosen) | 0." in section
    assert "hard has the highest score, seed 40." in section and "soft has the highest score, seed 41." in section
    assert "first" not in section


def test_interrupted_runs_and_runs_of_no_row_are_listed(write: Write, make_run: MakeRun) -> None:
    make_run("first", 41, status="running")
    make_run("elsewhere", 40)
    report = write()
    text = report.path.read_text()
    unfinished = text.split("## Not finished")[1].split("## ")[0]
    assert "task-x first, seed 41" in unfinished and "seed-41`" in unfinished and "elsewhere" not in unfinished
    assert "task-x elsewhere, seed 40" in text.split("## In no table")[1].split("## ")[0]
    assert [run.seed for run in report.unfinished] == [41]


def test_all_runs_are_in_a_csv(write: Write, make_run: MakeRun) -> None:
    make_run("first", 40)
    make_run("aptos", 40, layout="aptos", test=False, phantoms=True)
    make_run("second", 40, status="running", settings=["a=1", "b=2"])
    with open(write().path.with_name("runs.csv"), newline="") as file:
        rows = {row["row"]: row for row in csv.DictReader(file)}
    assert float(rows["first"]["test_kappa_low"]) <= float(rows["first"]["test_kappa"])
    assert (rows["aptos"]["test_kappa"], rows["aptos"]["photographs_are"]) == ("", "synthetic")
    assert (rows["second"]["status"], rows["second"]["settings"]) == ("not finished", "a=1; b=2")


def test_a_copy_is_in_the_list_of_runs_and_nowhere_else(write: Write, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40, panels=("gradcam.png",))
    shutil.copytree(tmp_path / "runs", tmp_path / "backup")
    report = write("runs", "backup")
    text = report.path.read_text()
    section = text.split("## Counted once")[1].split("## ")[0]
    assert "task-x first, seed 40" in section and "backup/task-x.first/seed-40` is the same as `" in section
    assert len(report.finished) == len(report.copies) == 1 and ": 1 finished run." in text
    assert "task-x first, seed 40: real photographs" in text and "seeds 40" not in text
    assert len(list((report.path.parent / "figures").glob("*gradcam*"))) == 1
    with open(report.path.with_name("runs.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["same_as"]).parts[-3:-2] for row in rows] == [("runs",), ()]
    assert [Path(row["folder"]).parts[-3] for row in rows] == ["backup", "runs"]


def test_runs_on_different_photographs_have_tables_charts_and_curves_of_their_own(
    write: Write, make_run: MakeRun
) -> None:
    make_run("first", 40, photographs="a" * 64)
    make_run("first", 40, runs="more", photographs="b" * 64, sha256="c" * 64)
    report = write("runs", "more")
    text = report.path.read_text()
    for data in ("a" * 12, "b" * 12):
        assert f"Table 2. Experiments & details\\_100%: real photographs of DeepDRiD, full scale, data {data}\n" in text
        assert f"![task-x first, seed 40: real photographs of DeepDRiD, full scale, data {data}]" in text
        assert (report.path.parent / "figures" / f"table-2-data{data}.png").is_file()
    assert text.count("Runs of one row were made on different photographs or grades. They are not averaged") == 2
    with open(report.path.with_name("table-2.csv"), newline="") as file:
        assert {row["data"] for row in csv.DictReader(file)} == {"a" * 12, "b" * 12}


def test_without_runs_the_commands_are_told(write: Write, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    text = write().path.read_text()
    assert "no runs of tasks: each table says which command makes them" in text
    assert text.count("no runs yet") == 3
    commands = {f"`kerasdr train task-x --only {row}`" for row in ("first", "second", "aptos", "ensemble")}
    assert all(command in text for command in commands)
    assert "in no table, but" not in text
    assert not list((tmp_path / "report" / "figures").iterdir())


def test_a_row_of_no_table_has_its_command_or_its_curves(task: Task, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("first", 40)
    bare = task.model_copy(update={"tables": ()})
    text = write_report({"task-x": bare}, [tmp_path / "runs"], tmp_path / "report", Reporter()).path.read_text()
    section = text.split("Rows without runs that are in no table, but have figures:")[1]
    assert "* `kerasdr train task-x --only second`" in section and "--only first" not in section
    assert "figures/curves-task-x.first.png" in section


def test_two_writings_are_alike(write: Write, make_run: MakeRun) -> None:
    make_run("first", 40)
    first = {file: file.read_bytes() for file in write().files}
    assert first == {file: file.read_bytes() for file in write().files}


def test_tasks_with_a_table_of_the_same_number_do_not_overwrite_one_another(task: Task, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    other = task.model_copy(update={"task": "task-y"})
    report = write_report({"task-x": task, "y.yaml": other}, [tmp_path / "runs"], tmp_path / "report", Reporter())
    assert {file.name for file in report.files} >= {"task-x-table-2.csv", "task-y-table-2.csv"}
    assert "kerasdr train y.yaml --only first" in report.path.read_text()


def test_a_folder_that_cannot_be_made(write: Write, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(KerasdrError, match=r"cannot make the folder .*report: .*choose another with --out"):
        write()
