from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, get_weights, register_trunk, set_trainable, set_weights
from kerasdr.models.head_norm import HeadNormalization
from kerasdr.models.registry import _BUILDERS

SIZE = 48


def spec(**changes: Any) -> ModelSpec:
    return ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16, 8), **changes})


def predicted(model: keras.Model, inputs: Any) -> Any:
    """Call a model as it is, which takes less time than ``predict`` takes to compile it."""
    outputs = model(inputs, training=False)
    return [np.asarray(value) for value in outputs] if isinstance(outputs, list) else np.asarray(outputs)


def photographs(seed: int, n: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (n, SIZE, SIZE, 3)).astype(np.float32)


def dual_inputs(present: list[int]) -> dict[str, np.ndarray]:
    present_column = np.array(present, np.float32)[:, None]
    return {
        "image": photographs(1, len(present)),
        "partner": photographs(2, len(present)),
        "partner_present": present_column,
    }


def test_single_classifier_gives_probabilities() -> None:
    model = build_classifier(spec(), SIZE, seed=1)
    p = predicted(model, {"image": photographs(1)})
    assert p.shape == (3, 5)
    assert p.sum(axis=1) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_graph_is_flat_and_named(shared: bool) -> None:
    model = build_classifier(spec(mode="dual", shared_branches=shared), SIZE, seed=1)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    names = [layer.name for layer in model.layers]
    assert {"features", "pooled", "partner_masked", "hidden_1", "hidden_2", "logits", "probabilities"} <= set(names)
    assert ("partner_block1_conv" in names) is not shared
    assert sorted(tensor.name for tensor in model.inputs) == ["image", "partner", "partner_present"]


def test_branches_of_their_own_start_from_the_same_weights_and_then_differ() -> None:
    model = build_classifier(spec(mode="dual", shared_branches=False), SIZE, seed=1)
    own, other = (model.get_layer(name) for name in ("block1_conv", "partner_block1_conv"))
    assert (np.asarray(own.kernel) == np.asarray(other.kernel)).all()
    own.kernel.assign(own.kernel * 2)
    assert not (np.asarray(own.kernel) == np.asarray(other.kernel)).all()


def test_absent_partner_is_masked() -> None:
    model = build_classifier(spec(mode="dual"), SIZE, seed=1)
    inputs = dual_inputs([1, 0, 0])
    p = predicted(model, inputs)
    inputs["partner"] = photographs(9)
    changed = predicted(model, inputs)
    assert np.abs(changed[0] - p[0]).max() > 1e-6
    assert changed[1:] == pytest.approx(p[1:], abs=1e-7)


def test_image_and_partner_have_different_parts() -> None:
    model = build_classifier(spec(mode="dual"), SIZE, seed=1)
    inputs = dual_inputs([1, 1])
    swapped = {**inputs, "image": inputs["partner"], "partner": inputs["image"]}
    assert np.abs(predicted(model, inputs) - predicted(model, swapped)).max() > 1e-5


def test_features_are_pooled_by_their_mean() -> None:
    model = build_classifier(spec(), SIZE, seed=1)
    both = keras.Model(model.inputs, [model.get_layer("features").output, model.get_layer("pooled").output])
    features, pooled = predicted(both, [photographs(1)])
    assert pooled == pytest.approx(features.mean(axis=(1, 2)), abs=1e-5)


def test_same_seed_same_network() -> None:
    first, again, other = (build_classifier(spec(), SIZE, seed=seed) for seed in (3, 3, 4))
    x = {"image": photographs(1)}
    assert (predicted(first, x) == predicted(again, x)).all()
    assert np.abs(predicted(first, x) - predicted(other, x)).max() > 1e-4


