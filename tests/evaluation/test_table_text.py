import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kerasdr.evaluation.report_folder import runs_csv
from kerasdr.evaluation.table_text import (
    code,
    figure_text,
    latex,
    latex_code,
    markdown,
    published_csv,
    to_csv,
    to_latex,
    to_markdown,
)
from kerasdr.evaluation.tables import FilledTable, fill_tables
from kerasdr.evaluation.task_runs import find_task_runs
from kerasdr.tasks import Task
from tests.evaluation.conftest import metrics, predictions

MakeRun = Callable[..., Path]
Fill = Callable[[], dict[str, FilledTable]]

PUBLISHED = ("0.7793", "0.7966", "0.8365", "0.7968", "0.7991")


@pytest.fixture
def fill(task: Task, tmp_path: Path) -> Fill:
    (tmp_path / "runs").mkdir()
    return lambda: {table.number: table for table in fill_tables(task, find_task_runs([tmp_path / "runs"]))}


def grids(text: str) -> list[list[list[str]]]:
    """The tables in a Markdown text, as cells."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("| "):
            if not before.startswith("| "):
                found.append([])
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        before = line
    return found


def test_published_stand_beside_runs_on_the_same_real_photographs(fill: Fill, make_run: MakeRun) -> None:
    make_run("first", 40)
    text = to_markdown(fill()["2"])
    assert text.startswith("### Table 2. Experiments & details\\_100%: real photographs of DeepDRiD, full scale\n")
    (grid,) = grids(text)
    assert len({len(row) for row in grid}) == 1
    header, rule, first, second = grid
    assert header == [
        "Experiment",
        "Average test",
        "Average test, published",
        "Best test",
        "Best test, published",
        "Best val",
        "Best val, published",
        "Runs (seeds)",
        "Test people",
        "Test photographs",
        "Data and split",
        "Command",
    ]
    assert set(rule) == {"---"}
    assert first[0] == "First (k=7) \\| 50%" and (first[2], first[4], first[6]) == PUBLISHED[:3]
    assert re.fullmatch(r"0\.\d{4} \(0\.\d{3} to 0\.\d{3}\)", first[1])
    assert first[7:] == ["1 (40)", "30", "120", "0123456789ab", ""]
    assert second[1:] == [
        "–",
        "0.7968",
        "–",
        "0.7991",
        "–",
        "–",
        "–",
        "–",
        "–",
        "–",
        "`kerasdr train task-x --only second`",
    ]
    assert "Published figures are of real photographs of DeepDRiD." in text
    assert text.endswith("Note: A note on the print.\n")


@pytest.mark.parametrize("how", [{"phantoms": True}, {"scale": "mini"}, {"phantoms": True, "scale": "mini"}])
def test_a_published_figure_never_stands_in_a_table_with_a_phantom_or_mini_run(
    fill: Fill, make_run: MakeRun, how: dict[str, object]
) -> None:
    make_run("first", 40, **how)
    make_run("second", 41, **how)
    table = fill()["2"]
    ours, published = grids(to_markdown(table))
    assert not {cell for row in ours for cell in row} & set(PUBLISHED)
    assert not any("published" in cell for cell in ours[0])
    assert {cell for row in published for cell in row} >= set(PUBLISHED)
    assert published[0] == ["Experiment", "Average test, published", "Best test, published", "Best val, published"]
    heading = "Table 2 as published, of real photographs of DeepDRiD: not comparable with the figures above"
    assert f"**{heading}**" in to_markdown(table)

    first, second = to_latex(table).split(r"\end{table}")[:2]
    assert not any(number in first for number in PUBLISHED) and all(number in second for number in PUBLISHED)
    assert heading in second
    frame = pd.read_csv(io.StringIO(to_csv(table)))
    assert frame.filter(like="_published").isna().all(axis=None)


def test_the_title_says_phantoms_and_mini(fill: Fill, make_run: MakeRun) -> None:
    make_run("first", 40, phantoms=True, scale="mini", settings=["a.b_c=[1|2]"])
    table = fill()["2"]
    title = "synthetic photographs (phantoms), mini scale, with a.b"
    assert f"### Table 2. Experiments & details\\_100%: {title}\\_c=\\[1\\|2\\]\n" in to_markdown(table)
    assert rf"\caption{{Table 2. Experiments \& details\_100\%: {title}\_c=[1\textbar{{}}2]}}" in to_latex(table)


def test_both_kinds_of_runs_are_blocks_of_their_own(fill: Fill, make_run: MakeRun) -> None:
    make_run("first", 40)
    make_run("first", 40, runs="runs/more", phantoms=True)
    make_run("second", 41, phantoms=True)
    table = fill()["2"]
    real, synthetic = grids(to_markdown(table))
    assert "Average test, published" in real[0] and "Average test, published" not in synthetic[0]
    frame = pd.read_csv(io.StringIO(to_csv(table)))
    assert frame["average_test_published"].notna().tolist() == [True, True, False, False]


def test_csv_parses_back_to_the_values(fill: Fill, make_run: MakeRun) -> None:
    make_run("first", 40)
    make_run("first", 41)
    table = fill()["2"]
    frame = pd.read_csv(io.StringIO(to_csv(table)), dtype={"fingerprint": str})
    line = table.blocks[0].lines[0]
    row = frame.iloc[0]
    for column in table.columns:
        figure = line.figures[column]
        written = (row[column], row[f"{column}_low"], row[f"{column}_high"])
        assert written == pytest.approx((figure.value, figure.low, figure.high), abs=1e-6)
        assert row[f"{column}_published"] == line.published[column]
    assert (row["label"], row["runs"], row["test_people"], row["test_photographs"]) == (line.label, 2, 30, 120)
    assert (row["photographs_are"], row["scale"], row["layout"]) == ("real", "full", "deepdrid")
    assert frame.iloc[1][["average_test", "average_test_low", "test_people"]].isna().all()
    assert frame.iloc[1]["command"] == "kerasdr train task-x --only second" and frame.iloc[1]["runs"] == 0
    alone = pd.read_csv(io.StringIO(published_csv(table)))
    assert alone["data_set"].tolist() == ["DeepDRiD", "DeepDRiD"]
    assert alone["best_test"].tolist() == [0.7966, 0.7991]


def of_one_grade(run: Path) -> None:
    """Give all photographs of a run one true grade, and the network's answers the same."""
    for part, end in (("validation", ""), ("test", "_test")):
        table = predictions(1, [f"{number:03d}" for number in range(30)]).assign(grade=2, predicted=2)
        for grade in range(5):
            table[f"prob_{grade}"] = 0.6 if grade == 2 else 0.1
        table.to_csv(run / f"predictions_{part}.csv", index=False)
        table.to_csv(run / f"predictions_{part}_soft.csv", index=False)
        content = json.loads((run / f"metrics{end}.json").read_text())
        content |= {"ensemble": metrics(table), "methods": {"soft": metrics(table)}}
        assert content["ensemble"]["quadratic_kappa"]["value"] is None
        (run / f"metrics{end}.json").write_text(json.dumps(content))


