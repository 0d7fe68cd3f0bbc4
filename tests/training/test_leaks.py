"""Ten leaks made by hand. Each is refused, or changes a figure that a test looks at, or a spy sees it.

a. A person stands in two parts of an official split: ``test_person_in_two_parts_of_an_official_split`` (and
   ``tests/data/test_splits.py``, for every way to split).
b. The same bytes stand in two parts under two names: ``test_same_bytes_under_two_names``; the same pixels in another file:
   ``test_same_pixels_in_another_file``. Copies that were saved anew are said: ``test_copies.py``.
c. Photographs are dealt out instead of people: ``test_split_by_photograph``.
d. Training or choice reads a label of the test part: ``test_no_label_of_the_test_part_is_read`` (and
   ``tests/ensembles/test_leaks.py``, for the choice alone).
e. Labels of the test part steer training or choice in any way:
   ``test_labels_of_the_test_part_change_nothing_but_its_figures``.
f. A method that is fitted on validation finds something where there is nothing to find:
   ``tests/ensembles/test_leaks.py``, ``test_shuffled_labels_score_nothing_though_members_are_good``.
g. A method that is fitted on validation is judged on the people it was fitted on: ``tests/ensembles/test_leaks.py``,
   ``test_where_there_is_nothing_to_learn_kappa_is_that_of_chance`` and ``test_no_fit_sees_the_people_whom_it_grades``; and
   for calibration ``tests/calibration/test_choosing.py``, ``test_out_of_fold_is_by_maps_that_have_not_seen_the_person``.
h. Folds or bootstraps are of photographs instead of people: ``test_folds_hold_whole_people``,
   ``test_bootstraps_draw_whole_people`` (and ``tests/ensembles/test_leaks.py``, what that would be worth).
i. A training starts from a network that was trained on its test part: ``test_weights_that_have_seen_the_test_part``,
   ``test_probe_of_weights_that_have_seen_who_is_judged`` (and ``test_weights_source.py``, in all its forms).
j. What belongs to training reaches the others: ``test_standardisation_knows_training_people_alone``,
   ``test_photographs_are_prepared_one_by_one``, ``test_validation_sees_photographs_as_they_are``.
k. The test part is opened twice (also ``test_openings.py``), for a method that was not chosen, or on other data:
   ``test_the_first_answer_is_kept``, ``test_test_part_that_has_changed_is_not_opened``, and the end of e.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest

from kerasdr.config import Experiment, resolve
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.readers import read_table
from kerasdr.data.splits import split_by_person
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.reporting import Reporter
from kerasdr.training import experiment as experiment_module
from kerasdr.training import members as members_module
from kerasdr.training import probe as probe_module
from kerasdr.training.event_files import read_scalars
from kerasdr.training.experiment import train
from kerasdr.training.held_out import open_test_part
from kerasdr.training.prepared import prepare_table
from kerasdr.training.probe import run_probe
from kerasdr.training.samples import Samples, take_samples

pytestmark = pytest.mark.slow

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
PROBABILITIES = [f"prob_{grade}" for grade in range(5)]


@dataclass(frozen=True)
class Photographs:
    """A data set of one's own, with an official split: copies of phantoms, and the CSV that says what they are."""

    root: Path
    table: pd.DataFrame

    def experiment(self, **changes: Any) -> Experiment:
        """Write the CSV and return an experiment of seconds on it."""
        self.table.to_csv(self.root / "labels.csv", index=False)
        columns = {name: name for name in self.table.columns}
        raw: dict[str, Any] = {
            "name": "small",
            "data": {"layout": "manifest", "root": str(self.root), "options": {"columns": columns}},
            "imaging": {"recipe": "clahe-crop", "size": 48},
            "model": {"trunk": "tiny", "weights": "none", "head_units": [16], "dropout": 0.2},
            "training": {"batch_size": 12},
            "stages": [{"name": "fit", "epochs": 2, "learning_rate": 2e-3}],
            "members": [{"name": "a"}, {"name": "b"}],
        }
        return resolve(raw | changes)

    def changed(self, **columns: Any) -> "Photographs":
        """Return the same with other columns; nothing is written."""
        return Photographs(self.root, self.table.assign(**columns))


def copy_of(phantoms: Path, root: Path) -> Photographs:
    table = split_by_person(read_table("eyepacs", phantoms, {}).table, FRACTIONS, 2)
    table = table[table["split"] != ""].reset_index(drop=True)
    root.mkdir()
    names = [Path(shutil.copy(path, root)).name for path in table["path"]]
    return Photographs(root, table.assign(path=names))


