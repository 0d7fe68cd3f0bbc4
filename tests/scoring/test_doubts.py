"""Doubtful photographs: limits that are quantiles, one side each; what a row says of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.encode import encode_png
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.degrade import degrade
from kerasdr.imaging.quality import judge
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.doubts import RULES, Doubts, find_doubts
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.job import run_job, score_photographs
from kerasdr.scoring.rows import Row

N = 30


@pytest.fixture(scope="module")
def eyes() -> list[np.ndarray]:
    return [draw_eye(9, make_person(9, n), Eye("right", n % 5, ""), 320).image for n in range(N)]


@pytest.fixture(scope="module")
def doubts(eyes: list[np.ndarray]) -> Doubts:
    found = find_doubts([judge(eye).figures for eye in eyes], 0.01)
    assert found is not None
    return found


def test_limits_are_values_of_the_side_on_which_a_photograph_is_worse() -> None:
    figures = [{"sharpness": float(n), "highlight": float(n), "grain": float(n)} for n in range(1, 201)]
    found = find_doubts(figures, 0.02)
    assert found is not None
    assert found.limits == {"soft": 5.0, "reflex": 196.0, "grainy": 196.0, "smoothed": 5.0}
    beyond = [bool(found.reason(one)) for one in figures]
    assert beyond == [n < 5 or n > 196 for n in range(1, 201)]
    assert (found.photographs, found.doubtful, found.share) == (200, 8, 0.02)


def test_of_few_photographs_none_is_doubtful(doubts: Doubts, eyes: list[np.ndarray]) -> None:
    assert (doubts.photographs, doubts.doubtful) == (N, 0)
    assert set(doubts.limits) == set(RULES)
    assert [doubts.reason(judge(eye).figures) for eye in eyes] == [""] * N


def test_no_figures_no_doubts() -> None:
    assert find_doubts([], 0.01) is None
    assert find_doubts([{}, {}], 0.01) is None
    assert Doubts(share=0.01, photographs=3, doubtful=0, limits={"soft": 9.0}).reason({}) == ""


@pytest.mark.parametrize(
    ("kind", "severity", "word"),
    [
        ("blur", 1.0, "blurred"),
        ("haze", 4.0, "hazy"),
        ("glare", 5.0, "with a bright reflex"),
        ("crop", 4.0, "lit in part"),
    ],
)
def test_what_got_worse_is_doubtful_or_refused(
    kind: str, severity: float, word: str, eyes: list[np.ndarray], doubts: Doubts
) -> None:
    said = []
    for number, eye in enumerate(eyes):
        quality = judge(degrade(eye, kind, severity, number))
        said.append(quality.reason or doubts.reason(quality.figures))
    assert sum(text != "" for text in said) >= 0.9 * N
    graded = [text for text in said if text.startswith("doubtful photograph, ")]
    assert graded and sum(word in text for text in graded) >= 0.7 * len(graded)
    assert all(text.endswith(": have a person look at it, or take it again") for text in graded)


def test_words_are_listed() -> None:
    found = Doubts(share=0.01, photographs=3, doubtful=0, limits={"soft": 1.0, "dark": 50.0, "hazy": 2.0})
    worse = {"sharpness": 0.5, "brightness": 40.0, "contrast": 1.0}
    assert found.reason(worse).startswith("doubtful photograph, blurred, hazy and dark: ")
    assert found.reason({**worse, "contrast": 3.0}).startswith("doubtful photograph, blurred and dark: ")


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ValidationError, match="no doubt is called 'odd'"):
        Doubts(share=0.01, photographs=3, doubtful=0, limits={"odd": 1.0})


def test_a_doubtful_photograph_is_graded_and_goes_to_a_reader(
    tmp_path: Path,
    eyes: list[np.ndarray],
    doubts: Doubts,
    make_bundle: Callable[..., Path],
    factory: Callable[..., Engine],
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.png").write_bytes(encode_png(eyes[0]))
    (folder / "black.png").write_bytes(encode_png(np.zeros_like(eyes[0])))
    (folder / "soft.png").write_bytes(encode_png(degrade(eyes[0], "blur", 1.0)))
    with_doubts = load_bundle(make_bundle(tmp_path / "with", doubts=doubts))
    without = load_bundle(make_bundle(tmp_path / "without"))
    assert with_doubts.doubts == doubts and without.doubts is None

    def graded(bundle: Bundle) -> dict[str, Row]:
        rows = score_photographs(folder, bundle, engine=factory(bundle, 16, False))
        return {Path(row.image).stem: row for row in rows}

    rows, before = graded(with_doubts), graded(without)
    assert (rows["good"].status, rows["good"].reason) == ("graded", "")
    assert (rows["soft"].status, rows["soft"].refer_to_reader) == ("graded", True)
    assert rows["soft"].reason.startswith("doubtful photograph, blurred")
    assert (rows["black"].status, rows["black"].refer_to_reader) == ("ungradable", True)
    assert before["black"].refer_to_reader is None
    # Of a bundle that was not calibrated, a good photograph's cell stays empty.
    assert rows["good"].refer_to_reader is None
    assert (before["soft"].reason, before["soft"].refer_to_reader) == ("", None)
    assert before["soft"].probabilities == rows["soft"].probabilities
    done = run_job(folder, with_doubts, tmp_path / "grades.csv", factory=factory)
    assert "; 1 graded though the photograph is doubtful: see reason" in done.sentence()
    assert "doubtful" not in run_job(folder, without, tmp_path / "before.csv", factory=factory).sentence()