@pytest.mark.parametrize("changes", [{}, {"mode": "dual", "shared_branches": False}, {"head": "linear"}])
def test_weights_travel_as_arrays(changes: dict[str, Any]) -> None:
    model, other = (build_classifier(spec(**changes), SIZE, seed=seed) for seed in (1, 2))
    arrays = get_weights(model)
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    set_weights(other, dict(reversed(arrays.items())))  # order in the mapping says nothing
    x = dual_inputs([1, 0]) if changes.get("mode") else {"image": photographs(1)}
    assert (predicted(model, x) == predicted(other, x)).all()


def test_weights_of_another_network_are_refused() -> None:
    arrays = get_weights(build_classifier(spec(), SIZE, seed=1))
    before = build_classifier(spec(head_units=(8, 8)), SIZE, seed=1)
    kept = get_weights(before)
    with pytest.raises(KerasdrError, match=r"hidden_1/kernel.*\(128, 16\).*\(128, 8\)"):
        set_weights(before, arrays)
    assert all((kept[name] == value).all() for name, value in get_weights(before).items())
    with pytest.raises(KerasdrError, match=r"network has .* arrays, the file"):
        set_weights(build_classifier(spec(head="linear"), SIZE), arrays)


@pytest.mark.parametrize(
    ("attention", "changes"),
    [
        ("spatial", {}),
        ("channel", {"mode": "dual"}),
        ("self", {}),
        ("cbam", {"mode": "dual", "shared_branches": False}),
    ],
)
def test_attention_stands_between_trunk_and_pooling(attention: str, changes: dict[str, Any]) -> None:
    model = build_classifier(spec(attention=attention, **changes), SIZE, seed=1)
    names = [layer.name for layer in model.layers]
    assert ("partner_attention" in names) is (changes.get("shared_branches") is False)
    layer = model.get_layer("attention")
    inputs = dual_inputs([1, 0]) if changes else {"image": photographs(1)}
    parts = ["block5_relu", "features"]
    given, features = predicted(keras.Model(model.input, [model.get_layer(name).output for name in parts]), inputs)
    assert features == pytest.approx(np.asarray(layer(given)), abs=1e-5)


def test_attention_of_branches_of_their_own_starts_alike_and_then_differs() -> None:
    model = build_classifier(spec(attention="cbam", mode="dual", shared_branches=False), SIZE, seed=1)
    own, other = (model.get_layer(name) for name in ("attention", "partner_attention"))
    assert all((a == b).all() for a, b in zip(own.get_weights(), other.get_weights(), strict=True))
    own.spatial.convolution.kernel.assign(own.spatial.convolution.kernel * 2)
    assert not (np.asarray(own.spatial.convolution.kernel) == np.asarray(other.spatial.convolution.kernel)).all()


@pytest.mark.parametrize("changes", [{}, {"mode": "dual"}, {"mode": "dual", "shared_branches": False}], ids=str)
def test_attention_inside_the_trunk(changes: dict[str, Any]) -> None:
    model = build_classifier(spec(attention="channel", attention_at="block3_pool", **changes), SIZE, seed=1)
    inputs = dual_inputs([1, 0]) if changes else {"image": photographs(1)}
    layers = [model.get_layer(name) for name in ("block3_pool", "block4_conv")]
    before, after = predicted(keras.Model(model.input, [layer.output for layer in layers]), inputs)
    assert after == pytest.approx(np.asarray(layers[1](model.get_layer("attention")(before))), abs=1e-5)
    if changes.get("shared_branches") is False:
        assert model.get_layer("partner_attention").input is model.get_layer("partner_block3_pool").output


def test_places_of_attention_are_listed() -> None:
    names = r"\(did you mean block3_pool\?\); take features or for instance block1_pool, block2_pool, .*block5_relu$"
    with pytest.raises(
        KerasdrError, match=rf"'block3_pol' names no layer of trunk tiny that gives a map {names}"
    ) as caught:
        build_classifier(spec(attention="self", attention_at="block3_pol"), SIZE)
    assert "\n" not in str(caught.value)
    with pytest.raises(KerasdrError, match="no attention is called 'selfie'"):
        build_classifier(spec(attention="selfie"), SIZE)
    build_classifier(spec(attention_at="anywhere"), SIZE)  # without attention there is no place to be wrong about


