"""XLA: who is trained with it, what a run keeps of that, and that the compiled step is the same step."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import Experiment, MemberConfig, load, resolve
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, registry
from kerasdr.reporting import Reporter
from kerasdr.training import stage as stage_module
from kerasdr.training.backend import fix_order_of_sums
from kerasdr.training.checks import check_design
from kerasdr.training.continued import require_same_configuration, train_in
from kerasdr.training.member import fit_member
from kerasdr.training.samples import Samples
from kerasdr.training.stage import training_model
from kerasdr.training.xla import WORTH, XLATraining, as_chosen_before, choose_xla, uses_xla

SIZE = 32
XLA = {"jit_compile": True, "deterministic": False}


def experiment(training: dict[str, Any], **raw: Any) -> Experiment:
    model = {"trunk": "tiny", "weights": "none", "head_units": [8], "dropout": 0.0}
    content = {"name": "x", "model": model, "imaging": {"size": SIZE}, "members": [{"name": "one"}], **raw}
    return resolve({**content, "training": {"batch_size": 4, **training}})


def member(training: dict[str, Any], **raw: Any) -> MemberConfig:
    return experiment(training, **raw).members[0]


@pytest.mark.parametrize(
    ("speed", "training", "expected"),
    [
        (2.0, {}, False),  # repeatable sums are the default, and XLA does not go with them
        (2.0, {"deterministic": False}, True),
        (WORTH - 0.01, {"deterministic": False}, False),
        (None, {"deterministic": False}, False),
        (2.0, {"deterministic": False, "jit_compile": False}, False),
        (None, XLA, True),
    ],
)
def test_auto_is_what_was_measured_of_the_trunk(
    speed: float | None, training: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.XLA_SPEEDS, "tiny", speed)
    assert uses_xla(member(training)) is expected
    assert choose_xla(experiment(training)).members[0].training.jit_compile is expected


def test_a_trunk_that_nobody_measured_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    registry.register_trunk("new", normalization="unit")(registry.get_trunk("tiny").build)
    assert registry.get_trunk("new").xla is None
    assert not uses_xla(member({"deterministic": False}, model={"trunk": "new", "weights": "none"}))


def test_speeds_are_of_trunks_that_there_are() -> None:
    assert set(registry.XLA_SPEEDS) <= set(registry.trunk_names())
    for name, speed in registry.XLA_SPEEDS.items():
        assert registry.get_trunk(name).xla == speed


def test_xla_with_repeatable_sums_is_refused() -> None:
    said = (
        "^member one: training.jit_compile=true does not go with training.deterministic=true, .*: set jit_compile to false, "
        "or deterministic to false$"
    )
    with pytest.raises(KerasdrError, match=said):
        check_design(experiment({"jit_compile": True}))
    check_design(experiment(XLA))
    with pytest.raises(
        KerasdrError, match=r"training\.jit_compile: Input should be 'auto', True or False \(got 'yes'\)"
    ):
        experiment({"jit_compile": "yes"})


def test_a_run_is_gone_on_with_as_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.XLA_SPEEDS, "tiny", 2.0)
    asked = experiment({"deterministic": False})
    begun = choose_xla(asked)
    monkeypatch.setitem(registry.XLA_SPEEDS, "tiny", 0.5)
    assert as_chosen_before(asked, begun) == begun
    # What was asked for stays, and so do other differences.
    other = experiment({"deterministic": False, "jit_compile": False})
    assert as_chosen_before(other, begun) == other != begun
    assert as_chosen_before(experiment({"deterministic": False, "batch_size": 5}), begun) != begun
    assert as_chosen_before(experiment({"deterministic": False}, members=[{"name": "two"}]), begun) != begun


@pytest.mark.slow
def test_a_runs_configuration_says_what_was_chosen(
    tmp_path: Path, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small["members"], small["stages"] = [{"name": "one"}], [{"name": "fit", "epochs": 1}]
    given, folder = resolve(small), tmp_path / "runs" / "small" / "one"
    assert given.members[0].training.jit_compile == "auto"
    train_in(folder, given, tmp_path / "runs", Reporter())
    (kept,) = load(str(folder / "config.yaml")).members
    assert kept.training.jit_compile is False
    require_same_configuration(folder, given)
    train_in(folder, given, tmp_path / "runs", Reporter())  # finished: nothing is to be done, and nothing is refused
    small["training"]["jit_compile"] = True
    with pytest.raises(KerasdrError, match="was trained with another configuration"):
        require_same_configuration(folder, resolve(small))


def fitted(training: dict[str, Any], **raw: Any) -> tuple[Any, list[np.ndarray], list[float]]:
    """A training model, the classifier's weights after three steps, and the losses."""
    import keras

    one = member(training, **raw)
    fix_order_of_sums(one.training.deterministic)
    classifier = build_classifier(one.model, SIZE, seed=1)
    model = training_model(classifier, one, 0)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="categorical_crossentropy", jit_compile=False)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    grades, weights = np.eye(5, dtype=np.float32)[:4], np.array([1, 2, 1, 0.5], np.float32)
    losses = [float(model.train_on_batch({"image": images}, grades, sample_weight=weights)) for _ in range(3)]
    return model, classifier.get_weights(), losses


