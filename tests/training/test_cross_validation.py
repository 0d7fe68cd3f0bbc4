"""Every person is graded once, by networks that have not seen them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasdr.config import Experiment, resolve
from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.reporting import Reporter
from kerasdr.training import experiment as experiment_module
from kerasdr.training.cross_validation import CrossValidation, cross_validate, fold_of
from kerasdr.training.dataset import ExperimentData, split_table
from kerasdr.training.experiment import train
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
    spread = judged.spread("quadratic_kappa")
    assert (spread.mean, spread.deviation) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert (spread.lowest, spread.highest) == (pytest.approx(min(values)), pytest.approx(max(values)))
    assert kept["spread"]["quadratic_kappa"]["deviation"] == pytest.approx(np.std(values, ddof=1))
    # The interval is of the mean, over the people of one repeat.
    average = judged.average["quadratic_kappa"]
    assert average.value == pytest.approx(np.mean(values)) and average.low < average.value < average.high
    assert (average.n_people, average.n_images) == (part["patient_id"].nunique(), len(part))
    by_seed = pd.read_csv(judged.folder / "repeats.csv")
    assert by_seed["seed"].tolist() == list(judged.seeds) == kept["seeds"]
    assert by_seed["quadratic_kappa"].tolist() == pytest.approx(values, abs=1e-6)
    # As many digits as the folds have: with six, probabilities would tie that the folds tell apart.
    probabilities = [f"prob_{grade}" for grade in range(5)]
    own = pd.read_csv(judged.folder / "repeat-1-fold-1" / "predictions_test.csv")[probabilities]
    there = table[(table["repeat"] == 1) & (table["fold"] == 1)][probabilities]
    assert np.array_equal(there, own) and not np.array_equal(own, own.round(6))
    assert kept["phantoms"] is True and kept["split"] == "out of fold, 3 folds by person"


def test_calibration_is_pooled_over_folds(judged: CrossValidation) -> None:
    table = pd.read_csv(judged.folder / "out_of_fold.csv", dtype={"patient_id": str, "grade_set": str})
    kept = json.loads((judged.folder / "metrics.json").read_text())["calibration"]
    assert len(kept) == len(judged.calibration) == 2
    for repeat, found in enumerate(judged.calibration, start=1):
        assert found is not None
        part = table[table["repeat"] == repeat]
        low, high = (part["grade_set"].str[place].astype(int) for place in (0, -1))
        covered = (low <= part["grade"]) & (part["grade"] <= high)
        by_person = covered.groupby(part["patient_id"]).mean()
        assert found.decisions["coverage"].value == pytest.approx(by_person.mean())
        assert found.decisions["coverage"].n_people == len(by_person)
        for place, name in (("before", "prob_raw"), ("after", "prob")):
            own = part[[f"{name}_{grade}" for grade in range(5)]].to_numpy()[np.arange(len(part)), part["grade"]]
            loss = -np.log(np.clip(own, 1e-6, 1)).mean()
            assert getattr(found, place)["log_loss"].value == pytest.approx(loss)
            assert kept[repeat - 1][place]["log_loss"]["value"] == pytest.approx(loss)
        # Ten people validate a fold, of whom fewer are referable.
        assert found.undefined["sensitivity"].startswith("fold 1: ")
        assert part["screen_positive"].isna().all()


def test_two_configurations_are_judged_on_the_same_folds_of_people(phantom_root: Path) -> None:
    """Whatever is trained: so figures of the two can be compared photograph by photograph."""
    table = read_table("eyepacs", phantom_root, {}).table
    one = experiment(phantom_root)
    other = experiment(
        phantom_root,
        name="other",
        imaging={"size": 64, "recipe": "none"},
        model={"trunk": "tiny", "weights": "none", "head": "mlp"},
        members=[{"name": "x", "seed": 7}, {"name": "y"}],
        ensemble={"methods": ["soft", "stacking"]},
    )
    seen = []
    for repeat in (1, 2):
        for number in (1, 2, 3):
            first, second = (fold_of(config, number, 3, repeat) for config in (one, other))
            assert first.members != second.members
            split = split_table(table, first.data, first.seed)
            shuffled = split_table(table.sample(frac=1, random_state=repeat), second.data, second.seed).sort_index()
            assert split["split"].tolist() == shuffled["split"].tolist()
            seen.append(tuple(split["split"]))
    assert len(set(seen)) == 6, "or folds would be the same in any case"
    changed = fold_of(experiment(phantom_root, seed=7), 1, 3, 1)
    assert tuple(split_table(table, changed.data, changed.seed)["split"]) not in seen


def test_the_outer_fold_has_no_say_in_what_is_chosen(
    tmp_path: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong grades in the fold that is tested change nothing but its figures; in the inner one they change the choice."""
    methods = {"methods": ["soft", "weighted", "stacking"]}
    members = [{"name": "a"}, {"name": "b"}]
    raw = {"members": members, "ensemble": methods, "bundle": {"engines": []}}
    fold = fold_of(experiment(phantom_root, **raw), 2, 3, 1)
    read = experiment_module.open_dataset

    def trained(name: str, wrong: str) -> tuple[bytes, Any, bytes]:
        def open_wrongly(*arguments: Any) -> ExperimentData:
            data = read(*arguments)
            grades = data.table["grade"].where(data.table["split"] != wrong, (data.table["grade"] + 2) % 5)
            return replace(data, table=data.table.assign(grade=grades))

        monkeypatch.setattr(experiment_module, "open_dataset", open_wrongly)
        run = train(fold, tmp_path / name / "runs", Reporter(), point=False).run
        weights = [path.read_bytes() for path in sorted(run.glob("members/*/weights.npz"))]
        assert len(weights) == 2
        history = b"".join(path.read_bytes() for path in sorted(run.glob("members/*/history.csv")))
        return b"".join(weights), json.loads((run / "metrics.json").read_text())["choice"], history

    right, outer, inner = (trained(name, name) for name in ("none", "test", "validation"))
    assert right == outer
    assert right[1] != inner[1] and right[2] != inner[2], "or the grades of no fold would matter"


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


