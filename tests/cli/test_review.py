"""The page of a job, and the merge of what readers decided on it."""

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from kerasdr.files import sha256_of
from kerasdr.review.decisions import COLUMNS, read_decisions
from kerasdr.review.grades_csv import read_grades
from kerasdr.review.keeping import jobs_of
from kerasdr.review.photographs import Shown
from kerasdr.scoring.ledger.audit import read_output
from kerasdr.scoring.ledger.lock import hold
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.rows import csv_line
from tests.cli.conftest import Kerasdr

MERGE = ("review", "merge", "ada.csv", "--on", "out.csv", "--out", "reviewed.csv")


@pytest.fixture(autouse=True)
def done(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    """A job in ``out.csv`` about two photographs that are the same and one that cannot be read."""
    Path("in").mkdir()
    Path("in/1_left.png").write_bytes(eye)
    Path("in/1_right.png").write_bytes(eye)
    Path("in/2_left.png").write_bytes(b"text")
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3


def grades() -> list[dict[str, str]]:
    with open("out.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_decisions(name: str, reader: str, said: dict[str, str], **changed: str) -> None:
    job = sha256_of(Path("out.csv").read_bytes())
    lines = [csv_line(COLUMNS)]
    for row in grades():
        if row["image"] in said:
            cells = {
                "image": row["image"],
                "sha256": row["sha256"],
                "machine_grade": row["grade"] or row["status"],
                "decision": said[row["image"]],
                "note": "",
                "reader": reader,
                "decided_at": "2026-11-30T21:00:00+00:00",
                "job": job,
            } | changed
            lines.append(csv_line(cells.values()))
    Path(name).write_text("".join(lines), encoding="utf-8")


def test_a_page_is_written(kerasdr: Kerasdr) -> None:
    ran = kerasdr("review", "page", "out.csv", "--images", "in", "--out", "review.html", "--quiet")
    assert (ran.code, ran.out) == (0, "review.html: 3 rows, 2 photographs, 2 Grad-CAM pictures\n")
    assert len(list(Path("review.html_files").iterdir())) == 1  # of two files with the same bytes
    assert Path("review.html").read_text().startswith("<!DOCTYPE html><!-- kerasdr review -->")


def test_photographs_that_are_not_found_are_told_of(kerasdr: Kerasdr) -> None:
    Path("elsewhere").mkdir()
    ran = kerasdr("review", "page", "out.csv", "--images", "elsewhere", "--out", "review.html")
    assert ran.code == 0 and ran.err.endswith(
        "0 of 2 photographs are on the page: 2 not found with the bytes that were graded, 0 found that cannot be shown; name "
        "where they lie with --images\n"
    )
    assert ran.out == "review.html: 3 rows, 0 photographs, 2 Grad-CAM pictures\n"


def test_predict_writes_the_same_page(kerasdr: Kerasdr, model: str) -> None:
    job = ("predict", "in", "--out", "out.csv", "--model", model)
    ran = kerasdr(*job, "--html", "pages/review.html")
    assert ran.code == 3 and ran.out.endswith("\npages/review.html: 3 rows, 2 photographs, 2 Grad-CAM pictures\n")
    page = Path("pages/review.html").read_bytes()
    assert kerasdr("review", "page", "out.csv", "--images", "in", "--out", "pages/review.html").code == 0
    assert Path("pages/review.html").read_bytes() == page
    assert kerasdr(*job, "--html", "pages/review.html", "--quiet").out == ""


def test_a_page_in_the_folder_of_the_photographs_adds_none(kerasdr: Kerasdr, model: str, eye: bytes) -> None:
    Path("here").mkdir()
    Path("here/1_left.png").write_bytes(eye)
    os.chdir("here")
    for _ in range(2):
        ran = kerasdr("predict", ".", "--out", "g.csv", "--model", f"../{model}", "--html", "review.html")
        assert ran.code == 0 and "review.html: 1 rows, 1 photographs" in ran.out
    assert len(list(Path("review.html_files").iterdir())) == 1


def test_a_page_that_fails_is_a_warning_and_no_other_exit_code(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.errors import StorageError

    def full(*arguments: Any, **options: Any) -> None:
        raise StorageError("cannot write review.html: no space")

    monkeypatch.setattr("kerasdr.review.page.write_text_atomically", full)
    Path("in/2_left.png").unlink()
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--html", "review.html")
    assert ran.code == 0
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    (warning,) = warnings
    assert warning.startswith(
        "warning: the CSV is written, its page is not: cannot write review.html: no space; `kerasdr"
    )
    assert "\n" not in ran.out.rstrip("\n")


def test_a_page_that_nobody_foresaw_to_fail_is_a_warning_too(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(*arguments: Any, **options: Any) -> None:
        raise ValueError("in/1_left.png is odd")

    monkeypatch.setattr("kerasdr.review.page.show_photographs", odd)
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--html", "review.html")
    assert (
        ran.code == 3 and "warning: the CSV is written, its page is not: ValueError; `kerasdr review page`" in ran.err
    )


def test_a_page_of_a_job_whose_name_is_no_text(kerasdr: Kerasdr, model: str) -> None:
    name = os.fsdecode(b"n\xff.html")
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--html", name)
    assert ran.code == 3 and "2 photographs, 2 Grad-CAM pictures" in ran.out
    assert Path(name).is_file()


def test_a_job_tells_which_photographs_its_page_lacks(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*arguments: Any, **options: Any) -> Shown:
        return Shown({}, {}, {row["sha256"] for row in grades() if row["status"] == "graded"})

    monkeypatch.setattr("kerasdr.review.page.show_photographs", none)
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--html", "review.html")
    assert "0 of 2 photographs are on the page: 0 not found with the bytes that were graded, 2 found that" in ran.err


def test_a_page_that_cannot_lie_there_stops_the_job_before_it_begins(kerasdr: Kerasdr, model: str) -> None:
    before = len(read_ledger(Path("out.ledger")))
    job = ("predict", "in", "--out", "out.csv", "--model", model, "--html")
    assert "choose another place with --html" in kerasdr(*job, "no/such/review.html").error
    assert "holds something else and would be lost" in kerasdr(*job, "in/1_left.png").usage
    assert kerasdr(*job, "out.csv").code == 2
    assert kerasdr(*job, "page").error == "page ends in neither .html nor .json: give it a name that does"
    Path("in.html_files").symlink_to("in")
    assert "is where pictures for in.html go: name another file for the page" in kerasdr(*job, "in.html").error
    for option in ("--log", "--metrics"):
        one = "review.prom"
        assert f"is both --html and {option}" in kerasdr(*job, one, option, one).usage
    Path("other.html").write_text("<!DOCTYPE html>\n<p>somebody's")
    assert "holds something else and would be lost" in kerasdr(*job, "other.html").usage
    assert len(read_ledger(Path("out.ledger"))) == before


def test_pseudonyms_are_all_that_a_page_shows(kerasdr: Kerasdr, model: str) -> None:
    Path("keys").mkdir()
    ran = kerasdr(
        *("predict", "in", "--out", "hidden.csv", "--model", model, "--pseudonymise", "--key", "keys/site.key"),
        *("--html", "hidden.html"),
    )
    assert ran.code == 3 and "hidden.html: 3 rows, 2 photographs" in ran.out
    text = Path("hidden.html").read_text()
    assert "1_left" not in text and "1_right" not in text and len(set(re.findall(r"p_[0-9a-f]{16}", text))) == 3


def test_decisions_are_merged_and_the_ledger_says_so(kerasdr: Kerasdr) -> None:
    write_decisions("ada.csv", "Ada Reader", {"in/1_left.png": "2", "in/1_right.png": "agree", "in/2_left.png": "0"})
    write_decisions("grace.csv", "Grace", {"in/1_left.png": "4"})
    before = Path("out.csv").read_bytes()
    ran = kerasdr("review", "merge", "ada.csv", "grace.csv", *MERGE[3:], "--json", "agreement.json")
    assert (ran.code, ran.err) == (0, "")
    assert "Ada Reader: 3 of 3 decided, 1 as the machine; overruled: 0 up, 1 down, 0 ungradable, 1 graded" in ran.out
    assert "Ada Reader and Grace: 1 decided by both, 0 alike" in ran.out
    with open("reviewed.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [(row["machine_grade"], row["decided"]) for row in table] == [("3", ""), ("3", "3"), ("failed", "0")]
    assert table[0]["overruled_by"] == "Ada Reader: 3 to 2; Grace: 3 to 4"
    assert json.loads(Path("agreement.json").read_text())["readers"][0]["overruled"]["down"] == 1
    assert Path("out.csv").read_bytes() == before
    entry = read_ledger(Path("out.ledger"))[-1]
    assert (entry.kind, entry.content["readers"], entry.content["decided"], entry.content["overruled"]) == (
        *("reviewed", ["Ada Reader", "Grace"]),
        *(3, 2),
    )
    assert entry.content["decisions"] == [sha256_of(Path(name).read_bytes()) for name in ("ada.csv", "grace.csv")]
    assert entry.content["table"] == sha256_of(Path("reviewed.csv").read_bytes())
    head = re.search(r"ledger (\d+:[0-9a-f]{32})\n$", ran.out)
    assert head is not None and kerasdr("jobs", "verify", "out.csv", "--head", head[1]).code == 0
    assert "\nreviewed  2" in kerasdr("jobs", "show", "out.csv").out
    trail = list(csv.DictReader(kerasdr("jobs", "export", "out.csv").out.splitlines()))
    assert (trail[-1]["status"], trail[-1]["image"]) == ("reviewed", "")
    assert trail[-1]["reason"].startswith("3 photographs decided by Ada Reader and Grace, 2 overruled; table ")


def test_a_job_goes_on_after_a_merge(kerasdr: Kerasdr, model: str, eye: bytes) -> None:
    write_decisions("ada.csv", "Ada", {"in/1_left.png": "2"})
    assert kerasdr(*MERGE).code == 0
    Path("in/3_left.png").write_bytes(eye)
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert ran.code == 3 and "4 listed" in ran.out
    assert kerasdr("jobs", "verify", "out.csv").code == 0
    assert kerasdr("jobs", "list", "out.csv").out.count("\n") == 2
    assert kerasdr(*MERGE).code == 0  # the page was made of the first job's CSV, and its rows are as they were
    output, later = read_output(Path("out.csv")), read_grades(Path("out.csv"))
    (models,) = jobs_of(output, later, [read_decisions(Path("ada.csv"))]).values()
    assert models == {(row.image, row.sha256): row.model for row in later.rows if not row.image.startswith("in/3")}


def test_a_photograph_that_is_another_now_costs_its_own_decision(kerasdr: Kerasdr, model: str) -> None:
    write_decisions("ada.csv", "Ada", {"in/1_left.png": "2", "in/2_left.png": "0"})
    Path("in/2_left.png").write_bytes(b"other text")
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3
    ran = kerasdr(*MERGE)
    assert ran.code == 0 and "ada.csv: 1 decision of an earlier CSV left out" in ran.out and ": line 3\n" in ran.out
    write_decisions("grace.csv", "Grace", {"in/1_left.png": "2"})
    Path("in/1_left.png").write_bytes(b"text as well")
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 3
    assert (
        "no decisions that stand in what was named (grace.csv: 1 decision of"
        in kerasdr("review", "merge", "grace.csv", *MERGE[3:]).error
    )


def test_what_is_not_of_the_job_is_refused_and_kept_nowhere(kerasdr: Kerasdr) -> None:
    before = Path("out.ledger").read_bytes()
    write_decisions("ada.csv", "Ada", {"in/1_left.png": "2"}, job="ab" * 32)
    assert "is of another job than out.csv" in kerasdr(*MERGE).error
    write_decisions("ada.csv", "Ada", {"in/1_left.png": "2"}, machine_grade="2")
    assert "ada.csv line 2 has the machine's grade '2', and out.csv has 3" in kerasdr(*MERGE).error
    write_decisions("ada.csv", "Ada", {})
    assert "there are no decisions" in kerasdr(*MERGE).error
    write_decisions("ada.csv", "Ada", {"in/1_left.png": "2"})
    whole = Path("out.csv").read_text()
    Path("out.csv").write_text(whole.replace("severe", "mild"))
    assert "out.csv is not what its last job wrote" in kerasdr(*MERGE).error
    Path("out.csv").write_text(whole)
    write_decisions("grace.csv", "Grace", {"in/1_left.png": "2"})
    for other in ("in/1_left.png", "out.csv", "grace.csv"):
        assert "holds something else" in kerasdr(*MERGE[:-1], other).usage
    with hold(Path("out.ledger.lock"), "out.csv"):
        kerasdr(*MERGE).left(5)
    assert not Path("reviewed.csv").exists()
    assert Path("out.ledger").read_bytes() == before
    assert kerasdr(*MERGE).code == 0


def test_tasks_are_written_for_a_labelling_tool(kerasdr: Kerasdr) -> None:
    ran = kerasdr("review", "export", "out.csv", "--images", "in", "--to", "label-studio", "--out", "tasks.json")
    assert (ran.code, ran.out) == (0, "tasks.json: 2 tasks of 3 rows, pictures in tasks.json_files/\n")
    assert "labelling interface: <View>" in ran.err
    tasks = json.loads(Path("tasks.json").read_text())
    for task in tasks:
        assert Path(task["data"]["image"].removeprefix("/data/local-files/?d=")).is_file()
        assert task["predictions"][0]["result"][0]["value"] == {"choices": ["3 severe NPDR"]}
    assert (
        kerasdr("review", "export", "out.csv", "--images", "in", "--to", "label-studio", "--out", "out.csv").code == 2
    )
