"""No command writes over a file that is something else."""

import os
from pathlib import Path
from typing import Any

import pytest

from kerasdr.evaluation.page import PAGE_BEGINS
from tests.cli.conftest import Kerasdr


@pytest.fixture
def photographs(kerasdr: Kerasdr, eye: bytes) -> None:
    Path("in").mkdir()
    Path("in/1_left.png").write_bytes(eye)
    Path("in/2_left.png").write_bytes(b"text")


@pytest.mark.parametrize("begin", ["image,level\n1_left,0\n", "0123456789abcdef" * 4, "no table"])
@pytest.mark.usefixtures("engines", "photographs")
def test_predict_keeps_what_is_no_csv_of_grades(kerasdr: Kerasdr, model: str, begin: str) -> None:
    Path("mine").write_text(begin)
    assert (
        "mine: it holds something else than grades" in kerasdr("predict", "in", "--out", "mine", "--model", model).error
    )
    assert Path("mine").read_text() == begin
    assert not Path("mine.ledger").exists()


@pytest.mark.parametrize("saved", ["{}", "\ufeff{}", '"image";"status";"grade"\n"a.png";"graded";"2"\n'])
@pytest.mark.usefixtures("engines", "photographs")
def test_a_csv_of_grades_that_a_spreadsheet_saved_is_one(kerasdr: Kerasdr, model: str, saved: str) -> None:
    code = kerasdr("predict", "in", "--out", "g.csv", "--model", model).code
    whole = Path("g.csv").read_text()
    Path("g.csv").write_text(saved.format(whole))
    assert kerasdr("predict", "in", "--out", "g.csv", "--model", model).code == code
    assert Path("g.csv").read_text() == whole


@pytest.mark.parametrize(
    "command",
    [
        ["jobs", "export", "g.csv", "--out"],
        ["jobs", "export", "g.csv", "--format", "json", "--out"],
        ["report", "runs", "--html"],
        ["report", "runs", "--card"],
        ["evaluate", "g.csv", "--labels", "labels.csv", "--json"],
        ["compare", "g.csv", "g.csv", "--labels", "labels.csv", "--json"],
        ["data", "check", "in", "--out"],
        ["data", "check", "in", "--json"],
        ["bench", "in", "--json"],
    ],
)
@pytest.mark.usefixtures("engines", "photographs")
def test_files_to_write_are_no_photographs_ledgers_or_labels(kerasdr: Kerasdr, model: str, command: list[str]) -> None:
    kerasdr("predict", "in", "--out", "g.csv", "--model", model)
    Path("labels.csv").write_text("image,level\n1_left,0\n")
    photograph = next(path for path in Path("in").rglob("*") if path.is_file() and path.stat().st_size)
    for other in (photograph, Path("g.ledger"), Path("labels.csv"), Path("g.csv")):
        before = other.read_bytes()
        ran = kerasdr(*command, str(other))
        assert ran.code == 2 and "holds something else and would be lost" in ran.err
        assert other.read_bytes() == before


def test_a_page_of_somebody_is_not_replaced_by_a_report(kerasdr: Kerasdr) -> None:
    Path("mine.html").write_text("<!DOCTYPE html>\n<html><p>mine</p></html>\n")
    assert "'mine.html' holds something else and would be lost" in kerasdr("report", "runs", "--html", "mine.html").err
    Path("own.html").write_text(f"{PAGE_BEGINS}\n<html></html>\n")
    assert "would be lost" not in kerasdr("report", "runs", "--html", "own.html").err


@pytest.mark.parametrize("command", [["data", "check", "in", "--json"], ["jobs", "export", "g.csv", "--out"]])
@pytest.mark.usefixtures("photographs")
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(kerasdr: Kerasdr, command: list[str]) -> None:
    os.mkfifo("pipe")
    for other in ("pipe", "/dev/null"):
        ran = kerasdr(*command, other)
        assert ran.code == 2 and f"'{other}' holds something else and would be lost" in ran.err
    assert Path("pipe").is_fifo()


@pytest.mark.usefixtures("engines", "photographs")
def test_what_a_command_wrote_before_it_writes_again(kerasdr: Kerasdr, model: str) -> None:
    kerasdr("predict", "in", "--out", "g.csv", "--model", model)
    for options in (["--format", "csv"], ["--format", "json"], ["--format", "csv"]):
        ran: Any = kerasdr("jobs", "export", "g.csv", "--out", "trail", *options)
        assert ran.code == 0, ran.err
