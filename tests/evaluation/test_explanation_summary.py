"""Means, differences and their intervals over photographs of few people."""

import numpy as np
import pandas as pd
import pytest

from kerasdr.evaluation.explanation_summary import GROUPS, MapFigure, in_groups, summarise
from kerasdr.evaluation.explanation_text import figures_table, localisation_text
from kerasdr.evaluation.intervals import bootstrap_people, mean_interval

PEOPLE = np.array(["a", "a", "b", "c", "c"])


def table(**maps: list[float]) -> pd.DataFrame:
    ids = [f"p{number}" for number in range(len(PEOPLE))]
    parts = [pd.DataFrame({"image_id": ids, "patient_id": PEOPLE, "map": name, "auc": maps[name]}) for name in maps]
    return pd.concat(parts, ignore_index=True)


def one(figures: list[MapFigure], name: str, minus: str = "", group: str = "all") -> MapFigure:
    (found,) = [each for each in figures if (each.map, each.minus, each.group) == (name, minus, group)]
    return found


def test_mean_interval_is_the_plain_bootstraps() -> None:
    random = np.random.default_rng(0)
    values, people = random.normal(size=60), np.repeat(np.arange(20), 3).astype(str)
    values[7] = np.nan
    known = ~np.isnan(values)
    plain = bootstrap_people(lambda rows: float(values[known][rows].mean()), people[known], n_resamples=400, seed=3)
    fast = mean_interval(values, people, n_resamples=400, seed=3)
    assert (fast.value, fast.low, fast.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert (fast.n_images, fast.n_people) == (59, 20)


def test_mean_interval_of_nobody_and_of_one() -> None:
    nobody = mean_interval([np.nan, np.nan], ["a", "b"])
    assert np.isnan([nobody.value, nobody.low, nobody.high]).all() and nobody.n_images == 0
    alone = mean_interval([1.0, 3.0], ["a", "a"])
    assert alone.value == 2 and np.isnan([alone.low, alone.high]).all()


def test_differences_are_paired() -> None:
    base = [0.1, 0.9, 0.3, 0.7, 0.5]
    better = [value + 0.2 for value in base]
    found = summarise(table(cam=better, base=base), ["auc"], {"all": np.ones(5, bool)}, {"cam": ["base"]})
    difference = one(found, "cam", "base").interval
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.2, 0.2, 0.2))
    assert one(found, "cam").interval.high - one(found, "cam").interval.low > 0.1
    assert one(found, "base").interval.value == pytest.approx(0.5)


def test_a_photograph_without_a_figure_is_left_out_of_its_difference_too() -> None:
    found = summarise(
        table(cam=[np.nan, 0.9, 0.6, 0.6, 0.6], base=[0.0, 0.5, 0.5, 0.5, 0.5]),
        ["auc"],
        {"all": np.ones(5, bool)},
        {"cam": ["base"]},
    )
    assert one(found, "cam", "base").interval.value == pytest.approx((0.4 + 3 * 0.1) / 4)
    assert one(found, "cam", "base").interval.n_images == 4 and one(found, "base").interval.n_images == 5


def test_groups() -> None:
    groups = in_groups([None, 0, 2, 3, 4], [4, 1, 2, 1, 3])
    assert list(groups) == list(GROUPS)
    assert groups["with_lesions"].all()
    assert groups["rightly_referable"].tolist() == [False, False, True, False, True]
    assert groups["wrongly_graded"].tolist() == [False, True, False, True, True]


def test_what_is_undefined_says_why() -> None:
    groups = {"none": np.zeros(5, bool), "one": PEOPLE == "a", "silent": np.array([0, 0, 1, 0, 0], bool)}
    found = summarise(table(cam=[1, 1, np.nan, 1, 1]), ["auc"], groups, {})
    assert one(found, "cam", group="none").gap == "the group has no photograph"
    assert one(found, "cam", group="one").gap.startswith("no interval")
    assert one(found, "cam", group="silent").gap == "no map of the group has heat on the retina"
    plain = one(found, "cam", group="none").to_dict()
    assert plain["value"] is None and plain["undefined"] == "the group has no photograph"
    text = figures_table([one(found, "cam", group="silent")], ["auc"])
    assert "undefined" in text.splitlines()[1] and text.endswith(
        "undefined, because no map of the group has heat on the retina"
    )


def test_maps_of_other_photographs_are_refused() -> None:
    scores = table(cam=[1, 2, 3, 4, 5], base=[1, 2, 3, 4, 5])
    with pytest.raises(ValueError, match="not of the same photographs"):
        summarise(scores.drop(index=9), ["auc"], {"all": np.ones(5, bool)}, {})


def test_empty_groups_are_a_line() -> None:
    scores = table(cam=[0.5] * 5)
    for name in ("pointing", "energy_ratio", "average_precision"):
        scores[name] = 0.25
    figures = ["pointing", "energy_ratio", "auc", "average_precision"]
    groups = in_groups([None] * 5, [3] * 5)
    text = localisation_text(summarise(scores, figures, groups, {}))
    assert "all photographs with lesions: 5 photographs of 3 people" in text
    assert f"{GROUPS['wrongly_graded']}: undefined, because the group has no photograph" in text
