"""The course's form: a row for every photograph of an unlabelled test part, whatever is missing, and no label used."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr import load_bundle, score_photographs
from kerasdr.config import resolve
from kerasdr.data.phantom import write_phantoms
from kerasdr.data.readers import Dataset
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.training.experiment import train
from kerasdr.training.held_out import NoTestPart, open_test_part
from kerasdr.training.submission import Submission, write_submission

pytestmark = pytest.mark.slow

GONE, DARK = 2, 5
"""Which photographs of the test part's list are not there, and are black."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms in the course's form, the test's list turned round, one photograph of it missing and one black."""
    root = tmp_path_factory.mktemp("data") / "course"
    write_phantoms(root, people=14, seed=4, size=128, layout="course")
    asked = pd.read_csv(root / "test.csv", dtype=str)[::-1]
    asked.to_csv(root / "test.csv", index=False)
    (root / "test" / asked["img_path"].iloc[GONE]).unlink()
    cv2.imwrite(str(root / "test" / asked["img_path"].iloc[DARK]), np.zeros((128, 128, 3), np.uint8))
    return root


def experiment(root: Path, **data: Any) -> Any:
    return resolve(
        {
            "name": "course",
            "data": {"layout": "course", "root": str(root), **data},
            "imaging": {"recipe": "clahe-crop", "size": 48},
            "model": {"trunk": "tiny", "weights": "none", "head_units": [8], "dropout": 0.1},
            "training": {"batch_size": 12},
            "stages": [{"name": "fit", "epochs": 2, "learning_rate": 2e-3}],
            "members": [{"name": "one"}, {"name": "two", "model": {"mode": "dual", "pairing": "same-eye"}}],
            "ensemble": {"methods": ["soft"]},
        }
    )


@pytest.fixture(scope="module")
def run(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(experiment(course), tmp_path_factory.mktemp("work") / "runs", Reporter()).run


@pytest.fixture(scope="module")
def submitted(run: Path) -> tuple[Submission, pd.DataFrame]:
    target = run.parent / "submission.csv"
    written = write_submission(run, target, Reporter())
    assert target.read_text().startswith("ID,TARGET\n")
    return written, pd.read_csv(target)


def test_every_photograph_of_the_list_has_a_row_in_its_order(
    course: Path, submitted: tuple[Submission, pd.DataFrame]
) -> None:
    written, table = submitted
    asked = pd.read_csv(course / "test.csv")
    assert table["ID"].tolist() == asked["image_id"].tolist()
    assert set(table["TARGET"]) <= {0, 1, 2, 3, 4}
    assert written.rows == len(asked) and written.not_graded == 2


def test_grades_are_those_of_the_bundle(course: Path, run: Path, submitted: tuple[Submission, pd.DataFrame]) -> None:
    rows = score_photographs(course / "test", load_bundle(run / "bundle"))
    scored = {Path(row.image).stem: row.grade for row in rows if row.status == "graded"}
    assert len(scored) == len(submitted[1]) - 2
    given = dict(submitted[1].itertuples(index=False))
    assert {image: given[image] for image in scored} == scored


def test_what_cannot_be_graded_has_the_most_frequent_grade_of_training(
    course: Path, submitted: tuple[Submission, pd.DataFrame]
) -> None:
    written, table = submitted
    levels = pd.read_csv(course / "train.csv")["patient_DR_Level"]
    counts = levels[levels < 5].value_counts().sort_index()
    assert written.fallback == counts.idxmax()
    assert table["TARGET"].iloc[[GONE, DARK]].tolist() == [written.fallback] * 2


def test_file_names_as_ids(course: Path, run: Path, tmp_path: Path) -> None:
    write_submission(run, tmp_path / "s.csv", Reporter(), "file-name")
    paths = pd.read_csv(course / "test.csv")["img_path"]
    assert pd.read_csv(tmp_path / "s.csv")["ID"].tolist() == [Path(path).name for path in paths]


def test_labels_of_the_test_part_change_nothing(
    course: Path, submitted: tuple[Submission, pd.DataFrame], tmp_path: Path
) -> None:
    root = tmp_path / "labelled"
    shutil.copytree(course, root)
    asked = pd.read_csv(root / "test.csv", dtype=str)
    # One of them says "ungradable", which a label may say of a photograph and this may not listen to.
    asked.assign(patient_DR_Level=[5, *([3] * (len(asked) - 1))]).to_csv(root / "test.csv", index=False)
    run = train(experiment(root), tmp_path / "runs", Reporter()).run
    written = write_submission(run, tmp_path / "s.csv", Reporter())
    assert written == submitted[0]
    assert pd.read_csv(tmp_path / "s.csv").equals(submitted[1])


def test_nothing_is_opened(run: Path, submitted: tuple[Submission, pd.DataFrame]) -> None:
    assert not (run / "metrics_test.json").exists()
    with pytest.raises(NoTestPart, match="no test part with grades"):
        open_test_part(run, Reporter())


def test_a_layout_without_a_list_is_submitted_in_the_tables_order(
    phantom_root: Path, tmp_path: Path, small: dict[str, Any]
) -> None:
    run = train(resolve({**small, "members": [{"name": "one"}]}), tmp_path / "runs", Reporter()).run
    written = write_submission(run, tmp_path / "s.csv", Reporter())
    split = pd.read_csv(run / "split.csv", dtype=str)
    assert pd.read_csv(tmp_path / "s.csv")["ID"].tolist() == split["image_id"][split["split"] == "test"].tolist()
    assert written.rows > 0


def test_two_photographs_of_one_name_are_not_one_id(
    phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: dict[str, Any], run: Path
) -> None:
    listed = (("1_l1", "1.jpg"), ("2_l1", "1.jpg"))
    monkeypatch.setattr(
        "kerasdr.training.submission.read_table", lambda *arguments: Dataset(pd.DataFrame(), asked=listed)
    )
    with pytest.raises(KerasdrError, match=r"are called 1\.jpg: use --submission-id image_id"):
        write_submission(run, tmp_path / "s.csv", Reporter(), "file-name")


def test_no_test_part_is_said(phantom_root: Path, tmp_path: Path, small: dict[str, Any]) -> None:
    small["data"]["split"] = {"train": 0.7, "validation": 0.3, "test": 0}
    run = train(resolve({**small, "members": [{"name": "one"}]}), tmp_path / "runs", Reporter()).run
    with pytest.raises(NoTestPart, match="so nothing can be submitted"):
        write_submission(run, tmp_path / "s.csv", Reporter())
    assert not (tmp_path / "s.csv").exists()


def test_a_file_that_cannot_be_written_is_said_before_anything_is_graded(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")

    def never(*arguments: Any) -> None:
        raise AssertionError("graded")

    monkeypatch.setattr("kerasdr.training.submission.open_run", never)
    with pytest.raises(KerasdrError, match=r"cannot write .*s\.csv: .*; check that its folder exists"):
        write_submission(run, tmp_path / "file" / "s.csv", Reporter())
