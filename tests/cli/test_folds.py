"""``kerasdr train --folds``."""

from pathlib import Path
from typing import Any

import pytest

Kerasdr = Any  # the fixture, which runs the command

SMALL = """
name: small
data: {root: ROOT}
imaging: {size: 48}
model: {trunk: tiny, weights: none, head: linear, dropout: 0.0}
stages: [{name: head, train: head, cached_features: true, epochs: 1}]
members: [{name: only}]
"""


@pytest.mark.slow
def test_folds_are_reported(kerasdr: Kerasdr, phantom_root: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("ROOT", str(phantom_root)))
    ran = kerasdr("train", "small.yaml", "--folds", "3", "--repeat", "2", "--quiet")
    assert ran.code == 0
    assert "small: out of fold, 3 folds by person, repeat 2 of 2" in ran.out
    assert "quadratic weighted kappa" in ran.out and "quadratic_kappa over 2 repeats: mean" in ran.out
    assert "small: 2 repeats, seeds 40, 140" in ran.out and "interval of the mean over people" in ran.out
    assert f"folds, out_of_fold.csv and repeats.csv: {Path('runs') / 'small-3-folds'}" in ran.out
    assert not (tmp_path / "runs" / "chosen").exists()
    # A fold that was stopped can be gone on with by itself, and still nothing is chosen.
    fold = tmp_path / "runs" / "small-3-folds" / "repeat-1-fold-2"
    (fold / "status.json").write_text((fold / "status.json").read_text().replace("finished", "running"))
    ran = kerasdr("train", "--resume", str(fold), "--quiet")
    assert ran.code == 0 and ran.out.endswith("a fold of a cross-validation\n")
    assert not (tmp_path / "runs" / "chosen").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("demo", "--repeat", "3"), "give --folds as well"),
        (("demo", "--folds", "3", "--dry-run"), "--folds goes on by itself"),
        (("--resume", "runs/a/b", "--folds", "3"), "--folds goes on by itself"),
        (("task-a", "--folds", "3"), "--folds is for one experiment"),
        (("demo", "--folds", "2"), "3<=x<=20"),
    ],
)
def test_wrong_use(kerasdr: Kerasdr, arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in kerasdr("train", *arguments).usage