@pytest.fixture
def photographs(phantom_root: Path, tmp_path: Path) -> Photographs:
    return copy_of(phantom_root, tmp_path / "photographs")


def rows_of(table: pd.DataFrame, split: str) -> list[int]:
    return np.flatnonzero(table["split"] == split).tolist()


def refused(photographs: Photographs, tmp_path: Path, words: str, **changes: Any) -> None:
    with pytest.raises(KerasdrError, match=words):
        train(photographs.experiment(**changes), tmp_path / "runs", Reporter())
    assert not list((tmp_path / "runs").rglob("*.yaml")), "a leak is refused before a run is begun"


# a, b, c: who is where


def test_person_in_two_parts_of_an_official_split(photographs: Photographs, tmp_path: Path) -> None:
    split = photographs.table["split"].tolist()
    one = rows_of(photographs.table, "train")[0]
    split[one] = "test"  # the other eye stays
    refused(photographs.changed(split=split), tmp_path, "the split leaks: the same person is in")


def test_same_bytes_under_two_names(photographs: Photographs, tmp_path: Path) -> None:
    table = photographs.table
    taught, asked = (table["path"][rows_of(table, split)[0]] for split in ("train", "test"))
    shutil.copy(photographs.root / taught, photographs.root / asked)
    refused(photographs, tmp_path, "the split leaks: the same photograph is in")


def test_same_pixels_in_another_file(photographs: Photographs, tmp_path: Path) -> None:
    table = photographs.table
    taught, asked = (table["path"][rows_of(table, split)[0]] for split in ("train", "test"))
    # A comment in a JPEG (marker 0xFFFE) changes its bytes and not its picture.
    whole = (photographs.root / taught).read_bytes()
    (photographs.root / asked).write_bytes(whole[:2] + b"\xff\xfe\x00\x06mine" + whole[2:])
    refused(photographs, tmp_path, r"the same photograph \(another file of the same pixels\) is in")


