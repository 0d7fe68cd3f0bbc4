"""Decisions are read as the page writes them; free text is no formula, and comes back as it was."""

from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.review.decisions import COLUMNS, from_cell, read_decisions, to_cell

JOB = "ab" * 32
LINE = f"a.png,{'cd' * 32},2,3,note,Ada,2026-11-30T21:00:00+00:00,{JOB}"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\uff1dA1", "'quoted", "plain", "", "3 - 4"])
def test_free_text_is_no_formula_and_comes_back(text: str) -> None:
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert cell[:1] not in "=+-@\t \uff1d" or text == ""
    assert (cell == text) is (text in ("plain", "", "3 - 4"))


def test_a_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, LINE.replace(",3,note,", ",agree,'=x,"))
    first, second = read_decisions(path).decisions
    assert (first.decision, first.note, first.reader, first.line, first.means) == ("3", "note", "Ada", 2, "3")
    assert (second.note, second.means) == ("=x", "2")  # to agree is to say what the machine says
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # a spreadsheet saved it
    assert read_decisions(path).decisions == (first, second)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE.replace(",3,", ",5,"), "the decision '5' is none"),
        (LINE.replace(",3,", ",disagree,"), "the decision 'disagree' is none"),
        (LINE.replace("+00:00", ""), "is no time in UTC"),
        (LINE.replace("2026-11-30T21:00:00+00:00", "yesterday"), "is no time in UTC"),
        (LINE.replace(",Ada,", ",,"), "the reader '' is no name"),
        (LINE.replace(",Ada,", ",A\u2028da,"), "is no name"),
        (LINE.replace(",Ada,", ",A\x1bda,"), "is no name"),
        (LINE.replace(",2,3,", ",5,3,"), "the machine's grade '5' is none"),
        (LINE.replace(JOB, "job"), "is no digest"),
        (LINE + ",more", "has 9 cells and not 8"),
        ('"' + LINE, "is no CSV of decisions"),
    ],
)
def test_what_the_page_does_not_write_is_refused(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(KerasdrError, match=told) as refused:
        read_decisions(write(tmp_path, line))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["Dr.\u00a0Ada", "\u0645\u06cc\u200c\u062e\u0648", "\u0915\u094d\u200d\u0937"])
def test_names_of_all_scripts_are_read(tmp_path: Path, name: str) -> None:
    (one,) = read_decisions(write(tmp_path, LINE.replace(",Ada,", f",{name},"))).decisions
    assert one.reader == name


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("image,grade\na,1\n")
    with pytest.raises(KerasdrError, match="holds no decisions of the page"):
        read_decisions(path)
    with pytest.raises(KerasdrError, match="cannot read"):
        read_decisions(tmp_path / "none.csv")
