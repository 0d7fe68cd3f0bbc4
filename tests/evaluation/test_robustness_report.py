"""Text, table, plain data and figures of a measurement."""

import csv
import io
import json
import math

import numpy as np
import pytest

from kerasdr.evaluation.robustness import Answers, robustness
from kerasdr.evaluation.robustness_figures import robustness_curves
from kerasdr.evaluation.robustness_report import COLUMNS, TITLES, RobustnessReport, to_csv, to_json, to_text


@pytest.fixture(scope="module")
def report() -> RobustnessReport:
    random = np.random.default_rng(3)
    truth = random.integers(0, 5, 60)

    def said(off: int, refused: float) -> Answers:
        grades = np.where(random.random(60) < refused, -1, np.clip(truth - random.integers(0, off + 1, 60), 0, 4))
        return Answers(grades, np.where(grades < 0, np.nan, grades / 4.0), np.zeros(len(grades), bool))

    degraded = {"blur": {2.0: said(2, 0.1), 5.0: said(4, 1.1)}, "dust": {2.0: said(0, 0.0), 5.0: said(0, 0.0)}}
    people = np.repeat([f"{person}" for person in range(30)], 2)
    found = robustness(truth, people, said(0, 0.0), degraded, said(1, 0.05), n_resamples=100)
    words = {"blur": "a disc", "dust": "four spots"}
    return RobustnessReport("m@1", "trained on drawings", "a folder", True, 0, "100 resamples", words, found)


def test_the_table_holds_every_figure(report: RobustnessReport) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert tuple(rows[0]) == COLUMNS
    steps = [row for row in rows if row["severity"]]
    assert len(steps) == 2 * 3 * len(TITLES)
    (misses,) = [
        row for row in steps if (row["kind"], row["severity"], row["figure"]) == ("blur", "2", "silent_misses")
    ]
    assert float(misses["value"]) == pytest.approx(int(misses["count"]) / int(misses["of"]), abs=1e-5)
    (gone,) = [
        row for row in steps if (row["kind"], row["severity"], row["figure"]) == ("blur", "5", "quadratic_kappa")
    ]
    assert gone["value"] == "" and gone["undefined"] == "no photograph is graded"
    limits = {row["kind"]: row for row in rows if row["figure"] == "severity_of_fall_0.1"}
    assert limits["blur"]["value"] == "" and limits["dust"]["value"] == "inf"
    assert limits["blur"]["undefined"] == "between 0 and 2, with none between them measured"
    assert limits["dust"]["undefined"] == "not reached up to 5"
    assert [row["figure"] for row in rows if row["kind"] == "mirror"] == [
        *("same_grade", "mean_change_of_prob_referable", "kappa_between")
    ]


def test_plain_data(report: RobustnessReport) -> None:
    content = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert content["format"] == 1 and content["data"]["people"] == 30 and content["data"]["photographs"] == 60
    blur, dust = content["curves"]
    assert [step["severity"] for step in blur["steps"]] == [0.0, 2.0, 5.0]
    assert blur["severity_of_fall"]["not_reached"] is False and dust["severity_of_fall"]["not_reached"] is True
    assert blur["severity_of_fall"]["value"] is None and blur["severity_of_fall"]["between"] == [0.0, 2.0]
    assert dust["severity_of_fall"]["value"] is None and dust["severity_of_fall"]["last_severity"] == 5.0
    for curve in content["curves"]:
        for step in curve["steps"]:
            assert set(step["figures"]) == set(TITLES)
            for name, figure in step["figures"].items():
                assert (figure["value"] is None) == (name in step["undefined"])
    figure = report.found.curves[0].steps[1].figures["quadratic_kappa"]
    assert blur["steps"][1]["figures"]["quadratic_kappa"]["low"] == figure.low


def test_the_text(report: RobustnessReport) -> None:
    text = to_text(report)
    step = report.found.curves[0].steps[1]
    assert f"{step.missed} of {step.called_referable}, {step.refused} refused" in text
    assert "undefined, kappa: no photograph is graded" in text and "nan" not in text
    assert "kappa has fallen by 0.1 at severity: not reached up to 5" in text
    assert "too narrow" not in text and to_json(report)["notes"] == []
    assert "kappa has fallen by 0.1 at severity: between 0 and 2, with none between them measured (0.0 to " in text
    assert "m@1 (trained on drawings)" in text and "60 of 30 people: a folder" in text
    assert max(map(len, text.splitlines())) <= 128


def test_curves(report: RobustnessReport) -> None:
    svg = robustness_curves(report, format="svg").decode()
    for words in ("60 synthetic photographs of 30 people", "blur", "dust", "silent misses", "severity"):
        assert words in svg
    assert robustness_curves(report).startswith(b"\x89PNG")
    assert robustness_curves(report) == robustness_curves(report)
    assert not math.isnan(report.found.curves[0].limit.value)
