from pathlib import Path
from typing import Any

import pytest
import yaml

from kerasdr import config
from kerasdr.errors import KerasdrError

RAW: dict[str, Any] = {
    "name": "trial",
    "model": {"trunk": "tiny", "weights": "none", "dropout": 0.4},
    "imaging": {"size": 96},
    "members": [{"name": "a"}, {"name": "b", "model": {"mode": "dual"}, "seed": 7}],
}


def test_members_inherit_sections_and_override_them() -> None:
    a, b = config.resolve(RAW).members
    assert (a.model.mode, b.model.mode) == ("single", "dual")
    assert a.model.dropout == b.model.dropout == 0.4
    assert a.imaging.size == b.imaging.size == 96
    assert (a.seed, b.seed) == (40, 7)


def test_one_member_without_a_list() -> None:
    (member,) = config.resolve({"name": "x", "model": {"trunk": "resnet50"}}).members
    assert member.name == "resnet50"


def test_settings_override_sections_members_and_stages() -> None:
    settings = [
        "model.dropout=0.1",
        "members.b.imaging.size=128",
        "members.0.name=first",
        "stages=[{name: s, epochs: 3, learning_rate: 1e-4}]",
    ]
    first, b = config.resolve(config.override(RAW, settings)).members
    assert (first.name, first.model.dropout, b.model.dropout) == ("first", 0.1, 0.1)
    assert (first.imaging.size, b.imaging.size) == (96, 128)
    assert b.stages[0].learning_rate == 1e-4
    assert RAW["model"]["dropout"] == 0.4  # the original is left alone


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.dropuot=0.1"], r"unknown key members\.0\.model\.dropuot \(did you mean dropout\?\)"),
        (["trainig.batch_size=3"], r"unknown key trainig \(did you mean training\?\)"),
        (["model.dropout=2"], r"model\.dropout: .*less than 1 \(got 2\)"),
        (["data.split={train: 0.5, validation: 0.2, test: 0.2}"], "sum to 1, got 0.9"),
        (["imaging.size"], "--set takes key=value"),
        (["members.c.seed=1"], "no 'c' in that list; it has a, b, 0, 1"),
        (["name.deeper=1"], "name is a value, not a section"),
        (["stages=[{name: s, train: tail}]"], "all, head, after:<block> or from:<layer>, got 'tail'"),
        (["stages=[{name: s, train: 'after:'}]"], "all, head, after:<block> or from:<layer>, got 'after:'"),
        (["stages=[{name: s, train: 'before:stem'}]"], "all, head, after:<block> or from:<layer>, got 'before:stem'"),
        (["model.attention_kernel=8"], r"model\.attention_kernel: .*must be odd.* 7 or 11 \(got 8\)"),
        (["model.attention_kernel=-1"], r"attention_kernel: .*greater than or equal to 1"),
        (["stages=[{name: s, cached_features: true}]"], "cached_features needs train: head"),
        (["stages=[{name: s}, {name: s}]"], "each stage needs a name of its own; s is used"),
        (["members.1.name=a"], "each member needs a name of its own; a is used"),
        (["name=../evil"], "name: String should match pattern"),
        (["model={a: [}"], "put it in quotes"),
    ],
)
def test_mistakes_are_explained_in_one_line(settings: list[str], message: str) -> None:
    with pytest.raises(KerasdrError, match=message) as caught:
        config.resolve(config.override(RAW, settings))
    assert "\n" not in str(caught.value)


def test_attention_is_off_unless_asked_for() -> None:
    spec = config.ModelSpec.model_validate({"trunk": "tiny"})  # as in a bundle from before there was attention
    assert (spec.attention, spec.attention_at, spec.attention_kernel, spec.attention_relu) == (
        "none",
        "features",
        7,
        False,
    )
    (stage,) = config.resolve({**RAW, "members": [{}], "stages": [{"train": "after:block1"}]}).members[0].stages
    assert stage.train == "after:block1"


def test_resolved_configuration_reads_back_the_same(tmp_path: Path) -> None:
    experiment = config.resolve(RAW)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml(experiment), encoding="utf-8")
    assert config.load(str(path)) == experiment


@pytest.mark.parametrize("name", ["demo", "eyepacs"])
def test_shipped_experiments_resolve(name: str) -> None:
    assert name in config.shipped_names()
    assert config.load(name).name == name


def test_a_task_is_no_single_experiment() -> None:
    with pytest.raises(KerasdrError, match="task-a is a task of many rows: `kerasdr train task-a` takes it"):
        config.load("task-a")


