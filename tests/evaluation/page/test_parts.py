"""Parts of the page by themselves: escaping, reliability, worst errors, operating points, charts, plain data."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.calibration_figures import ReliabilityBin
from kerasdr.evaluation.decision_curve import decision_curve
from kerasdr.evaluation.graded import graded_photographs
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.page.chart import Axis, Look, Plot, picture
from kerasdr.evaluation.page.curve_figures import decision_figure, reliability_figure
from kerasdr.evaluation.page.figures_section import operating_points
from kerasdr.evaluation.page.judged_part import judge_part
from kerasdr.evaluation.page.markup import css, data, element, joined, policy_hash, script
from kerasdr.evaluation.page.other_figures import confusion_figure, curves_figure, forest_figure
from kerasdr.evaluation.page.run_files import PartFiles
from kerasdr.evaluation.page.tables import plain_rows, table
from kerasdr.evaluation.page.worst import worst_errors
from kerasdr.evaluation.ranking import roc
from tests.evaluation.page.conftest import predictions


def part(table: pd.DataFrame) -> PartFiles:
    nothing = pd.DataFrame({"grade": np.zeros(0, int), "patient_id": [], "image_id": [], "reason": []})
    return PartFiles("test", table, nothing, len(table), len(table), "", {})


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", "<&\"'", title='a"b')
    assert inner == '<b title="a&quot;b">&lt;&amp;&quot;&#x27;</b>'
    assert element("p", inner, None, 3, [" <", element("br")], class_="x", aria_label=None) == (
        f'<p class="x">{inner}3 &lt;<br></p>'
    )
    assert joined("a\x00b\udcff\u202ec", "\n") == "a\\x00b\\udcff\\u202ec\n"
    assert table("<caption>", ["<h>"], [["<r>"]]).count("&lt;") == 4  # the caption names the group as well
    for text in ("</style>", "a{background:url(x)}", "@import 'x'"):
        with pytest.raises(ValueError, match="neither markup nor addresses"):
            css(text)


def test_a_script_cannot_end_its_element_and_data_cannot_begin_one() -> None:
    for text in ("x = '</SCRIPT>'", "<!-- x"):
        with pytest.raises(ValueError, match="holds no markup"):
            script(text)
    assert script("let a = 1 < 2;") == "<script>let a = 1 < 2;</script>"
    evil = ["</script><script>", "<!--", "&lt;", "\u2028\ud800", '"']
    written = data("rows", evil)
    inside = written.removeprefix('<script type="application/json" id="rows">').removesuffix("</script>")
    assert json.loads(inside) == evil and not set("<>&") & set(inside) and inside.isascii()
    # An example of the specification, Content Security Policy Level 3.
    assert policy_hash("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"


def test_reliability_before_and_after_calibration() -> None:
    nan = float("nan")
    one = [
        ReliabilityBin(0.25, Interval(0.5, 0.4, 0.75, 0.95, 8, 4)),
        ReliabilityBin(0.8, Interval(1, 1, 1, 0.95, 2, 1)),
    ]
    other = [ReliabilityBin(0.5, Interval(0.125, nan, nan, 0.95, 10, 1))]
    figure = reliability_figure("r", "here", {"calibrated": one, "before calibration": other})
    assert (
        "calibrated: said 25%, seen 50% of 8; said 80%, seen 100% of 2; before calibration: said 50%"
        in figure.description
    )
    assert figure.svg.count('<circle class="mark s1"') == 3 and figure.svg.count('<rect class="mark s2 open"') == 2
    assert figure.svg.count('class="line thin s1"') == 2 and "line thin s2" not in figure.svg


def test_worst_errors_are_far_off_first_then_sure() -> None:
    said = pd.DataFrame(
        {
            "image_id": ["right", "sure", "far", "unsure", "also-unsure"],
            "grade": [2, 1, 4, 3, 1],
            "predicted": [2, 2, 1, 2, 0],
            **{f"prob_{grade}": 0.0 for grade in range(5)},
        }
    )
    said.loc[[0, 1, 3], "prob_2"] = [0.9, 0.8, 0.4]
    said.loc[2, "prob_1"], said.loc[4, "prob_0"] = 0.3, 0.4
    worst = worst_errors(part(said), 3)
    assert worst["image_id"].tolist() == ["far", "sure", "also-unsure"]
    assert worst["error"].tolist() == [3, 1, 1] and worst["sure"].tolist() == [0.3, 0.8, 0.4]
    bare = worst_errors(part(said[["image_id", "grade", "predicted"]]))
    assert bare["image_id"].tolist() == ["far", "also-unsure", "sure", "unsure"] and bare["sure"].isna().all()
    assert worst_errors(part(said.assign(predicted=said["grade"]))).empty


def test_a_network_that_tells_nobody_apart_is_nowhere_better_than_a_rule() -> None:
    """One probability for all is referring everybody below it and nobody above: equal but for rounding."""
    for n in (37, 101):
        grades = np.arange(n) % 3
        p = np.tile([0.3, 0.2, 0.2, 0.2, 0.1], (n, 1))
        found = decision_curve(graded_photographs(grades, p.argmax(axis=1), np.arange(n), p), n_resamples=10)
        assert found is not None
        assert "Nowhere is the network better" in decision_figure("d", "here", found).description
    useful = np.eye(5)[grades]
    found = decision_curve(graded_photographs(grades, grades, np.arange(n), useful), n_resamples=10)
    assert found is not None
    assert "at 99 of 99 thresholds, between 1% and 99%" in decision_figure("d", "here", found).description


def test_operating_points_lie_on_the_curve() -> None:
    table = predictions(3, 60)
    p = table[[f"prob_{grade}" for grade in range(2, 5)]].sum(axis=1).round(12)
    judged = judge_part(part(table.assign(screen_positive=np.where(p >= 0.4, "yes", "no"))), 7, 0.4, n_resamples=20)
    eyes = judged.photographs
    assert eyes.p_referable is not None
    curve = roc(eyes.truth >= 2, eyes.p_referable)
    on_curve = np.stack([curve.true_positives / curve.positives, 1 - curve.false_positives / curve.negatives], axis=1)
    points = operating_points(judged, curve)
    by_label = {point.label: point for point in points}
    for point in (*points[:4], points[5]):
        assert np.abs(on_curve - [point.sensitivity, point.specificity]).sum(axis=1).min() < 1e-12
    high = by_label["at 95% specificity or more"]
    assert high.sensitivity == judged.by_eye.figures["sensitivity_at_95_specificity"].value and high.specificity >= 0.95
    found = by_label["at 90% sensitivity or more"]
    assert (
        found.specificity == judged.by_eye.figures["specificity_at_90_sensitivity"].value and found.sensitivity >= 0.9
    )
    own = by_label["the run's operating point, from probability 0.400 on"]
    called, sick = (p >= 0.4).to_numpy(), eyes.truth >= 2
    assert own.sensitivity == pytest.approx(called[sick].mean()) and own.specificity == pytest.approx(
        (~called)[~sick].mean()
    )
    assert len(operating_points(judge_part(part(table), 7, None, n_resamples=20), curve)) == 5


def test_a_plot_puts_points_where_they_belong() -> None:
    plot = Plot(Axis("x", 0, 1, (0, 1)), Axis("y", -1, 1, (0,)), 100, 200)
    assert plot.at(0, 1) == (54, 14) and plot.at(1, -1) == (154, 214) and plot.at(0.5, 0) == (104, 114)
    plot.series("one", [0, 1], [-1, 1], Look(1, "dash", "circle"))
    plot.series("two", [0.5], [0.0], Look(2, shape="diamond", line=False, filled=False))
    svg = plot.figure("n", "t", "d").svg
    assert '<polyline class="line s1 dash" points="54,214 154,14">' in svg
    assert svg.count('<circle class="mark s1"') == 3  # two points and the legend's
    assert svg.count('<polygon class="mark s2 open"') == 2
    assert ">one</text>" in svg and ">two</text>" in svg


def test_a_confusion_matrix_shows_counts_and_shares_of_rows() -> None:
    counts = np.zeros((5, 5), int)
    counts[0, :2], counts[3, 3] = [3, 1], 7
    svg = confusion_figure("n", "here", counts).svg
    assert re.findall(r">(\d+)%</text>", svg) == ["75", "25", "0", "0", "0", "0", "0", "0", "100", "0"]
    assert "10 of 11 are on the diagonal" in svg and "n = 0" in svg


def test_a_forest_says_what_is_undefined() -> None:
    nan = float("nan")
    rows = [("a<b", Interval(0.5, 0.25, 0.75, 0.95, 4, 2)), ("none", Interval(nan, nan, nan, 0.95, 4, 2))]
    svg = forest_figure("n", "t", [*rows, ("alone", Interval(-0.3, nan, nan, 0.95, 2, 1))], "kappa").svg
    assert "a&lt;b: 0.500 (0.250 to 0.750); none: undefined; alone: -0.300." in svg
    assert svg.count('class="line s1"') == 1 and svg.count('class="mark s1"') == 2
    assert ">-0.4</text>" in svg  # the scale goes down as far as the figures do


def test_curves_of_one_epoch_and_of_a_loss_that_blew_up() -> None:
    one = pd.DataFrame({"epoch": [1], "loss": [2.5], "val_loss": [np.inf], "val_quadratic_kappa": [0.5]})
    loss, kappa = curves_figure("c", "here", {"net": [one]})
    assert (loss.name, kappa.name) == ("c-loss", "c-kappa") and "nan" not in loss.svg
    assert curves_figure("c", "here", {}) == []
    lost = pd.concat([one, one.assign(epoch=2, val_loss=2.0, val_quadratic_kappa=np.nan)])
    assert "net: 1 training, at the end undefined." in curves_figure("c", "here", {"net": [lost]})[1].description


def test_plain_data_become_rows() -> None:
    figure = {"value": 0.5, "low": None, "high": None, "n_images": 4, "n_people": 2}
    content = {"a": figure, "b": {"c": [1, 2.5], "d": None, "e": [{"f": True}]}, "g": "text"}
    assert plain_rows(content) == [
        ("a", "0.5, 4 photographs of 2 people"),
        ("b, c", "1, 2.5"),
        ("b, d", "undefined"),
        ("b, e, 1, f", "yes"),
        ("g", "text"),
    ]


def test_a_picture_has_a_name_and_a_description(tmp_path: Path) -> None:
    figure = picture("n", 'a "title"', "what <is> seen", 10, 10)
    assert 'role="img"' in figure.svg and 'aria-label="a &quot;title&quot;. what &lt;is&gt; seen"' in figure.svg
    assert figure.file().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" ')