def test_an_undefined_kappa_is_called_so_with_the_reason(fill: Fill, make_run: MakeRun, tmp_path: Path) -> None:
    why = "undefined: true and predicted grades of a run are all the same one, so that chance agrees fully"
    of_one_grade(make_run("first", 40))
    other = make_run("second", 40)  # the same photographs, and answers that are not all the same
    said = pd.read_csv(other / "predictions_test.csv", dtype=str)
    said.assign(grade=2).to_csv(other / "predictions_test.csv", index=False)
    for number, columns in (("2", 3), ("8", 1)):
        if number == "8":
            of_one_grade(make_run("ensemble", 40))
        table = fill()[number]
        (grid,) = [one for one in grids(to_markdown(table)) if one[0][0] == "Experiment"]
        assert [cell for cell in grid[2][1:] if cell == why] == [why] * (columns + (number == "8"))
        assert to_latex(table).count(why) == columns + (number == "8")
        row = next(csv.DictReader(io.StringIO(to_csv(table))))
        for column in table.columns:
            assert (row[column], row[f"{column}_low"], row[f"{column}_high"]) == (why, "undefined", "undefined")
    header, _, _, second = grids(to_markdown(fill()["2"]))[0]
    compared = header.index("Test, less the first row (p Holm)")
    assert second[compared] == "undefined: one of the two has no average kappa"
    assert "(Holm)." not in to_markdown(fill()["2"])
    row = list(csv.DictReader(io.StringIO(to_csv(fill()["2"]))))[1]
    assert float(row["average_test"]) == 0.0
    assert {row[f"difference{end}"] for end in ("_low", "_high", "_p", "_p_holm")} == {"undefined"}
    # One run without a kappa leaves the average of the row without one, and not its best.
    make_run("first", 41)
    row = next(csv.DictReader(io.StringIO(to_csv(fill()["2"]))))
    assert row["average_test"] == why and float(row["best_test"]) > 0 and float(row["best_validation"]) > 0
    (listed, *_) = csv.DictReader(io.StringIO(runs_csv(find_task_runs([tmp_path / "runs"]))))
    assert listed["validation_kappa"] == listed["test_kappa"] == why


