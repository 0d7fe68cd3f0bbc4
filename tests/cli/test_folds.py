"""``kerasdr train --folds``."""

import re
from pathlib import Path
from typing import Any

import pytest

from kerasdr.data.phantom import write_phantoms

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


def test_a_dry_run_tells_the_plan_of_all_folds(kerasdr: Kerasdr, phantom_root: Path, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("ROOT", str(phantom_root)))
    asked = ("train", "small.yaml", "--folds", "3", "--repeat", "2", "--dry-run", "--quiet")
    ran = kerasdr(*asked)
    assert ran.code == 0
    lines = ran.out.splitlines()
    folds = [line.split("fold        ")[1] for line in lines if line.startswith("fold ")]
    assert folds == [
        f"repeat {repeat} of 2, fold {number} of 3, seed {seed}: to be trained"
        for repeat, seed in ((1, 40), (2, 140))
        for number in (1, 2, 3)
    ]
    # Every person is tested once a repeat.
    tested = [int(line.split(", ")[1].split()[0]) for line in lines if line.startswith("            test: ")]
    assert len(tested) == 6 and sum(tested[:3]) == sum(tested[3:]) > 0
    assert any(line.startswith("            head: 1 epochs") and line.endswith(" a fold") for line in lines)
    assert lines[-1].endswith("0 of 6 folds are finished in runs/small-3-folds")
    assert not (tmp_path / "runs").exists()
    # A fold that cannot be trained is told without training one.
    write_phantoms(tmp_path / "alike", people=6, seed=7, size=64)
    labels = tmp_path / "alike" / "trainLabels.csv"
    labels.write_text(re.sub(r",[0-4](?=,)", ",0", labels.read_text()))
    assert (
        "training photographs are of grade 0, so there is nothing to tell apart"
        in kerasdr(*asked, "--data", "alike").error
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("demo", "--repeat", "3"), "give --folds as well"),
        (("--resume", "runs/a/b", "--folds", "3"), "--folds goes on by itself"),
        (("task-a", "--folds", "3"), "--folds is for one experiment"),
        (("demo", "--folds", "2"), "3<=x<=20"),
    ],
)
def test_wrong_use(kerasdr: Kerasdr, arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in kerasdr("train", *arguments).usage
