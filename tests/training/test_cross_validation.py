"""Every person is graded once, by networks that have not seen them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasdr.config import Experiment, resolve
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.reporting import Reporter
from kerasdr.training.cross_validation import CrossValidation, cross_validate
from kerasdr.training.run_folder import chosen_run

pytestmark = pytest.mark.slow


def experiment(root: Path, **changes: Any) -> Experiment:
    return resolve(
        {
            "name": "small",
            "data": {"root": str(root)},
            "imaging": {"size": 48},
            "model": {"trunk": "tiny", "weights": "none", "head": "linear", "head_norm": True, "dropout": 0.0},
            "stages": [{"name": "head", "train": "head", "cached_features": True, "epochs": 2}],
            "members": [{"name": "dual", "model": {"mode": "dual"}}],
            **changes,
        }
    )


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> CrossValidation:
    runs = tmp_path_factory.mktemp("work") / "runs"
    return cross_validate(experiment(phantom_root), runs, Reporter(), folds=3, repeats=2)


def test_everybody_is_tested_once_a_repeat_by_networks_that_have_not_seen_them(judged: CrossValidation) -> None:
    table = pd.read_csv(judged.folder / "out_of_fold.csv", dtype={"image_id": str, "patient_id": str})
    assert not table.duplicated(["repeat", "image_id"]).any()
    for (repeat, fold), part in table.groupby(["repeat", "fold"]):
        split = pd.read_csv(judged.folder / f"repeat-{repeat}-fold-{fold}" / "split.csv", dtype=str)
        known = set(split.loc[split["split"] != "test", "patient_id"])
        assert not known & set(part["patient_id"])
    first, second = (table[table["repeat"] == repeat] for repeat in (1, 2))
    assert set(first["image_id"]) == set(second["image_id"])
    assert len(first) == judged.photographs - judged.not_graded
    # Repeats deal people anew.
    assert first.set_index("image_id")["fold"].to_dict() != second.set_index("image_id")["fold"].to_dict()


def test_figures_are_those_of_the_table(judged: CrossValidation) -> None:
    table = pd.read_csv(judged.folder / "out_of_fold.csv", dtype={"patient_id": str})
    kept = json.loads((judged.folder / "metrics.json").read_text())
    values = []
    for repeat, figures in enumerate(judged.repeats, start=1):
        part = table[table["repeat"] == repeat]
        kappa = quadratic_kappa(part["grade"], part["predicted"])
        assert figures["quadratic_kappa"].value == pytest.approx(kappa)
        assert kept["repeats"][repeat - 1]["quadratic_kappa"]["n_people"] == part["patient_id"].nunique()
        values.append(kappa)
    mean, deviation = judged.spread("quadratic_kappa")
    assert (mean, deviation) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert kept["phantoms"] is True and kept["split"] == "out of fold, 3 folds by person"


def test_nothing_is_chosen_for_scoring(judged: CrossValidation) -> None:
    with pytest.raises(KerasdrError, match="no run is chosen"):
        chosen_run(judged.folder.parent)


def test_given_again_it_goes_on_where_it_stopped(judged: CrossValidation, phantom_root: Path) -> None:
    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in judged.folder.glob("*/members/*/weights.npz")}

    before = state()
    lost = judged.folder / "repeat-2-fold-3"
    (lost / "status.json").unlink()  # stopped before it had begun
    (lost / "members" / "dual" / "weights.npz").unlink()
    again = cross_validate(experiment(phantom_root), judged.folder.parent, Reporter(), folds=3, repeats=2)
    assert {path for path, when in state().items() if before[path] != when} == {
        str(lost / "members" / "dual" / "weights.npz")
    }
    assert [part["quadratic_kappa"].value for part in again.repeats] == [
        part["quadratic_kappa"].value for part in judged.repeats
    ]


def test_another_configuration_in_the_same_place_is_refused(judged: CrossValidation, phantom_root: Path) -> None:
    other = experiment(phantom_root, seed=7)
    with pytest.raises(KerasdrError, match="was trained with another configuration: remove it, or name another place"):
        cross_validate(other, judged.folder.parent, Reporter(), folds=3, repeats=2)