def test_latex_parses_back_to_the_cells(fill: Fill, make_run: MakeRun) -> None:
    make_run("first", 40)
    text = to_latex(fill()["2"])
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    body = text.split(r"\hline")
    header, rows = body[1], body[2].strip().splitlines()
    columns = re.search(r"\\begin{tabular}{(l)(c+)}", text)
    assert columns and len(rows) == 2
    for row in (header.strip(), *rows):
        assert row.endswith(r" \\")
        assert len(re.split(r"(?<!\\)&", row)) == 1 + len(columns.group(2))
    cells = [cell.strip() for cell in re.split(r"(?<!\\)&", rows[0].removesuffix(r"\\"))]
    assert cells[0] == r"First (k=7) \textbar{} 50\%" and cells[2] == "0.7793"
    assert re.split(r"(?<!\\)&", rows[1])[1].strip() == "--"
    assert r"Second\_one: make its runs with \texttt{kerasdr train task-x -{}-only second}." in text
    assert r"\label{tab:table-2}" in text
    # Nothing is left that LaTeX would stumble over.
    assert not re.search(r"(?<!\\)[%#$_]", re.sub(r"\\label{[^}]*}", "", text))


def test_a_table_without_runs_says_which_commands_make_it(fill: Fill) -> None:
    table = fill()["8"]
    text = to_markdown(table)
    assert text.startswith("### Table 8. Ensembles: no runs yet\n")
    (grid,) = grids(text)
    assert grid[2] == ["Soft", "–", "0.8644", "–", "–", "–", "–", "–", "`kerasdr train task-x --only ensemble`"]
    assert r"\texttt{kerasdr train task-x -{}-only ensemble}" in to_latex(table)


def test_characters_with_a_meaning_are_escaped() -> None:
    assert latex("a_b & 5% of $x^2 {#1} ~\\ <|>") == (
        r"a\_b \& 5\% of \$x\textasciicircum{}2 \{\#1\} \textasciitilde{}\textbackslash{} \textless{}\textbar{}\textgreater{}"
    )
    assert latex_code("train --only a_b") == r"\texttt{train -{}-only a\_b}"
    assert markdown("a_b *c* | <d> [e] `f`\n\\") == r"a\_b \*c\* \| \<d\> \[e\] \`f\` \\"
    assert code("a|b") == r"`a\|b`" and code("a `b`") == "`` a `b` ``"
    assert figure_text(None) == "–"