def test_a_layer_that_keras_has_numbered_is_no_place() -> None:
    """Such a name counts through the process, so it would mean another layer next time."""
    numbered = []

    @register_trunk("half-named", normalization="unit")
    def build(size: int) -> keras.Model:
        inputs = keras.Input((size, size, 3))
        numbered.append(keras.layers.Conv2D(4, 3))
        return keras.Model(inputs, keras.layers.ReLU(name="last")(numbered[-1](inputs)))

    try:
        build(32)
        with pytest.raises(
            KerasdrError, match=r"no layer of trunk half-named that gives a map.*; take features or for instance last$"
        ):
            build_classifier(spec(trunk="half-named", attention="self", attention_at=numbered[0].name), 32)
        build_classifier(spec(trunk="half-named", attention="self", attention_at="last"), 32)
    finally:
        _BUILDERS.pop("half-named")


@pytest.mark.parametrize("attention", ["self", "cbam"])
def test_attention_travels_as_arrays_and_as_a_keras_file(attention: str, tmp_path: Path) -> None:
    changes = {"attention": attention, "attention_kernel": 11, "mode": "dual", "shared_branches": False}
    model, other = (build_classifier(spec(**changes), SIZE, seed=seed) for seed in (1, 2))
    for layer in (model.get_layer("attention"), model.get_layer("partner_attention")):
        layer.set_weights([weight + 0.3 for weight in layer.get_weights()])
    arrays = get_weights(model)
    set_weights(other, arrays)
    x = dual_inputs([1, 0])
    assert (predicted(model, x) == predicted(other, x)).all()
    model.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    assert predicted(loaded, x) == pytest.approx(predicted(model, x), abs=1e-6)


def test_configurations_from_before_attention_build_the_same_network() -> None:
    old = ModelSpec.model_validate({"trunk": "tiny", "weights": "none", "head_units": [16, 8]})
    model = build_classifier(old, SIZE, seed=1)
    set_weights(model, get_weights(build_classifier(spec(), SIZE, seed=1)))
    assert not any("attention" in weight.path for weight in model.weights)


