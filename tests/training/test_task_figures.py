"""Pictures of a task's run: which photographs are shown, and that they are drawn once."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.tasks import Task, TaskFigures, load_task
from kerasdr.training.task_figures import spread_over_grades, write_task_figures
from kerasdr.training.task_runs import run_task

CONTENT: dict[str, Any] = {
    "task": "small",
    "title": "a single and a dual network",
    "seeds": [3],
    "defaults": {
        "data": {"layout": "deepdrid", "target": "person", "phantom": {"people": 16, "seed": 4, "size": 128}},
        "imaging": {"recipe": "clahe-crop", "size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head": "linear"},
        "stages": [{"name": "fit", "epochs": 1, "learning_rate": 1e-3}],
        "members": [{"name": "single"}, {"name": "dual", "model": {"mode": "dual", "pairing": "same-eye"}}],
        "ensemble": {"methods": ["soft"]},
    },
    "rows": [
        {"name": "drawn", "figures": {"explain": 3, "preview": 2}},
        {"name": "plain", "set": {"members": [{"name": "single"}]}},
    ],
}


def load(tmp_path: Path, **changes: Any) -> Task:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({**CONTENT, **changes}))
    return load_task(str(path))


def photographs(*rows: tuple[int, str, str]) -> pd.DataFrame:
    """Grade, person and digest of each; the index is the place in a larger table."""
    table = pd.DataFrame(rows, columns=["grade", "patient_id", "digest"])
    table.index = pd.Index(range(10, 10 + len(rows)))
    return table


def places(table: pd.DataFrame, count: int) -> list[int]:
    return spread_over_grades(table, count).index.tolist()


def test_grades_are_gone_round_from_the_worst() -> None:
    table = photographs((0, "a", "1"), (4, "b", "9"), (2, "c", "5"), (4, "d", "2"), (0, "e", "0"), (2, "f", "7"))
    assert places(table, 3) == [13, 12, 14]  # of a grade, the lowest digest is the first
    assert places(table, 6) == [13, 12, 14, 11, 15, 10]
    assert places(table, 99) == places(table, 6)
    assert places(table, 0) == places(table.head(0), 3) == []


def test_someone_new_goes_before_someone_shown() -> None:
    table = photographs((4, "a", "1"), (4, "a", "2"), (4, "b", "3"), (1, "c", "4"), (1, "a", "0"))
    assert places(table, 2) == [10, 13]  # a is shown with grade 4
    assert places(table, 5) == [10, 13, 12, 14, 11]  # and comes again when all others have been shown


def test_choice_does_not_hang_on_the_tables_order_or_on_how_many_are_asked_for() -> None:
    random = np.random.default_rng(0)
    table = photographs(
        *((int(random.integers(5)), f"p{n // 3}", f"{random.integers(1 << 30):08x}") for n in range(40))
    )
    whole = places(table, 40)
    assert sorted(whole) == list(range(10, 50))
    assert places(table.sample(frac=1, random_state=1), 40) == whole
    assert [places(table, n) for n in (1, 4, 7)] == [whole[:1], whole[:4], whole[:7]]
    assert table.loc[whole[:5], "grade"].tolist() == [4, 3, 2, 1, 0]
    assert table.loc[whole[:5], "patient_id"].nunique() == 5


@pytest.mark.parametrize(
    ("figures", "match"),
    [
        ({"explain": -1}, r"rows\.0\.figures\.explain: Input should be greater than or equal to 0"),
        ({"preview": "two"}, r"rows\.0\.figures\.preview: Input should be a valid integer"),
        ({"explained": 4}, r"rows\.0\.figures\.explained: Extra inputs"),
    ],
)
def test_wrong_wishes_are_said_in_one_line(tmp_path: Path, figures: dict[str, Any], match: str) -> None:
    with pytest.raises(KerasdrError, match=match):
        load(tmp_path, rows=[{"name": "a", "figures": figures}])


def test_shipped_tasks_ask_for_the_reports_figures() -> None:
    asked = {
        f"{name}.{row.name}": (row.figures.explain, row.figures.preview)
        for name in ("task-d", "task-e")
        for row in load_task(name).rows
        if row.figures != TaskFigures()
    }
    preprocessing = ("none", "clahe-crop", "clahe-crop-graham", "clahe-crop-blur")
    assert asked == {
        **{f"task-d.preprocessing-{recipe}": (0, 2) for recipe in preprocessing},
        "task-e.curves-single": (4, 0),
        "task-e.curves-dual": (4, 0),
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    run_task(load(work), work / "runs", Reporter())
    return work / "runs"


@pytest.fixture
def run(runs: Path) -> Path:
    return runs / "small.drawn" / "seed-3"


@pytest.mark.slow
def test_a_finished_row_has_its_pictures_and_one_that_asks_for_none_has_no_folder(runs: Path, run: Path) -> None:
    names = sorted(path.name for path in (run / "figures").glob("*.png"))
    assert [name.rpartition("-")[0] for name in names] == [
        "gradcam-1-grade",
        "gradcam-2-grade",
        "gradcam-3-grade",
        "preview-1-grade",
        "preview-2-grade",
    ]
    assert json.loads((run / "figures" / "figures.json").read_text()) == {
        "asked": {"explain": 3, "preview": 2},
        "files": names,
    }
    assert not (runs / "small.plain" / "seed-3" / "figures").exists()


@pytest.mark.slow
def test_pictures_are_of_validation_photographs_and_are_named_by_grade(run: Path) -> None:
    judged = pd.read_csv(run / "predictions_validation.csv", dtype=str)
    grades = [path.stem[-1] for path in sorted((run / "figures").glob("gradcam-*.png"))]
    there = sorted(judged["grade"].unique(), reverse=True)
    assert grades == (there * 3)[:3]
    everything = "".join(path.name for path in (run / "figures").iterdir()) + (run / "figures/figures.json").read_text()
    for name in judged["image_id"]:
        assert name not in everything


@pytest.mark.slow
def test_panels_hold_single_dual_and_partner_and_the_recipe(run: Path) -> None:
    explained = [cv2.imread(str(path)) for path in sorted((run / "figures").glob("gradcam-*.png"))]
    # DeepDRiD has two views of each eye, so a dual network has a partner to look at: four tiles.
    assert [picture.shape for picture in explained] == [(74 + 360 + 8 + 44, 4 * 368 + 78, 3)] * 3
    first, *views = (explained[0][74:434, left : left + 360].astype(int) for left in (0, 368, 736, 1104))
    assert all(np.abs(view - first).max() > 40 for view in views)
    for path in (run / "figures").glob("preview-*.png"):
        assert cv2.imread(str(path)).shape == (394, 360 + 8 + 360, 3)


@pytest.mark.slow
def test_what_is_drawn_is_not_read_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("kerasdr.training.task_figures.open_run", never)
    drawn = write_task_figures(run, TaskFigures(explain=3, preview=2), Reporter())
    assert [path.name for path in drawn] == sorted(path.name for path in (run / "figures").glob("*.png"))
    assert write_task_figures(run, TaskFigures(), Reporter()) == []


@pytest.mark.slow
def test_interrupted_drawing_is_done_anew_to_the_same_pictures(run: Path) -> None:
    before = {path.name: path.read_bytes() for path in (run / "figures").glob("*.png")}
    (run / "figures" / "figures.json").unlink()
    next((run / "figures").glob("gradcam-2-*.png")).unlink()
    write_task_figures(run, TaskFigures(explain=3, preview=2), Reporter())
    assert {path.name: path.read_bytes() for path in (run / "figures").glob("*.png")} == before
    next((run / "figures").glob("preview-1-*.png")).unlink()  # taken away later on
    write_task_figures(run, TaskFigures(explain=3, preview=2), Reporter())
    assert {path.name: path.read_bytes() for path in (run / "figures").glob("*.png")} == before


@pytest.mark.slow
def test_other_wishes_replace_own_pictures_and_no_others(run: Path) -> None:
    kept = run / "figures" / "mine.png"
    kept.write_bytes(b"")
    write_task_figures(run, TaskFigures(explain=1), Reporter())
    left = sorted(path.name for path in (run / "figures").iterdir())
    assert [name[:9] for name in left] == ["figures.j", "gradcam-1", "mine.png"]
    kept.unlink()
    assert len(write_task_figures(run, TaskFigures(explain=3, preview=2), Reporter())) == 5


@pytest.mark.slow
def test_other_photographs_than_those_of_the_run_are_refused(runs: Path, run: Path) -> None:
    photograph = min(runs.parent.glob("phantoms-*/**/*.jpg"))
    before = photograph.read_bytes()
    photograph.write_bytes(before + b"\0")
    try:
        with pytest.raises(KerasdrError, match="the photographs or labels have changed"):
            write_task_figures(run, TaskFigures(explain=2), Reporter())
    finally:
        photograph.write_bytes(before)
