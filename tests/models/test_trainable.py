from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, register_trunk, set_trainable
from kerasdr.models.registry import _BUILDERS

SIZE = 48
HEAD = {"hidden_1", "hidden_2", "logits"}


def classifier(**changes: Any) -> keras.Model:
    return build_classifier(
        ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16, 8), **changes}), SIZE, seed=1
    )


def trained_layers(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers if layer.trainable and layer.weights}


def blocks(*numbers: int, branches: tuple[str, ...] = ("", "partner_")) -> set[str]:
    return {f"{branch}block{n}_{kind}" for branch in branches for n in numbers for kind in ("conv", "bn")}


def test_stages_choose_what_is_trained() -> None:
    model = classifier(mode="dual", shared_branches=False)
    everything = trained_layers(model)
    assert set_trainable(model, "head") == sum(
        int(np.prod(w.shape)) for name in HEAD for w in model.get_layer(name).weights
    )
    assert trained_layers(model) == HEAD
    set_trainable(model, "from:block4_conv")
    assert trained_layers(model) == blocks(4, 5) | HEAD
    set_trainable(model, "after:block1")
    assert trained_layers(model) == blocks(2, 3, 4, 5) | HEAD
    set_trainable(model, "after:block5")
    assert trained_layers(model) == HEAD
    set_trainable(model, "all")
    assert trained_layers(model) == everything
    set_trainable(model, "all", freeze_batch_norm=True)
    assert trained_layers(model) == {name for name in everything if not name.endswith("_bn")}


def test_branches_that_share_a_trunk_are_cut_once() -> None:
    model = classifier(mode="dual")
    set_trainable(model, "after:block3")
    assert trained_layers(model) == blocks(4, 5, branches=("",)) | HEAD


def test_places_that_do_not_exist() -> None:
    model = classifier()
    with pytest.raises(KerasdrError, match=r"'from:block9' names no layer .* block1_conv"):
        set_trainable(model, "from:block9")
    with pytest.raises(
        KerasdrError, match=r"'after:block_2' names no block of the trunk \(did you mean block2\?\)"
    ) as caught:
        set_trainable(model, "after:block_2")
    assert str(caught.value).endswith("its blocks are block1, block2, block3, block4, block5")
    with pytest.raises(ValueError, match="after:<block> or from:<layer>, got 'tail'"):
        set_trainable(model, "tail")


def test_a_trunk_without_named_blocks_says_so() -> None:
    @register_trunk("nameless", normalization="unit")
    def build(size: int) -> keras.Model:
        inputs = keras.Input((size, size, 3))
        return keras.Model(inputs, keras.layers.Conv2D(4, 3, name="only")(inputs))

    try:
        with pytest.raises(KerasdrError, match="form no named blocks; use from:<layer>"):
            set_trainable(classifier(trunk="nameless"), "after:block1")
    finally:
        _BUILDERS.pop("nameless")


@pytest.mark.parametrize("attention", ["spatial", "channel", "self", "cbam"])
@pytest.mark.parametrize("place", ["features", "block3_pool"])
def test_attention_is_trained_with_the_head_wherever_it_is(attention: str, place: str) -> None:
    model = classifier(attention=attention, attention_at=place, mode="dual", shared_branches=False)
    both = {"attention", "partner_attention"}
    set_trainable(model, "head", freeze_batch_norm=True)
    assert trained_layers(model) == HEAD | both
    for name in both:  # its own batch normalisation is not the trunk's
        layer = model.get_layer(name)
        assert len(layer.trainable_weights) == sum("moving_" not in weight.path for weight in layer.weights)
    set_trainable(model, "after:block4")
    assert trained_layers(model) == HEAD | both | blocks(5)
    with pytest.raises(KerasdrError, match="names no layer of the trunk"):
        set_trainable(model, "from:attention")


def fitted(model: keras.Model, learning_rate: float = 0.1) -> dict[str, bool]:
    """Train one step and say which arrays have changed."""
    before = {weight.path: np.array(weight) for weight in model.weights}
    model.compile(keras.optimizers.SGD(learning_rate), "categorical_crossentropy", run_eagerly=True)
    x = np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3)).astype(np.float32)
    model.fit({"image": x}, np.eye(5, dtype=np.float32)[:4], verbose=0)
    return {weight.path: bool((np.asarray(weight) != before[weight.path]).any()) for weight in model.weights}


def test_frozen_batch_normalization_keeps_its_statistics_in_fit() -> None:
    model = classifier()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 0.1)
    set_trainable(model, "after:block3")
    changed = fitted(model)
    for path, different in changed.items():
        block = int(path[5]) if path.startswith("block") else 0
        assert different is (block in (0, 4, 5)), path
    # and normalises with them: what leaves a frozen block does not depend on the batch, also in training mode
    part = keras.Model(model.inputs, model.get_layer("block3_bn").output)
    x = np.random.default_rng(1).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    assert np.asarray(part([x], training=True)) == pytest.approx(np.asarray(part([x], training=False)), abs=1e-6)


def test_training_the_head_trains_attention_inside_a_frozen_trunk() -> None:
    model = classifier(attention="spatial", attention_at="block2_pool")
    set_trainable(model, "head", freeze_batch_norm=True)
    changed = fitted(model)
    assert {path.split("/")[0] for path, different in changed.items() if different} == HEAD | {"attention"}
    assert changed["attention/convolution/kernel"] and changed["attention/normalization/moving_mean"]