def test_unknown_name_and_bad_files(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"'dmeo' \(did you mean demo\?\); shipped are .*demo"):
        config.load("dmeo")
    with pytest.raises(KerasdrError, match="No such file"):
        config.load(str(tmp_path / "none.yaml"))
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(KerasdrError, match="YAML mapping"):
        config.load(str(tmp_path / "list.yaml"))
    (tmp_path / "bad.yaml").write_text("a: [\n")
    with pytest.raises(KerasdrError, match="not valid YAML"):
        config.load(str(tmp_path / "bad.yaml"))


def test_bagging_and_boosting_combine_as_they_are_meant_to_unless_told_otherwise() -> None:
    def methods(ensemble: dict[str, Any]) -> tuple[str, ...]:
        return config.resolve({**RAW, "ensemble": ensemble}).ensemble.methods

    assert methods({}) == methods({"training": "independent", "methods": None}) == ("soft", "weighted")
    assert methods({"training": "boosting"}) == ("boosting",)
    assert methods({"training": "bagging", "methods": ["bagging", "soft"]}) == ("bagging", "soft")


def test_cached_features_do_not_go_with_attention() -> None:
    stages = [{"name": "head", "train": "head", "cached_features": True}]
    with pytest.raises(KerasdrError, match=r"stage head: cached_features does not go with model\.attention=self"):
        config.resolve({"name": "x", "model": {"attention": "self"}, "stages": stages})


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (["model.mode=dual"], r"'model\.mode=dual' changes nothing, .*: name one, as members\.a\.model\.mode=VALUE"),
        (["stages.fit.epochs=3"], r"there is no 'fit', as no stages are listed there; set what holds for all"),
        (["members.a.stages.fit.epochs=3"], r"there is no 'fit', as no stages are listed there"),
        (["stages=[{name: fit}]", "stages.fit.epochs=3"], r"changes nothing, since every member sets that itself"),
    ],
)
def test_a_setting_that_would_change_nothing_is_refused(tmp_path: Path, settings: list[str], match: str) -> None:
    members = [{"name": name, "model": {"mode": "single"}} for name in "ab"]
    if settings[0].startswith("stages=["):
        members = [{**member, "stages": [{"name": "own"}]} for member in members]
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump({**RAW, "members": members}))
    with pytest.raises(KerasdrError, match=match):
        config.load(str(path), settings)


def test_a_setting_that_some_member_hears_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(RAW))
    a, b = config.load(str(path), ["model.mode=single", "training.batch_size=3"]).members
    assert (a.model.mode, b.model.mode, a.training.batch_size, b.training.batch_size) == ("single", "dual", 3, 3)
    # What was a default that nobody heard is one that all hear, once the members are others.
    members = config.load(str(path), ["members=[{name: c}]", "model={mode: dual}", "model.trunk=tiny"]).members
    assert [(member.name, member.model.mode) for member in members] == [("c", "dual")]


def test_a_wrong_key_of_a_member_is_all_that_is_said() -> None:
    with pytest.raises(KerasdrError) as caught:
        config.resolve({"name": "x", "training": {"epochs": 3}})
    assert str(caught.value) == "configuration: unknown key members.0.training.epochs (did you mean epochs?)"
    with pytest.raises(KerasdrError, match=r"members\.0\.stages: Tuple should have at least 1 item"):
        config.resolve({"name": "x", "stages": []})


def test_calibration_has_a_target_and_a_coverage(tmp_path: Path) -> None:
    usual = config.resolve(RAW).calibration
    assert (usual.method, usual.target.figure, usual.target.value, usual.coverage) == ("auto", "sensitivity", 0.9, 0.9)
    settings = ["calibration.method=vector", "calibration.target.specificity=0.95", "calibration.coverage=0.8"]
    asked = config.resolve(config.override(RAW, settings))
    target = asked.calibration.target
    assert (asked.calibration.method, target.figure, target.value) == ("vector", "specificity", 0.95)
    (tmp_path / "x.yaml").write_text(config.to_yaml(asked))
    assert config.load(str(tmp_path / "x.yaml")) == asked


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["calibration.target={sensitivity: 0.9, specificity: 0.9}"], "name sensitivity or specificity, not both"),
        (["calibration.target.sensitivity=1"], r"calibration\.target\.sensitivity: .*less than 1"),
        (["calibration.coverage=1"], r"calibration\.coverage: .*less than 1"),
        (["calibration.coverage=0.2"], r"calibration\.coverage: .*greater than or equal to 0.5"),
        (["calibration.method=platt"], r"calibration\.method.*'none', 'temperature', 'vector' or 'isotonic'"),
        (["calibration.targt={}"], r"unknown key calibration\.targt \(did you mean target\?\)"),
    ],
)
def test_calibration_that_makes_no_sense(settings: list[str], message: str) -> None:
    with pytest.raises(KerasdrError, match=message):
        config.resolve(config.override(RAW, settings))
