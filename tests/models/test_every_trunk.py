"""Every trunk of the registry, built once each: blocks, freezing, weights, and Grad-CAM with and without attention.

Grad-CAM in closed form is compared with tf-keras-vis, which works on the graph of every trunk and through every attention,
so that there is no exception; on each trunk one attention is compared with TensorFlow's own gradients as well.
"""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdr.config import ModelSpec
from kerasdr.models import (
    block_names,
    build_classifier,
    classifier,
    get_weights,
    reference_heatmap,
    set_trainable,
    trunk_names,
    with_gradcam,
)
from kerasdr.models.attention.registry import attention_names
from kerasdr.models.blocks import layers_by_block, names_in_order
from kerasdr.models.layer_names import is_head
from kerasdr.models.registry import build_trunk
from kerasdr.models.run_weights import load_run_weights


def numbered(name: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(f"{name}{number}" for number in range(first, last + 1))


DENSENET = ("conv1", *numbered("dense_block_", 1, 4))
STAGES = ("stem", *numbered("stage_", 1, 4))
BLOCKS = {
    "convnexttiny": STAGES,
    "densenet121": DENSENET,
    "densenet169": DENSENET,
    "efficientnetb0": ("stem", *numbered("block", 1, 7), "top"),
    "efficientnetv2b0": ("stem", *numbered("block", 1, 6), "top"),
    "efficientnetv2s": ("stem", *numbered("block", 1, 6), "top"),
    "inceptionv3": numbered("mixed", 0, 10),
    "mobilenet": ("stem", *numbered("block_", 1, 13)),
    "mobilenetv2": ("stem", *numbered("block_", 0, 16), "top"),
    "resnet18": STAGES,
    "resnet18_kerascv": STAGES,
    "resnet34": STAGES,
    "resnet34_kerascv": STAGES,
    "resnet50": STAGES,
    "resnet50v2": STAGES,
    "resnet101": STAGES,
    "tiny": numbered("block", 1, 5),
    "vgg16": numbered("block", 1, 5),
    "xception": numbered("block", 1, 14),
}
QUICK = ("tiny", "vgg16", "mobilenetv2")
ATTENTION = tuple(name for name in attention_names() if name != "none")
# Smallest inputs that leave a map of more than one place; 64 px for the others.
SIZES = {"inceptionv3": 139, "xception": 71, "tiny": 48}


def test_the_table_is_whole() -> None:
    assert tuple(sorted(BLOCKS)) == trunk_names()


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in sorted(BLOCKS)]
)
def test_trunk(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = SIZES.get(name, 64)
    attention = ATTENTION[sorted(BLOCKS).index(name) % len(ATTENTION)]
    spec = ModelSpec(trunk=name, weights="none", head_units=(16, 8), attention=attention)
    keras.backend.clear_session()  # as if it were the first network of a process, whose layers Keras does not number
    trunk = build_trunk(name, size)  # takes most of the time, so the one that is copied is looked at
    monkeypatch.setattr(classifier, "build_trunk", lambda *args: trunk)
    model = build_classifier(spec, size, seed=3)

    names = names_in_order(trunk)
    blocks = layers_by_block(names)
    assert block_names(trunk) == BLOCKS[name]
    assert [layer for block in blocks.values() for layer in block] == names  # each is a run of layers in graph order

    first = next(iter(blocks))
    set_trainable(model, f"after:{first}")
    ends = [layer.name for layer in model.layers if not is_head(layer.name)].index("features")
    trained = [layer.trainable for layer in model.layers if layer.weights and not is_head(layer.name)][:ends]
    held = sum(bool(layer.weights) for layer in trunk.layers if layer.name in blocks[first])
    assert trained == [False] * held + [True] * (len(trained) - held)
    assert model.get_layer("attention").trainable

    own = [weight for layer in model.layers if not is_head(layer.name) for weight in layer.weights]
    assert len(own) == len(trunk.weights)
    own[0].assign(own[0] * 2)
    own[-1].assign(own[-1] + 0.5)
    np.savez(tmp_path / "weights.npz", **get_weights(model))
    load_run_weights(trunk, name, tmp_path / "weights.npz")
    x = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    part = keras.Model(model.inputs, [model.get_layer("normalization").output, model.get_layer("attention").input])
    normalized, features = part([x], training=False)
    scale = np.abs(np.asarray(features)).max()
    again = np.asarray(trunk(normalized, training=False))
    assert again / scale == pytest.approx(np.asarray(features) / scale, abs=1e-5)

    assert_closed_form_is_exact(model, x)
    plain = build_classifier(spec.model_copy(update={"attention": "none"}), size, seed=3)
    assert_closed_form_equals_tf_keras_vis(plain, x[:1])


@pytest.mark.parametrize("name", ["tiny", "resnet18", pytest.param("mobilenetv2", marks=pytest.mark.slow)])
def test_every_attention(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = SIZES.get(name, 64)
    trunk = build_trunk(name, size)
    monkeypatch.setattr(classifier, "build_trunk", lambda *args: trunk)
    x = np.random.default_rng(1).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    for attention in ATTENTION:
        spec = ModelSpec(trunk=name, weights="none", head_units=(16, 8), attention=attention)
        model = build_classifier(spec, size, seed=3)
        for weight in model.get_layer("attention").weights:
            weight.assign(weight + 0.2)  # away from where it starts, which for self-attention is the identity
        assert_closed_form_equals_tf_keras_vis(model, x)


def assert_closed_form_equals_tf_keras_vis(model: keras.Model, x: np.ndarray) -> None:
    """Compare maps of the grade with the most heat, brought to a maximum of 1 each."""
    explained = np.asarray(with_gradcam(model)([x], training=False)["heatmaps"])
    grade = int(explained.max(axis=(0, 1, 2)).argmax())
    ours, theirs = explained[..., grade], np.asarray(reference_heatmap(model, [x], grade))
    assert ours.shape == theirs.shape and theirs.max() > 0
    assert ours / ours.max() == pytest.approx(theirs / theirs.max(), abs=1e-4)
    assert ours.max() == pytest.approx(theirs.max(), rel=1e-4, abs=0)


def assert_closed_form_is_exact(model: keras.Model, x: np.ndarray) -> None:
    for weight in model.get_layer("attention").weights:
        if weight.path.endswith("attention/gamma"):
            weight.assign(0.7)
    explained = np.asarray(with_gradcam(model)([x], training=False)["heatmaps"])
    both = keras.Model(model.inputs, [model.get_layer("features").output, model.get_layer("logits").output])
    with tf.GradientTape(persistent=True) as tape:
        features, logits = both([x], training=False)
        scores = [tf.reduce_sum(logits[:, grade]) for grade in range(5)]
    assert features.shape[1] > 1
    for grade, score in enumerate(scores):
        weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        whole = np.asarray(tf.reduce_sum(weights * features, axis=-1))
        reference = np.maximum(whole, 0)
        # By the range before the ReLU: where next to nothing passes it, what does pass is rounding in both.
        scale = np.abs(whole).max()
        assert explained[..., grade] / scale == pytest.approx(reference / scale, abs=1e-4)