def labelled(root: Path, tmp_path: Path, rename: dict[str, str], grades: dict[str, int] | None = None) -> Path:
    """Copy phantoms with people renamed and grades changed."""
    copy = tmp_path / "data"
    shutil.copytree(root, copy)
    table = pd.read_csv(copy / "trainLabels.csv")
    people = table["image"].str.rsplit("_", n=1).str
    for name in sorted(copy.rglob("*_left.*")) + sorted(copy.rglob("*_right.*")):
        person, _, rest = name.name.partition("_")
        if person in rename and "mask" not in str(name):
            name.rename(name.with_name(f"{rename[person]}_{rest}"))
    table["level"] = [(grades or {}).get(p, g) for p, g in zip(people[0], table["level"], strict=True)]
    table["image"] = [f"{rename.get(p, p)}_{e}" for p, e in zip(people[0], people[1], strict=True)]
    table.to_csv(copy / "trainLabels.csv", index=False)
    return copy


def people_of(root: Path) -> list[str]:
    return sorted(set(pd.read_csv(root / "trainLabels.csv", dtype=str)["image"].str.rsplit("_", n=1).str[0]))


def test_people_called_na_or_null_stay_who_they_are(tmp_path: Path, phantom_root: Path) -> None:
    names = people_of(phantom_root)
    root = labelled(phantom_root, tmp_path, {names[0]: "NA", names[1]: "null"})
    result = cross_validate(experiment(root), tmp_path / "runs", Reporter(), folds=3)
    table = pd.read_csv(result.folder / "out_of_fold.csv", dtype=str, keep_default_na=False)
    assert {"NA", "null"} <= set(table["patient_id"])
    assert result.repeats[0]["quadratic_kappa"].n_people == table["patient_id"].nunique() > 20


def test_labels_that_change_between_two_calls_are_refused(
    tmp_path: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = labelled(phantom_root, tmp_path, {})
    runs = tmp_path / "runs"
    cross_validate(experiment(root), runs, Reporter(), folds=3)
    shutil.rmtree(runs / "small-3-folds" / "repeat-1-fold-3")
    (root / "trainLabels.csv").unlink()
    labelled(phantom_root, tmp_path / "again", {}, {people_of(phantom_root)[0]: 4})
    shutil.copy(tmp_path / "again" / "data" / "trainLabels.csv", root)
    with pytest.raises(KerasdrError, match=r"labels have changed since .*fold-1 was begun.*: remove .*small-3-folds"):
        cross_validate(experiment(root), runs, Reporter(), folds=3)


def test_a_deal_that_no_fold_can_be_trained_on_is_found_first(
    tmp_path: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr("kerasdr.training.cross_validation.train_in", never)
    root = labelled(phantom_root, tmp_path, {})
    names = people_of(root)
    lefts = [Path(path) for path in read_table("eyepacs", root, {}).table["path"] if "_left" in path]
    assert len(lefts) > len(names) / 2
    for target in lefts[1:]:  # the same bytes for everybody's left eye: no deal can keep them in one part
        target.write_bytes(lefts[0].read_bytes())
    with pytest.raises(KerasdrError, match=r"the same photograph"):
        cross_validate(experiment(root), tmp_path / "runs", Reporter(), folds=3)


def test_configuration_of_an_older_version_is_the_same_where_it_says_the_same(
    tmp_path: Path, judged: CrossValidation, phantom_root: Path
) -> None:
    config = judged.folder / "repeat-1-fold-1" / "config.yaml"
    before = config.read_text()
    lines = [line for line in before.splitlines(keepends=True) if "trunk_end" not in line and "checkpoint:" not in line]
    assert len(lines) < len(before.splitlines())
    config.write_text("".join(lines))
    again = cross_validate(experiment(phantom_root), judged.folder.parent, Reporter(), folds=3, repeats=2)
    config.write_text(before)
    assert again.repeats == judged.repeats
