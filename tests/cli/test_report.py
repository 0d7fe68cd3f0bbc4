import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kerasdr.tasks import load_task, task_names

Kerasdr = Any  # the fixture, which runs the command

TASK = """
task: small
title: A small task
seeds: [40]
defaults: {data: {layout: deepdrid}}
rows: [{name: one}, {name: two}]
tables:
  - number: "2"
    title: Single mode
    columns: [average_test, best_validation]
    entries:
      - {label: One, row: one, published: {average_test: 0.7793}}
      - {label: Two, row: two, published: {average_test: 0.7968}}
"""


def write_run(row: str, status: str = "finished") -> None:
    run = Path("runs") / f"small.{row}" / "seed-40"
    run.mkdir(parents=True)
    kappa = {"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "n_images": 4, "n_people": 2}
    figures = {"ensemble": {"quadratic_kappa": kappa}}
    record = {"task": "small", "row": row, "seed": 40, "scale": "mini", "phantoms": True, "layout": "deepdrid"}
    contents = {
        "task.json": {**record, "settings": []},
        "status.json": {"status": status},
        "data.json": {"sha256": "a" * 64},
    }
    if status == "finished":
        contents |= {"metrics.json": figures, "metrics_test.json": figures}
    for name, content in contents.items():
        (run / name).write_text(json.dumps(content))
    if status != "finished":
        return
    people = "image_id,patient_id,eye,grade,predicted\na1,a,left,0,0\na2,a,right,1,1\nb1,b,left,3,2\nb2,b,right,4,4\n"
    for part in ("validation", "test"):
        (run / f"predictions_{part}.csv").write_text(people)


@pytest.fixture
def small(kerasdr: Kerasdr) -> Kerasdr:
    """The command, in a folder with the task file."""
    Path("small.yaml").write_text(TASK)
    return kerasdr


def test_a_report_of_some_runs(small: Kerasdr) -> None:
    write_run("one")
    write_run("two", "running")
    ran = small("report", "--task", "small.yaml", "--out", "out")
    assert (ran.code, ran.out) == (0, "out/report.md: 1 table of 1 finished run\n")
    assert ran.err == "not finished, and left out: runs/small.two/seed-40\n"
    text = Path("out/report.md").read_text()
    assert "Table 2. Single mode: synthetic photographs (phantoms), mini scale" in text
    assert "`kerasdr train small.yaml --only two --scale mini`" in text
    assert {file.name for file in Path("out").glob("table-2*")} == {
        "table-2.md",
        "table-2.csv",
        "table-2.tex",
        "table-2-published.csv",
    }
    assert small("report", "--task", "small.yaml", "--out", "out", "--quiet").err == ""


def test_runs_that_are_of_no_task_give_tables_with_commands(small: Kerasdr) -> None:
    Path("runs").mkdir()
    ran = small("report", "--task", "small.yaml")
    assert (ran.code, ran.out) == (0, "report/report.md: 1 table of 0 finished runs\n")
    assert ran.err == "there are no finished runs of tasks: each table says which command makes them\n"
    assert "`kerasdr train small.yaml --only one`" in Path("report/table-2.md").read_text()


def test_no_folder_of_runs(small: Kerasdr) -> None:
    assert small("report", "--task", "small.yaml").error == (
        "there is no folder of runs runs: train a task first, or name the folder"
    )
    assert not Path("report").exists()


def test_a_broken_run_is_named(small: Kerasdr) -> None:
    write_run("one")
    Path("runs/small.one/seed-40/metrics.json").write_text("{")
    assert "cannot read runs/small.one/seed-40/metrics.json" in small("report", "--task", "small.yaml").error


def test_no_such_task(small: Kerasdr) -> None:
    assert "task-zz" in small("report", "--task", "task-zz").error


def test_all_shipped_tasks_are_reported_on_unless_one_is_named(kerasdr: Kerasdr) -> None:
    Path("runs").mkdir()
    assert kerasdr("report").code == 0
    text = Path("report/report.md").read_text()
    for name in task_names():
        for table in load_task(name).tables:
            assert f"### Table {table.number}. " in text


def test_the_command_is_listed_and_loads_no_keras(kerasdr: Kerasdr, tmp_path: Path) -> None:
    assert "\n  report " in kerasdr("--help").out
    assert "Examples:" in kerasdr("report", "--help").out
    Path("small.yaml").write_text(TASK)
    write_run("one")
    program = (
        "import sys\nfrom kerasdr.cli.main import main\n"
        "sys.argv = ['kerasdr', 'report', '--task', 'small.yaml']\n"
        "try:\n    main()\nfinally:\n    print(sorted({'keras', 'tensorflow'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]")


def write_whole_run(name: str) -> Path:
    """A finished run with what a page and a card read; its test part is closed."""
    run = Path("runs") / "eyes" / name
    run.mkdir(parents=True)
    p = ["0.6,0.1,0.1,0.1,0.1", "0.1,0.6,0.1,0.1,0.1", "0.1,0.1,0.1,0.6,0.1", "0.1,0.1,0.1,0.1,0.6"]
    rows = [f"{person}{eye},{person},{eye},{grade}" for person, eye, grade in ("a10", "a20", "b13", "b24")]
    head = "image_id,patient_id,eye,grade,predicted,prob_0,prob_1,prob_2,prob_3,prob_4\n"
    said = [0, 1, 3, 4]
    lines = [f"{row},{guess},{chances}\n" for row, guess, chances in zip(rows, said, p, strict=True)]
    (run / "predictions_validation.csv").write_text(head + "".join(lines))
    (run / "config.yaml").write_text("name: eyes\nseed: 1\nmembers: []\n")
    figures = {"phantoms": True, "ensemble": {}}
    for file, content in (("status", {"status": "finished"}), ("data", {"sha256": "a" * 64}), ("metrics", figures)):
        (run / f"{file}.json").write_text(json.dumps(content))
    (Path("runs") / "chosen").write_text(f"eyes/{name}\n")
    return run


def test_a_page_about_the_chosen_run_and_its_charts(kerasdr: Kerasdr) -> None:
    run = write_whole_run("one")
    ran = kerasdr("report", "--html", "page.html", "--out", "charts", "--no-pictures")
    assert (ran.code, ran.out) == (0, f"page.html: 1 run, {len(list(Path('charts').glob('*.svg')))} charts in charts\n")
    assert "its test part has not been opened; `kerasdr evaluate" in ran.err
    assert "Report on eyes/one" in Path("page.html").read_text()
    assert not (run / "metrics_test.json").exists() and not Path("report").exists()
    assert kerasdr("report", str(run), str(run), "--html", "page.html", "-q").out == "page.html: 1 run\n"


def test_photographs_that_are_gone_are_a_gap_and_no_error(kerasdr: Kerasdr) -> None:
    run = write_whole_run("one")
    table = (run / "predictions_validation.csv").read_text().replace("b2,b,2,4,4", "b2,b,2,0,4")
    assert "b2,b,2,0,4" in table
    (run / "predictions_validation.csv").write_text(table)
    assert kerasdr("report", "--html", "page.html", "-q").code == 0
    page = Path("page.html").read_text()
    assert "<strong>b2</strong>: true 0" in page and "pictures of the worst errors: " in page and "<img" not in page


def test_a_card_of_the_chosen_run(kerasdr: Kerasdr) -> None:
    write_whole_run("one")
    Path("ours.yaml").write_text("ethics: asked\n")
    ran = kerasdr("report", "--card", "card.md", "--card-answers", "ours.yaml")
    assert ran.code == 0 and ran.out.startswith("card.md: 144 items: ") and "2 by a person" in ran.out
    assert "**Added by a person:** asked" in Path("card.md").read_text()
    both = kerasdr("report", "--card", "card.md", "--html", "page.html", "--no-pictures")
    assert [line.partition(":")[0] for line in both.out.splitlines()] == ["page.html", "card.md"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--card-answers", "a.yaml"], "give --card FILE.md as well"),
        (["--no-pictures"], "give --html FILE.html as well"),
        (["--html", "p.html", "--task", "task-a"], "--task is for the tables"),
        (["--card", "c.md", "--out", "x"], "leave out --out"),
    ],
)
def test_options_that_do_not_go_together(kerasdr: Kerasdr, arguments: list[str], said: str) -> None:
    assert said in kerasdr("report", *arguments).usage


def test_a_page_about_nothing(kerasdr: Kerasdr) -> None:
    assert kerasdr("report", "--html", "p.html").error.startswith("there is no run runs/chosen")


def test_the_page_loads_no_keras(kerasdr: Kerasdr, tmp_path: Path) -> None:
    write_whole_run("one")
    program = (
        "import sys\nfrom kerasdr.cli.main import main\n"
        "sys.argv = ['kerasdr', 'report', '--html', 'p.html', '--card', 'c.md']\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'keras', 'tensorflow', 'matplotlib', 'mlflow'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]")