def test_trunk_is_cut_after_a_layer() -> None:
    model = build_classifier(spec(trunk_end="block2_relu"), SIZE, seed=1)
    names = [layer.name for layer in model.layers]
    assert "block2_relu" in names and "block2_pool" not in names and "block3_conv" not in names
    x = {"image": photographs(1)}
    whole = build_classifier(spec(), SIZE, seed=1)
    expected = keras.Model(whole.inputs, whole.get_layer("block2_relu").output).predict_on_batch(x)
    features = keras.Model(model.inputs, model.get_layer("features").output).predict_on_batch(x)
    assert (features == expected).all() and features.shape == (3, SIZE // 2, SIZE // 2, 32)


def test_trunk_ends_are_listed() -> None:
    with pytest.raises(KerasdrError, match=r"model.trunk_end='block2_pol' names no layer .*did you mean block2_pool"):
        build_classifier(spec(trunk_end="block2_pol"), SIZE)


def test_a_cut_trunk_starts_from_whole_files_and_from_runs_that_were_cut_alike(tmp_path: Path) -> None:
    cut = build_classifier(spec(trunk_end="block3_pool"), SIZE, seed=1)
    np.savez(tmp_path / "weights.npz", **get_weights(cut))
    again = build_classifier(
        spec(trunk_end="block3_pool", weights=str(tmp_path / "weights.npz")), SIZE, initial_weights=True, seed=2
    )
    assert (np.asarray(again.get_layer("block3_conv").kernel) == np.asarray(cut.get_layer("block3_conv").kernel)).all()
    with pytest.raises(KerasdrError, match=r"does not fit trunk tiny.* trained with a model\.trunk_end, give the same"):
        build_classifier(spec(weights=str(tmp_path / "weights.npz")), SIZE, initial_weights=True)
    whole = build_classifier(spec(), SIZE, seed=3)
    np.savez(tmp_path / "whole.npz", **get_weights(whole))
    shorter = build_classifier(
        spec(trunk_end="block3_pool", weights=str(tmp_path / "whole.npz")), SIZE, initial_weights=True, seed=2
    )
    assert (
        np.asarray(shorter.get_layer("block3_conv").kernel) == np.asarray(whole.get_layer("block3_conv").kernel)
    ).all()


@pytest.mark.parametrize("shared", [True, False])
def test_head_normalisation_in_front_of_the_mask(shared: bool) -> None:
    """An absent partner is an average partner, and what stands in its place does not move the statistics."""
    model = build_classifier(spec(mode="dual", shared_branches=shared, head_norm=True), SIZE, seed=1)
    set_trainable(model, "head")  # the trunk's own normalisation sees absent partners, as any black photograph
    norm = model.get_layer("head_norm" if shared else "partner_head_norm")
    x = dual_inputs([1, 0, 1])
    twin = {**x, "partner": x["partner"].copy()}
    twin["partner"][1] = 255.0  # the absent one
    before = [weight.copy() for weight in norm.get_weights()]
    model(x, training=True)
    moved = [weight.copy() for weight in norm.get_weights()]
    assert any((a != b).any() for a, b in zip(before, moved, strict=True))
    norm.set_weights(before)
    model(twin, training=True)
    for a, b in zip(moved, norm.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-6)
    assert predicted(model, x)[1] == pytest.approx(predicted(model, twin)[1], abs=1e-6)


def test_head_normalisation_is_trained_with_the_head_and_not_frozen_with_the_trunks() -> None:
    model = build_classifier(spec(head_norm=True), SIZE, seed=1)
    set_trainable(model, "head", freeze_batch_norm=True)
    assert model.get_layer("head_norm").trainable and not model.get_layer("block1_bn").trainable


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("present", [[0, 0, 0], [0, 1, 0]])
def test_a_batch_with_hardly_a_partner_moves_no_statistics_of_partners(shared: bool, present: list[int]) -> None:
    model = build_classifier(spec(mode="dual", shared_branches=shared, head_norm=True), SIZE, seed=1)
    set_trainable(model, "head")
    norm = model.get_layer("head_norm" if shared else "partner_head_norm")
    x = dual_inputs(present)
    moving = [np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)]
    if shared:  # the photographs move them, once
        pooled = np.asarray(keras.Model(model.input, model.get_layer("pooled").output)(x))
        moving = [0.9 * old + 0.1 * new for old, new in zip(moving, (pooled.mean(0), pooled.var(0)), strict=True)]
    model(x, training=True)
    assert np.asarray(norm.moving_mean) == pytest.approx(moving[0], abs=1e-6)
    assert np.asarray(norm.moving_variance) == pytest.approx(moving[1], rel=1e-5)


def test_head_normalisation_learns_nothing_of_a_batch_of_one() -> None:
    norm = HeadNormalization(momentum=0.9)
    norm(np.ones((1, 3), np.float32), training=True)
    assert np.asarray(norm.moving_mean).tolist() == [0, 0, 0] and np.asarray(norm.moving_variance).tolist() == [1, 1, 1]
    norm(np.array([[0.0], [4.0]], np.float32) * np.ones((1, 3), np.float32), training=True)
    assert np.asarray(norm.moving_mean) == pytest.approx([0.2] * 3)
    assert np.asarray(norm.moving_variance) == pytest.approx([0.9 + 0.4] * 3)


@pytest.mark.parametrize("trunk", ["densenet121", "mobilenetv2", "resnet18"])
def test_batch_norm_forgets_its_start_in_a_small_training(trunk: str) -> None:
    model = build_classifier(ModelSpec(trunk=trunk, weights="none", head_norm=True), 64, seed=1)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) > 10 and {layer.momentum for layer in norms} == {0.9}