def test_split_by_photograph(photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_photograph(table: pd.DataFrame, fractions: Any, seed: int) -> pd.DataFrame:
        parts = np.random.default_rng(seed).choice(list(FRACTIONS), len(table), p=list(FRACTIONS.values()))
        return table.assign(split=pd.Series(parts, dtype="str"))

    monkeypatch.setattr("kerasdr.training.dataset.split_by_person", by_photograph)
    refused(photographs, tmp_path, "the split leaks: the same person is in")


# d, i, j, k: one run, trained while all labels of its test part are sealed


class SealedLabel:
    """A grade that nobody may look at."""

    def _touched(self, *others: Any) -> NoReturn:
        raise AssertionError("a label of the test part was read")

    __int__ = __index__ = __float__ = __bool__ = __str__ = __repr__ = __hash__ = _touched  # type: ignore[assignment]
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _touched  # type: ignore[assignment]


def seal(table: pd.DataFrame) -> None:
    test = (table["split"] == "test").tolist()
    grades = [SealedLabel() if sealed else grade for grade, sealed in zip(table["grade"], test, strict=True)]
    table["grade"] = pd.Series(grades, dtype=object)


@dataclass(frozen=True)
class SealedRun:
    folder: Path
    photographs: Photographs
    table: pd.DataFrame = field(repr=False)  # as training had it, with its seals


@pytest.fixture(scope="module")
def sealed(phantom_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SealedRun]:
    work = tmp_path_factory.mktemp("sealed")
    photographs = copy_of(phantom_root, work / "photographs")
    note, seen = experiment_module._note_data, []

    def note_and_seal(data: Any, *rest: Any) -> None:
        # Counting grades and taking the fingerprint of the data are done by here; networks and choice are to come.
        note(data, *rest)
        seal(data.table)
        seen.append(data.table)

    changes = {
        "augment": {"brightness": 1.0, "rotation": 90, "zoom": 0.5},
        "training": {"batch_size": 12, "class_weights": "none"},
        "ensemble": {"methods": ["soft", "hard", "weighted", "stacking"]},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment_module, "_note_data", note_and_seal)
        run = train(photographs.experiment(**changes), work / "runs", Reporter()).run
    yield SealedRun(run, photographs, seen[0])


def test_no_label_of_the_test_part_is_read(sealed: SealedRun) -> None:
    choice = json.loads((sealed.folder / "metrics.json").read_text())["choice"]
    assert set(choice["specs"]) == {"soft", "hard", "weighted", "stacking"}, "all was done that training does"
    # The seals were there, and hold.
    member = sealed.photographs.experiment().members[0]
    usable = np.ones(len(sealed.table), bool)
    assert len(take_samples(sealed.table, usable, "validation", member, "eye")) > 0
    for read in (
        lambda: take_samples(sealed.table, usable, "test", member, "eye"),
        lambda: (sealed.table["grade"] == 2).sum(),
        lambda: sealed.table["grade"].max(),
    ):
        with pytest.raises(AssertionError, match="a label of the test part was read"):
            read()


def test_validation_sees_photographs_as_they_are(sealed: SealedRun) -> None:
    """What chose the checkpoint is what the network says of photographs without random changes."""
    for member in ("a", "b"):
        folder = sealed.folder / "members" / member
        history = pd.read_csv(folder / "history.csv")
        best = history.sort_values(["val_quadratic_kappa", "val_loss"], ascending=[False, True]).iloc[0]
        said = pd.read_csv(folder / "predictions_validation.csv")
        of_truth = said[PROBABILITIES].to_numpy()[np.arange(len(said)), said["grade"]]
        assert best["val_loss"] == pytest.approx(-np.log(of_truth).mean(), rel=1e-3)
        assert best["val_quadratic_kappa"] == pytest.approx(quadratic_kappa(said["grade"], said["predicted"]))


def other_split(table: pd.DataFrame) -> list[str]:
    """Training and test change places."""
    return table["split"].replace({"train": "test", "test": "train"}).tolist()


def test_weights_that_have_seen_the_test_part(sealed: SealedRun, tmp_path: Path) -> None:
    weights = sealed.folder / "members" / "a" / "weights.npz"
    model = {"trunk": "tiny", "weights": str(weights), "head_units": [16]}
    moved = sealed.photographs.changed(split=other_split(sealed.photographs.table))
    refused(moved, tmp_path, "was trained on the photograph .* of this run's test part", model=model)
    # Under other names, in another folder, for other people: bytes are bytes.
    strangers = [f"{number}" for number in pd.factorize(moved.table["patient_id"])[0]]
    renamed = copy_under_other_names(moved.changed(patient_id=strangers), tmp_path / "renamed")
    refused(renamed, tmp_path, "was trained on the photograph .* of this run's test part", model=model)


def copy_under_other_names(photographs: Photographs, root: Path) -> Photographs:
    root.mkdir()
    names = [f"photograph-{number}.jpeg" for number in range(len(photographs.table))]
    for old, new in zip(photographs.table["path"], names, strict=True):
        shutil.copy(photographs.root / old, root / new)
    return Photographs(root, photographs.table.assign(path=names, image_id=names))


def test_probe_of_weights_that_have_seen_who_is_judged(sealed: SealedRun, tmp_path: Path) -> None:
    weights = sealed.folder / "members" / "a" / "weights.npz"
    config = sealed.photographs.experiment(model={"trunk": "tiny", "weights": str(weights)})
    with pytest.raises(KerasdrError, match="was trained on the photograph"):
        run_probe(config, tmp_path / "runs", Reporter(), folds=3)
    held_out = run_probe(config, tmp_path / "runs", Reporter(), folds=None)  # fitted and judged on that run's own parts
    assert held_out["accuracy"].n_people > 0


def test_the_first_answer_is_kept(sealed: SealedRun, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small" / "copy"
    shutil.copytree(sealed.folder, run)
    sealed.photographs.experiment()
    first = open_test_part(run, Reporter())
    kept = (run / "metrics_test.json").read_bytes()
    # Whatever becomes of model, method and data, there is no second try.
    shutil.rmtree(run / "bundle")
    changed = sealed.photographs.changed(grade=0)
    changed.experiment()
    again = open_test_part(run, Reporter())
    assert again.metrics == first.metrics
    assert (run / "metrics_test.json").read_bytes() == kept


def test_test_part_that_has_changed_is_not_opened(sealed: SealedRun, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "small" / "copy"
    shutil.copytree(sealed.folder, run)
    table = sealed.photographs.table
    row = rows_of(table, "test")[0]
    grades = table["grade"].tolist()
    grades[row] = (grades[row] + 1) % 5
    sealed.photographs.changed(grade=grades).experiment()
    with pytest.raises(KerasdrError, match="the photographs or labels have changed"):
        open_test_part(run, Reporter())
    sealed.photographs.experiment()
    photograph = sealed.photographs.root / table["path"][row]
    whole = photograph.read_bytes()
    try:
        photograph.write_bytes(whole + b"\0")
        with pytest.raises(KerasdrError, match="the photographs or labels have changed"):
            open_test_part(run, Reporter())
    finally:
        photograph.write_bytes(whole)
    assert not (run / "metrics_test.json").exists()
    assert open_test_part(run, Reporter()).photographs > 0


# e and k: labels of the test part that speak for another method


def test_labels_of_the_test_part_change_nothing_but_its_figures(photographs: Photographs, tmp_path: Path) -> None:
    ensemble = {"methods": ["soft", "hard", "weighted", "stacking"]}

    def run_of(name: str, data: Photographs) -> tuple[Path, str, Any]:
        folder = tmp_path / name / "runs" / "small" / "one"
        choice = train(data.experiment(ensemble=ensemble), folder.parents[1], Reporter(), folder=folder).choice
        return folder, choice.spec.method, open_test_part(folder, Reporter())

    before, chosen, figures = run_of("before", photographs)
    said = {
        name: pd.read_csv(before / f"predictions_test_{name}.csv", dtype={"image_id": str}) for name in choices(before)
    }
    others = [name for name in said if (said[name]["predicted"] != said[chosen]["predicted"]).any()]
    assert others, "or the labels below could not speak for anybody"
    other = others[0]
    wishes = dict(zip(said[other]["image_id"], said[other]["predicted"], strict=True))
    table = photographs.table
    grades = [wishes.get(name, grade) for name, grade in zip(table["image_id"], table["grade"], strict=True)]
    after, still_chosen, wished = run_of("after", photographs.changed(grade=grades))

    # The other method is never wrong now, and is not chosen for it.
    assert wished.methods[other].get("accuracy").value == 1.0
    assert still_chosen == chosen
    graded, by_method = (pd.read_csv(after / f"predictions_test{end}.csv") for end in ("", f"_{chosen}"))
    assert (graded[[f"prob_raw_{grade}" for grade in range(5)]].to_numpy() == by_method[PROBABILITIES].to_numpy()).all()
    assert wished.metrics != figures.metrics
    assert wished.metrics["accuracy"].value < 1.0
    told = {
        "data.json",
        "train.log",
        "metrics_test.json",
        "openings.jsonl",
        "reliability_test.png",
    }  # that they differ is what these are for
    for path in sorted(path.relative_to(before) for path in before.rglob("*") if path.is_file()):
        if path.name in told:
            assert (before / path).read_bytes() != (after / path).read_bytes()
        elif path.name.startswith("predictions_test"):
            columns = ["image_id", *PROBABILITIES]
            assert pd.read_csv(before / path)[columns].equals(pd.read_csv(after / path)[columns])
        elif path.name == "environment.json":  # which also says when training began
            one, other_one = (json.loads((run / path).read_text()) for run in (before, after))
            assert {**one, "begun": ""} == {**other_one, "begun": ""}
        elif path.name == "manifest.json":  # whose card counts the grades of each part
            one, other_one = (without_counts(json.loads((run / path).read_text())) for run in (before, after))
            assert one == other_one
        elif path.name == "SHA256SUMS":  # of the manifest too
            assert sums_but_the_manifest(before / path) == sums_but_the_manifest(after / path) != []
        elif path.parts[0] != "tensorboard":  # whose files have the time in their names
            assert (before / path).read_bytes() == (after / path).read_bytes(), path
    members = [folder.name for folder in (before / "tensorboard").iterdir()]
    assert members
    for place in (f"tensorboard/{member}" for member in members):
        for part in ("train", "validation"):
            assert read_scalars(before / place, part) == read_scalars(after / place, part) != []


def without_counts(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest less the time, and less what its card says of the test part and of the labels as a whole."""
    about = manifest["about"]
    parts = {name: counts for name, counts in about["parts"].items() if name != "test"}
    told = {"begun", "written", "data_sha256", "photographs_sha256"}
    assert told < set(about) and set(about["parts"]) - set(parts) == {"test"}
    return {**manifest, "about": {**{key: about[key] for key in set(about) - told}, "parts": parts}}


def sums_but_the_manifest(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.endswith("  manifest.json")]


def choices(run: Path) -> list[str]:
    return list(json.loads((run / "metrics.json").read_text())["choice"]["specs"])


# h: people are the unit


def fake_fit(monkeypatch: pytest.MonkeyPatch) -> list[Samples]:
    """Let members be guesses; returns the list of what each is fitted on."""
    random, seen = np.random.default_rng(0), []

    def fit(
        member: Any, images: Any, train: Samples, validation: Samples, folder: Path, *rest: Any
    ) -> list[np.ndarray]:
        seen.append(train)
        folder.mkdir(parents=True)
        np.savez(folder / "weights.npz", **{"0000:a": np.zeros(1, np.float32)})
        row = {"epoch": 1, "stage": "fit", "loss": 1.0, "accuracy": 0.1}
        row |= {"val_loss": 1.0, "val_accuracy": 0.1, "val_quadratic_kappa": 0.0}
        pd.DataFrame([row]).to_csv(folder / "history.csv", index=False)
        return [random.dirichlet(np.ones(5), len(validation))]

    monkeypatch.setattr(members_module, "fit_member", fit)
    return seen


def test_folds_hold_whole_people(photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_fit(monkeypatch)
    # The package's attribute of the first name is the function.
    modules = [import_module(name) for name in ("kerasdr.ensembles.choose", "kerasdr.calibration.choosing")]
    deal, dealt = modules[0].person_folds, []

    def watched(*arguments: Any, **options: Any) -> Any:
        dealt.append(deal(*arguments, **options))
        return dealt[-1]

    for module in modules:
        monkeypatch.setattr(module, "person_folds", watched)
    run = train(photographs.experiment(ensemble={"methods": ["soft", "stacking"]}), tmp_path / "runs", Reporter()).run
    assert len(dealt) == len(modules)
    judged = pd.read_csv(run / "predictions_validation.csv", dtype=str)
    assert judged["patient_id"].nunique() < len(judged), "or people would be photographs"
    for folds in dealt:
        assert pd.Series(folds).groupby(judged["patient_id"]).nunique().max() == 1


def test_bootstraps_draw_whole_people(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted_on = fake_fit(monkeypatch)
    run = train(photographs.experiment(ensemble={"training": "bagging"}), tmp_path / "runs", Reporter()).run
    left_out = pd.read_csv(run / "left_out.csv")["image_id"]
    table = photographs.table[~photographs.table["image_id"].isin(left_out)]
    assert len(fitted_on) == 2
    for samples in fitted_on:
        assert (table["split"].loc[samples.rows] == "train").all()
        counts = pd.Series(samples.rows).value_counts().reindex(table.index[table["split"] == "train"], fill_value=0)
        times = counts.groupby(table["patient_id"])
        assert counts.max() > 1 and counts.min() == 0
        assert (times.nunique() == 1).all()


# j: what belongs to training


def test_photographs_are_prepared_one_by_one(photographs: Photographs, tmp_path: Path) -> None:
    table = photographs.table.assign(path=[str(photographs.root / name) for name in photographs.table["path"]])
    imaging = photographs.experiment().members[0].imaging
    together = prepare_table(table, photograph_digests(table), imaging, tmp_path / "together")
    for split in FRACTIONS:
        part = table[table["split"] == split]
        alone = prepare_table(part, photograph_digests(part), imaging, tmp_path / split)
        assert np.array_equal(alone.images, together.images[part.index])


def test_standardisation_knows_training_people_alone(
    photographs: Photographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = photographs.table
    features = np.random.default_rng(0).normal(size=(len(table), 8)).astype(np.float32)
    features[:, 0] += table["grade"].to_numpy(float)
    judged: list[np.ndarray] = []
    monkeypatch.setattr(probe_module, "pooled_features", lambda *_: features)
    monkeypatch.setattr(probe_module, "grade_metrics", lambda grades, said, *_, **__: judged.append(said))

    def probe() -> np.ndarray:
        run_probe(photographs.experiment(), tmp_path / "runs", Reporter(), folds=None)
        return judged[-1]

    before = probe()
    one, *others = rows_of(table, "test")
    features[one] += 1000
    after = probe()
    assert len(after) == 1 + len(others)
    assert np.array_equal(after[1:], before[1:]) and not np.array_equal(after[0], before[0])
    features[rows_of(table, "train")[0]] += 1000
    assert not np.array_equal(probe()[1:], before[1:]), "features must matter, or the test could not fail"
