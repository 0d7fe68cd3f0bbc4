from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.models import build_classifier, reference_heatmap, with_gradcam

SIZE = 48


def inputs_of(model: keras.Model, n: int = 3) -> dict[str, np.ndarray]:
    """Random photographs, the second without a partner."""
    random = np.random.default_rng(0)
    drawn = {
        tensor.name: random.uniform(0, 255, (n, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
        if tensor.name != "partner_present"
    }
    present = np.array([[1.0], [0.0], [1.0]], np.float32)[:n]
    return {**drawn, "partner_present": present} if "partner" in drawn else drawn


def assert_closed_form_is_exact(model: keras.Model, grades: Iterable[int] = range(5)) -> None:
    """Compare with tf-keras-vis on maps whose maximum is 1."""
    inputs = inputs_of(model)
    explained = {name: np.asarray(value) for name, value in with_gradcam(model)(inputs, training=False).items()}
    assert explained["probabilities"] == pytest.approx(np.asarray(model(inputs, training=False)), abs=1e-6)
    for grade in grades:
        reference = np.asarray(reference_heatmap(model, [inputs[tensor.name] for tensor in model.inputs], grade))
        scale = max(reference.max(), 1e-12)
        assert explained["heatmaps"][..., grade] / scale == pytest.approx(reference / scale, abs=1e-4)
    assert explained["heatmaps"].max() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"head": "linear"},
        {"head_units": (16,)},
        {"head_units": (16, 8)},
        {"mode": "dual", "head_units": (16, 8)},
        {"mode": "dual", "shared_branches": False},
    ],
    ids=str,
)
def test_closed_form_equals_automatic_differentiation(changes: dict[str, Any]) -> None:
    assert_closed_form_is_exact(build_classifier(ModelSpec(trunk="tiny", weights="none", **changes), SIZE, seed=5))


@pytest.mark.parametrize("attention", ["spatial", "channel", "self", "cbam"])
@pytest.mark.parametrize(
    "changes", [{}, {"mode": "dual", "shared_branches": False}, {"attention_at": "block2_pool"}], ids=str
)
def test_closed_form_is_exact_through_attention(attention: str, changes: dict[str, Any]) -> None:
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(16, 8), attention=attention, **changes)
    model = build_classifier(spec, SIZE, seed=5)
    for layer in model.layers:
        # Self-attention starts as the identity (gamma 0); away from there it does something that could go wrong.
        if "attention" in layer.name:
            layer.set_weights([weight + 0.2 for weight in layer.get_weights()])
    assert_closed_form_is_exact(model, grades=(0, 3))


@pytest.mark.parametrize(
    "changes",
    [{"head": "linear"}, {"head_units": (16, 8)}, {"mode": "dual", "head_units": (16,)}, {"trunk_end": "block3_pool"}],
    ids=str,
)
def test_closed_form_is_exact_through_normalisation(changes: dict[str, Any]) -> None:
    model = build_classifier(ModelSpec(trunk="tiny", weights="none", head_norm=True, **changes), SIZE, seed=5)
    norm = model.get_layer("head_norm")
    random = np.random.default_rng(3)
    # Away from where it starts, which is no scale at all; some channels turn round.
    norm.set_weights(
        [
            random.uniform(*ends, w.shape)
            for w, ends in zip(norm.get_weights(), [(-1, 2), (-1, 1), (0, 1), (0.1, 4)], strict=True)
        ]
    )
    assert_closed_form_is_exact(model, grades=(0, 3))


def test_maps_are_those_after_attention() -> None:
    """With a gamma of its own, self-attention changes the map that is explained."""
    model = build_classifier(ModelSpec(trunk="tiny", weights="none", attention="self"), SIZE, seed=5)
    x = inputs_of(model)
    explain = with_gradcam(model)
    plain = np.asarray(explain(x, training=False)["heatmaps"])
    model.get_layer("attention").gamma.assign(2.0)
    assert np.abs(np.asarray(explain(x, training=False)["heatmaps"]) - plain).max() > 1e-3 * plain.max()


def test_by_hand_with_a_linear_head() -> None:
    """For one dense layer: relu of the feature map times the grade's column of the kernel, over the number of places."""
    model = build_classifier(ModelSpec(trunk="tiny", weights="none", head="linear"), SIZE, seed=5)
    x = {"image": np.random.default_rng(1).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)}
    features = keras.Model(model.inputs, model.get_layer("features").output).predict_on_batch([x["image"]])
    kernel = np.asarray(model.get_layer("logits").kernel)
    expected = np.maximum(features @ kernel, 0) / (features.shape[1] * features.shape[2])
    assert with_gradcam(model).predict_on_batch(x)["heatmaps"] == pytest.approx(expected, abs=1e-6)