def test_the_compiled_step_is_the_same_step() -> None:
    """Random changes included, which are drawn outside of what is compiled, by the same numbers."""
    plain, expected, losses = fitted({})
    model, weights, compiled_losses = fitted(XLA)
    assert isinstance(model, XLATraining) and not isinstance(plain, XLATraining)
    assert compiled_losses == pytest.approx(losses, rel=1e-3)
    for ours, theirs in zip(weights, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
    off = {"horizontal_flip": False, "vertical_flip": False, "rotation": 0, "zoom": 0, "brightness": 0, "contrast": 0}
    assert fitted({}, augment=off)[2] != pytest.approx(losses, rel=1e-2)  # so the changes do count


def test_the_step_is_compiled_and_the_changes_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step in plain Python is what XLA has no form of: in the changes it may stand, in the network it may not."""
    import keras
    import tensorflow as tf

    @keras.saving.register_keras_serializable(package="tests")
    class InPython(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            y = tf.numpy_function(lambda array: array, [x], x.dtype)
            y.set_shape(x.shape)
            return x + tf.stop_gradient(y - x)

    monkeypatch.setattr(stage_module, "augmentation_layers", lambda *arguments, **named: [InPython()])
    fitted(XLA)

    def head(spec: Any, vector: Any) -> Any:
        return keras.layers.Dense(5, name="logits")(InPython()(vector))

    monkeypatch.setattr("kerasdr.models.classifier.head_layers", head)
    fitted({"deterministic": False, "jit_compile": False})
    with pytest.raises(tf.errors.OpError):
        fitted(XLA)


@pytest.mark.slow
def test_training_with_xla_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same weights but for the order of sums, which nobody promises with XLA."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, SIZE, SIZE, 3), dtype=np.uint8)
    rows = np.arange(8)
    train = Samples(rows, np.full(8, -1), rows % 5, rows.astype(str))
    validation = Samples(rows[:4] + 8, np.full(4, -1), rows[:4], rows[:4].astype(str))
    stages = [{"name": "fit", "epochs": 2, "learning_rate": 1e-3}]
    one = member({**XLA, "checkpoint": "last"}, stages=stages)
    saved, (a, b) = stage_module.save_checkpoint, (tmp_path / "a", tmp_path / "b")
    b.mkdir()

    def save(path: Path, state: Any, *variables: Any) -> None:
        saved(path, state, *variables)
        if path.parent == a and state.epoch == 1:  # what a run that is killed in its second epoch leaves
            shutil.copy(path, b)

    monkeypatch.setattr(stage_module, "save_checkpoint", save)
    fit_member(one, images, train, validation, a, Reporter())
    fit_member(one, images, train, validation, b, Reporter())
    assert len((b / "history.csv").read_text().splitlines()) == 3
    with np.load(a / "weights.npz") as undisturbed, np.load(b / "weights.npz") as resumed:
        for key in undisturbed.files:
            assert resumed[key] == pytest.approx(undisturbed[key], abs=1e-4), key
