"""The whole page, as a reader and a machine see it."""

import html.parser
import itertools
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.calibration_report import TITLES as CALIBRATION_TITLES
from kerasdr.evaluation.judged_text import TITLES as JUDGED_TITLES
from kerasdr.evaluation.page.other_sections import NO_RANKING, OPTIONAL
from kerasdr.evaluation.page.page import Page, write_page
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.worst import Thumbnail, Thumbnails
from kerasdr.evaluation.page.yardsticks import load_yardsticks
from kerasdr.files import sha256_of_file
from kerasdr.reporting import Reporter
from tests.evaluation.page.conftest import COLUMNS, MakeRun, predictions

VOID = {"br", "img", "meta", "hr"}


class Reader(html.parser.HTMLParser):
    """Refuses elements that do not nest, and keeps what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


def written(places: Sequence[Path], tmp_path: Path, **options: object) -> Page:
    return write_page(places, tmp_path / "page.html", Reporter(), **options)  # type: ignore[arg-type]


def text_of(page: Page) -> str:
    return page.path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(make_run: MakeRun, tmp_path: Path) -> None:
    page = written([make_run("a"), make_run("b", seed=2, test=False)], tmp_path)
    reader = read(page.path)
    ids = [attributes["id"] for _, attributes in reader.seen if "id" in attributes]
    assert len(ids) == len(set(ids)) == 2
    links = [attributes["href"] for attributes in reader.of("a")]
    assert links == [f"#{one}" for one in ids]
    assert not {"script", "link", "iframe", "object", "use"} & {tag for tag, _ in reader.seen}
    # No address of anything outside, wherever it may stand.
    assert not re.search(r"https?:|//|url\(|@import", text_of(page).replace("<!DOCTYPE html>", ""))
    assert not [
        name for _, attributes in reader.seen for name in attributes if name in ("src", "style") or name[:2] == "on"
    ]


def test_headings_figures_and_tables_are_told_to_those_who_do_not_see_them(make_run: MakeRun, tmp_path: Path) -> None:
    for places in ([make_run("a")], [make_run("b"), make_run("c", test=False)]):
        reader = read(written(places, tmp_path).path)
        levels = [int(tag[1]) for tag, _ in reader.seen if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        drawings = reader.of("svg")
        assert drawings and all(one["role"] == "img" and len(one["aria-label"] or "") > 30 for one in drawings)
        names = [text for path, text in reader.texts if path[-2:] == ("svg", "title")]
        assert len(names) == len(drawings) and len([p for p, _ in reader.texts if p[-2:] == ("svg", "desc")]) == len(
            drawings
        )
        assert all(one.get("scope") in ("col", "row") for one in reader.of("th"))
        assert len(reader.of("caption")) == len(reader.of("table"))
        assert reader.of("html") == [{"lang": "en"}]


def test_nothing_of_a_run_can_become_markup(make_run: MakeRun, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>.jpg" onload="alert(2)'

    def rename(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(image_id=[f"{evil}{number}" for number in range(len(table))])

    run = make_run(
        evil.replace("/", "_"), change=rename, description="<img src=x onerror=alert(3)>", more={evil: {evil: 1}}
    )

    def pictures(of: RunFiles, worst: pd.DataFrame) -> Thumbnails:
        return Thumbnails({str(name): Thumbnail(b"RIFF", "image/webp", True) for name in worst["image_id"]}, [evil])

    page = written([run], tmp_path, thumbnails=pictures, figures=tmp_path / "charts")
    reader = read(page.path)
    assert reader.of("script") == []
    assert all(str(image["src"]).startswith("data:image/webp;base64,") for image in reader.of("img"))
    assert not [name for _, attributes in reader.seen for name in attributes if name.startswith("on")]
    shown = " ".join(text for _, text in reader.texts)
    assert evil in shown and "<img src=x onerror=alert(3)>" in shown and "<b>again</b>" in shown
    for chart in page.figures:
        assert not [one for one in ElementTree.parse(chart).iter() if "script" in one.tag]


def test_figures_are_those_of_the_run_itself(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    text = text_of(written([run], tmp_path))
    for part in ("metrics.json", "metrics_test.json"):
        for name in ("quadratic_kappa", "accuracy", "mean_absolute_error", "auc_referable"):
            figure = json.loads((run / part).read_text())["ensemble"][name]
            cell = f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
            assert f">{cell}</td>" in text, (part, name)


def test_what_was_not_graded_stands_beside_sensitivity(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", people=10)
    table = pd.read_csv(run / "predictions_test.csv")
    rows = cells(written([run], tmp_path).path)
    sick, called = table["grade"] >= 2, table["predicted"] >= 2
    # x_left, of grade 3, was too dark: referred by intention to screen. y_left has no grade and counts nowhere.
    assert rows["referable: sensitivity as decided"][0].startswith(f"{(sick & called).sum() / sick.sum():.3f} (")
    expected = ((sick & called).sum() + 1) / (sick.sum() + 1)
    assert rows["referable: sensitivity, intention to screen"][0].startswith(f"{expected:.3f} (")
    assert rows["share not graded"][0].startswith(f"{1 / 21:.3f} (")
    names = list(rows)
    place = names.index("referable: sensitivity as decided")
    assert names[place : place + 3] == [
        "referable: sensitivity as decided",
        "referable: specificity as decided",
        "share not graded",
    ]


def test_a_run_that_kept_no_grades_of_what_it_left_out_shows_the_gap(make_run: MakeRun, tmp_path: Path) -> None:
    rows = cells(written([make_run("a", people=10, grades_kept=False)], tmp_path).path)
    assert rows["referable: sensitivity, intention to screen"][0].startswith("undefined: this run kept no grades of")
    assert rows["share not graded"] == [
        f"{1 / 21:.3f} (no interval)",
        rows["referable: specificity, intention to screen"][1],
    ]


def cells(path: Path) -> dict[str, list[str]]:
    """Return the rows of the first table of headline figures."""
    text = path.read_text(encoding="utf-8")
    body = re.search(r"<caption>test part of.*?<tbody>(.*?)</tbody>", text, re.S)
    assert body
    return rows_of(body[1])


def rows_of(text: str) -> dict[str, list[str]]:
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", text, re.S):
        name, *values = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        found[name] = values
    return found


def test_a_test_part_that_is_closed_stays_closed(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", test=False)
    # A copy of grades that lies about is no opened test part.
    predictions(5, 40).to_csv(run / "predictions_test.csv", index=False)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    page = written([run], tmp_path)
    assert page.not_opened == (run,)
    text = text_of(page)
    assert "has not been opened" in text and "kerasdr evaluate" in text
    assert "test part of eyes/a" not in text and "Figures of the validation part" in text
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_without_a_test_part_is_not_told_to_open_it(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", test=False)
    data = json.loads((run / "data.json").read_text())
    (run / "data.json").write_text(json.dumps(data | {"splits": {"validation": data["splits"]["test"]}}))
    page = written([run], tmp_path)
    assert page.not_opened == ()
    text = text_of(page)
    assert "kerasdr evaluate" not in text and "the data were split without one" in text
    assert re.search(r"test part opened</dt>\s*<dd>there is none", text)


def test_a_test_part_that_was_opened_again_says_so(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", people=6)
    (run / "openings.jsonl").write_text("{}\n")
    assert "opened 2026-01-01 09:00:00. 12 photographs" in text_of(written([run], tmp_path))
    (run / "openings.jsonl").write_text("{}\n{}\n")
    assert "opened 2026-01-01 09:00:00, 2 times in all (openings.jsonl says why). 12" in text_of(
        written([run], tmp_path)
    )


def test_the_same_runs_give_the_same_bytes(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a", people=12)
    first = written([run], tmp_path, figures=tmp_path / "charts")
    one = [first.path.read_bytes(), *(path.read_bytes() for path in first.figures)]
    again = written([run], tmp_path, figures=tmp_path / "charts")
    assert [again.path.read_bytes(), *(path.read_bytes() for path in again.figures)] == one


def test_charts_are_files_as_well(make_run: MakeRun, tmp_path: Path) -> None:
    page = written([make_run("a"), make_run("b", test=False)], tmp_path, figures=tmp_path / "charts")
    names = {path.name for path in page.figures}
    assert {
        f"run1-test-{name}.svg" for name in ("confusion", "roc", "precision-recall", "reliability", "decision")
    } < names
    assert {"run1-curves-loss.svg", "run1-curves-kappa.svg", "runs-test.svg", "runs-validation.svg"} < names
    for path in page.figures:
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme" in "".join(root.itertext())


def test_parts_are_not_mixed_in_a_forest(make_run: MakeRun, tmp_path: Path) -> None:
    text = text_of(written([make_run("a"), make_run("b", test=False)], tmp_path))
    titles = re.findall(r"<title>(Kappa of several runs, .*?)</title><desc>(.*?)</desc>", text)
    assert [title for title, _ in titles] == [
        "Kappa of several runs, test part",
        "Kappa of several runs, validation part",
    ]
    assert "eyes/a" in titles[0][1] and "eyes/b" not in titles[0][1] and "eyes/b" in titles[1][1]


def test_without_probabilities_the_page_says_what_it_lacks(make_run: MakeRun, tmp_path: Path) -> None:
    text = text_of(written([make_run("a", probabilities=False)], tmp_path))
    assert "the predictions have no probabilities" in text
    assert "Decision curve, " not in text and "Reliability, " not in text and "ROC, test part" not in text
    assert "Confusion matrix, test part" in text


def test_one_class_three_people(make_run: MakeRun, tmp_path: Path) -> None:
    def healthy(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(grade=0)

    run = make_run("a", people=3, change=healthy)
    page = written([run], tmp_path)
    text = text_of(page)
    read(page.path)
    assert "no photograph is labelled grade 2 or worse" in text and "nobody has grade 2 or worse" in text
    assert "Over fewer than 20 people these intervals are too narrow" in text
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_parts_of_other_steps_are_shown_or_missed(make_run: MakeRun, tmp_path: Path) -> None:
    more = {"subgroups": {"left": {"value": 0.0625, "low": 0.03125, "high": 0.125, "n_images": 80, "n_people": 40}}}
    text = text_of(written([make_run("a", more=more)], tmp_path))
    assert "0.0625 (0.03125 to 0.125), 80 photographs of 40 people" in text
    assert OPTIONAL["subgroups"] not in text and OPTIONAL["calibration"] in text and OPTIONAL["robustness"] in text


def test_people_read_words_and_no_names_of_fields(make_run: MakeRun, tmp_path: Path) -> None:
    figure = {"value": 0.0625, "low": 0.03125, "high": 0.125}
    calibration = {
        "method": "none",
        "undefined": {},
        "undefined_threshold": "",
        "definitions": {"ece_referable": "of bins"},
    }
    calibration |= {"decisions": {"mean_set_size": figure}, "judged": "out of fold"}
    more = {
        "calibration": calibration,
        "others": {"left": {"sensitivity_at_90_specificity": figure}},
        "left_to_right": 3,
    }
    runs = [make_run("a", more=more, test=False), make_run("b", more={"calibration": [calibration]})]
    page = written(runs, tmp_path)
    rows = rows_of(text_of(page))
    assert rows["left, referable: sensitivity at 90% specificity"] == ["0.0625 (0.03125 to 0.125)"]
    assert rows["sets of grades and operating point, mean size of a set, grades"] == ["0.0625 (0.03125 to 0.125)"]
    assert rows["definitions, expected calibration error, referable"] == ["of bins"]
    assert rows["left to right, validation part"] == ["3"] and rows["1, how it was judged"] == ["out of fold"]
    assert all(all(row) for row in rows.values()) and "" not in rows
    reader = read(page.path)
    shown = [text for path, text in reader.texts if "style" not in path]
    names = {*JUDGED_TITLES, *CALIBRATION_TITLES, "undefined_threshold"}
    assert not [(name, text) for text in shown for name in names if "_" in name and name in text]
    assert not [text for text in shown if "`" in text]
    commands = [text for path, text in reader.texts if path[-1:] == ("code",) and text.startswith("kerasdr ")]
    assert "kerasdr compare RUN RUN" in commands and f"kerasdr evaluate {runs[0]}" in commands
    assert any(one.startswith("kerasdr evidence robustness ") for one in commands)


def test_what_evidence_has_put_below_a_run_is_shown_in_short(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (run / "bundle").mkdir()
    (run / "bundle" / "SHA256SUMS").write_text("of this model\n")
    label = f"eyes@{sha256_of_file(run / 'bundle' / 'SHA256SUMS')[:12]}"
    limit = {"fall": 0.1, "value": 2.5, "low": 1.5, "high": None, "not_reached": False, "high_not_reached": True}
    never = {"fall": 0.1, "value": None, "low": None, "high": None, "not_reached": True, "last_severity": 5.0}
    missed = {"silent_misses": {"value": 0.8125, "low": 0.75, "high": 0.875, "n_images": 80, "n_people": 40}}
    curves = [
        {"kind": "blur", "a_step": "1 px", "severity_of_fall": limit, "steps": [{"severity": 5.0, "figures": missed}]},
        {"kind": "dark", "a_step": "a tenth", "severity_of_fall": never, "steps": []},
    ]
    data = {"what": "the validation part", "photographs": 80, "people": 40, "phantoms": True}
    robustness = {"model": label, "data": data, "curves": curves, "mirror": None}
    figure = {"group": "rightly_referable", "map": "gradcam", "minus": "random map", "figure": "energy_ratio"}
    figure |= {"value": 0.787, "low": 0.629, "high": 0.954, "n_photographs": 44, "n_people": 24, "undefined": ""}
    wide = {**figure, "group": "with_lesions", "value": 77.25}
    explanations = {"model": label, "data": "masks", "phantoms": False, "figures": [figure, wide]}
    explanations["verdicts"] = [{"check": "chance", "passed": False, "text": "FAILED: above chance"}]
    for folder in ("again", "third"):
        (tmp_path / folder).mkdir()
    for name, content in (("robustness", robustness), ("explanations", explanations)):
        (run / "evidence" / name).mkdir(parents=True)
        (run / "evidence" / name / f"{name}.json").write_text(json.dumps(content))
    text = text_of(written([run], tmp_path))
    assert (
        "the validation part: 80 photographs of 40 people (phantoms: figures of them say nothing about people)" in text
    )
    assert "kappa has fallen by 0.1: blur (a step is 1 px)" in text and "2.5 (1.5 to not reached)" in text
    assert "silent misses at severity 5: blur" in text and "0.8125 (0.75 to 0.875)" in text
    assert "not reached up to 5" in text and "FAILED: above chance" in text
    assert "0.787 (0.629 to 0.954), 44 photographs of 24 people" in text and "77.25" not in text
    assert OPTIONAL["robustness"] not in text and OPTIONAL["explanations"] not in text
    assert "intervals are too narrow" not in text

    (tmp_path / "few").mkdir()
    wide_apart = {**curves[0], "severity_of_fall": {**limit, "value": None, "between": [0.0, 5.0]}}
    (run / "evidence" / "robustness" / "robustness.json").write_text(
        json.dumps({**robustness, "data": {**data, "people": 12}, "curves": [wide_apart]})
    )
    few = {**explanations, "figures": [{**figure, "n_people": 9}, wide]}
    (run / "evidence" / "explanations" / "explanations.json").write_text(json.dumps(few))
    text = text_of(written([run], tmp_path / "few"))
    assert "between 0 and 5, with none between them measured" in text
    for people in (12, 9):
        assert f"these figures are of {people} people only: over fewer than 20 these intervals are too narrow" in text

    (run / "bundle" / "SHA256SUMS").write_text("of another model\n")
    text = text_of(written([run], tmp_path / "again"))
    command = f"<code>kerasdr evidence robustness {run.resolve()} --out {run.resolve()}/evidence/robustness</code>"
    assert f"{OPTIONAL['robustness']}: the run has none; {command} puts them there" in text
    assert "FAILED: above chance" not in text
    (run / "evidence" / "robustness" / "robustness.json").write_text("{}")
    with pytest.raises(KerasdrError, match=r"robustness\.json is damaged: make it again with"):
        written([run], tmp_path / "third")
    (run / "bundle" / "SHA256SUMS").unlink()
    assert OPTIONAL["robustness"] in text_of(written([run], tmp_path / "third"))


def test_calibration_operating_point_and_sets(make_run: MakeRun, tmp_path: Path) -> None:
    def decide(table: pd.DataFrame) -> pd.DataFrame:
        p = table[COLUMNS].to_numpy()
        sick = p[:, 2:].sum(axis=1) >= 0.25
        raw = {f"prob_raw_{grade}": (p[:, grade] + 0.2) / 2 for grade in range(5)}
        return table.assign(**raw, grade_set="0-4", screen_positive=np.where(sick, "yes", "no"), refer_to_reader="yes")

    run = make_run("a", people=10, change=decide, more={"calibration": {"method": "temperature scaling"}})
    (run / "bundle").mkdir()
    (run / "bundle" / "manifest.json").write_text('{"calibration": {"operating_point": {"threshold": 0.25}}}')
    page = written([run], tmp_path)
    rows, text = cells(page.path), text_of(page)
    table = pd.read_csv(run / "predictions_test.csv")
    sick, called = table["grade"] >= 2, table["screen_positive"] == "yes"
    assert rows["at the run&#x27;s operating point: sensitivity"][0].startswith(f"{called[sick].mean():.3f} (")
    expected = ((sick & called).sum() + 1) / (sick.sum() + 1)  # with x_left, which was too dark
    assert rows["at the run&#x27;s operating point: sensitivity, intention to screen"][0].startswith(
        f"{expected:.3f} ("
    )
    assert rows["coverage of grade_set, over people"][0].startswith("1.000 (")
    assert rows["coverage of grade_set, over people"][1].startswith("undefined: of photographs alone")
    assert "the run&#x27;s operating point, from probability 0.250 on" in text
    assert "before calibration: said" in text and "temperature scaling" in text
    few = {"calibration": {"undefined_threshold": "3 people are too few"}}
    assert "operating point of the test part: 3 people are too few;" in text_of(
        written([make_run("c", more=few)], tmp_path)
    )
    bare = text_of(written([make_run("b")], tmp_path))
    assert "operating point of the test part: the run chose none;" in bare and "as the networks gave them: said" in bare


def test_yardsticks_stand_apart(make_run: MakeRun, tmp_path: Path) -> None:
    text = text_of(written([make_run("a")], tmp_path))
    assert NO_RANKING in text and "Figures of phantoms say nothing beside figures of people" in text
    for one in load_yardsticks():
        assert one.system in text and one.source in text
    assert "this run: " not in text  # figures of phantoms never stand beside published ones
    real = text_of(written([make_run("b", phantoms=False)], tmp_path))
    assert "Figures of phantoms" not in real and "treat it as you treat them" in real
    assert "this run: eyes/b" in real
    both = text_of(written([tmp_path / "runs"], tmp_path))
    assert "this run: eyes/b" in both and "this run: eyes/a" not in both and "Figures of phantoms say nothing" in both


def test_folds_of_a_cross_validation(make_run: MakeRun, tmp_path: Path) -> None:
    whole = tmp_path / "runs" / "eyes-3-folds"
    tables = []
    for number in (1, 2, 3):
        fold = make_run(seed=number, people=15, folder=whole / f"repeat-1-fold-{number}")
        tables.append(pd.read_csv(fold / "predictions_test.csv").assign(repeat=1, fold=number))
    table = pd.concat(tables).assign(patient_id=[f"q{number // 2}" for number in range(90)])
    again = table.assign(repeat=2, predicted=0)
    pd.concat([table, again]).to_csv(whole / "out_of_fold.csv", index=False)
    kappa = {"value": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "n_images": 90, "n_people": 45}
    content = {"split": "out of fold, 3 folds by person", "phantoms": True, "photographs": 93, "not_graded": 3}
    (whole / "metrics.json").write_text(json.dumps({**content, "repeats": [{"quadratic_kappa": kappa}] * 2}))
    page = written([whole], tmp_path, figures=tmp_path / "charts")
    text = text_of(page)
    assert "Figures out of fold" in text and "Of 2 repeats, this is the first" in text
    assert "90 photographs of 45 people were graded; 3 of 93" in text
    assert "fold 3: " in text and "repeat 2, all folds: 0.500 (0.400 to 0.600)" in text
    assert "run-out-of-fold-roc.svg" in {path.name for path in page.figures}
    # A folder of runs: the cross-validation counts once, its folds are not runs beside it.
    assert written([tmp_path / "runs"], tmp_path).runs == (whole,)


BROKEN: tuple[tuple[str, Callable[[pd.DataFrame], pd.DataFrame], str], ...] = (
    ("predictions_test.csv", lambda t: t.assign(grade="7"), "column grade holds something else"),
    ("predictions_test.csv", lambda t: t.assign(predicted="-1"), "column predicted holds something else"),
    ("predictions_test.csv", lambda t: t.assign(prob_2=["", *t["prob_2"][1:]]), "column prob_2 holds something else"),
    ("predictions_test.csv", lambda t: t.assign(prob_3="inf"), "column prob_3 holds something else"),
    ("left_out.csv", lambda t: t.drop(columns="split"), "column split is missing"),
    ("left_out.csv", lambda t: t.assign(grade="x"), "column grade holds something else"),
    ("members/net/history.csv", lambda t: t.drop(columns="val_loss"), "column val_loss is missing"),
    ("members/net/history.csv", lambda t: t[:0], "it holds no epoch"),
    ("members/net/history.csv", lambda t: t.assign(loss="x"), "could not convert"),
)


def test_what_is_no_run_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    unfinished = make_run("a", status="running")
    with pytest.raises(KerasdrError, match="not finished: go on with `kerasdr train --resume"):
        written([unfinished], tmp_path)
    with pytest.raises(KerasdrError, match="there is no run"):
        written([tmp_path / "nowhere"], tmp_path)
    with pytest.raises(KerasdrError, match="there is no finished run in"):
        written([tmp_path / "runs"], tmp_path)
    broken = make_run("b")
    (broken / "predictions_test.csv").write_text("image_id\nx\n")
    with pytest.raises(KerasdrError, match=r"cannot read .*predictions_test\.csv"):
        written([broken], tmp_path)
    for place, (file, change, said) in enumerate(BROKEN):
        run = make_run(f"broken-{place}", people=3)
        table = pd.read_csv(run / file, dtype=str, keep_default_na=False)
        change(table).to_csv(run / file, index=False)
        with pytest.raises(KerasdrError, match=f"cannot read .*: {said}.*; train that run anew") as error:
            written([run], tmp_path)
        assert "\n" not in str(error.value)
    odd = make_run("odd")
    (odd / "config.yaml").write_text("members: [net]\n")
    with pytest.raises(KerasdrError, match="no configuration"):
        written([odd], tmp_path)
    (tmp_path / "runs" / "chosen").write_text("eyes/c\n")
    chosen = make_run("c")
    assert [path.resolve() for path in written([tmp_path / "runs" / "chosen"], tmp_path).runs] == [chosen.resolve()]


def test_every_colour_of_text_can_be_read() -> None:
    folder = Path(__file__).parents[3] / "kerasdr" / "evaluation" / "page"
    for name, inks in (("page.css", ("ink", "soft", "link")), ("chart.css", ("ink", "soft"))):
        blocks = re.findall(r"\{ (?:color-scheme: [a-z ]+; )?(--paper:.*?)\}", (folder / name).read_text(), re.S)
        assert len(blocks) == 3
        for block in blocks:
            colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
            for ground in ("paper", "note", "warn"):
                if ground in colours:
                    assert all(contrast(colours[ink], colours[ground]) >= 4.5 for ink in inks), (name, ground)
            if "s1" in colours:
                # Lines and marks need 3 to 1 (WCAG 2.2, 1.4.11); figures in filled cells are text.
                assert all(contrast(colours[f"s{n}"], colours["paper"]) >= 3 for n in (1, 2, 3, 4))
                for share in (0.82, 1.0):
                    assert contrast(colours["filled"], mixed(colours["fill"], colours["paper"], share)) >= 4.5
                for share in (0.0, 0.3):
                    assert contrast(colours["ink"], mixed(colours["fill"], colours["paper"], share)) >= 4.5


def channels(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def mixed(fill: str, paper: str, share: float) -> str:
    both = zip(channels(fill), channels(paper), strict=True)
    return "#" + "".join(f"{round(255 * (share * a + (1 - share) * b)):02x}" for a, b in both)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
