from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, get_weights
from kerasdr.models.registry import build_trunk, get_trunk
from kerasdr.models.weights import load_trunk_weights

SIZE = 48


def member(path: Path, **changes: Any) -> keras.Model:
    """A trained member's network and its weights in a file, as a run writes them."""
    spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16, 8), **changes})
    model = build_classifier(spec, SIZE, seed=1)
    random = np.random.default_rng(6)
    for weight in model.weights:
        weight.assign(random.uniform(0.1, 1, weight.shape))
    np.savez(path, **get_weights(model))
    return model


def kernels(model: keras.Model, prefix: str = "") -> list[np.ndarray]:
    return [
        array
        for n in range(1, 6)
        for kind in ("conv", "bn")
        for array in model.get_layer(f"{prefix}block{n}_{kind}").get_weights()
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attention": "cbam"},
        {"attention": "self", "attention_at": "block3_pool", "mode": "dual"},
        {"mode": "dual", "shared_branches": False, "attention": "spatial"},
        {"head": "linear"},
    ],
    ids=str,
)
def test_the_trunk_is_taken_and_the_head_made_anew(changes: dict[str, Any], tmp_path: Path) -> None:
    first = member(tmp_path / "weights.npz", **changes)
    spec = ModelSpec(
        trunk="tiny",
        weights=str(tmp_path / "weights.npz"),
        head_units=(12,),
        mode="dual",
        shared_branches=False,
        attention="channel",
    )
    second = build_classifier(spec, SIZE, initial_weights=True, seed=2)
    for prefix in ("", "partner_"):
        assert all((a == b).all() for a, b in zip(kernels(second, prefix), kernels(first), strict=True))
    assert second.get_layer("hidden_1").kernel.shape[-1] == 12
    assert np.abs(np.asarray(second.get_layer("logits").kernel)).max() < 1  # not the first's


def test_layers_that_keras_numbers_are_told_by_their_order(tmp_path: Path) -> None:
    def trunk() -> keras.Model:
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(4, 3)(inputs)
        return keras.Model(inputs, keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(x)))

    first, second = trunk(), trunk()
    assert first.layers[1].name != second.layers[1].name
    np.savez(tmp_path / "weights.npz", **get_weights(first))
    load_trunk_weights(second, get_trunk("tiny"), str(tmp_path / "weights.npz"))
    assert all((a == b).all() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_files_that_do_not_fit_say_where(tmp_path: Path) -> None:
    trunk, entry = build_trunk("tiny", SIZE), get_trunk("tiny")
    path = tmp_path / "weights.npz"

    def refusal() -> str:
        with pytest.raises(KerasdrError) as caught:
            load_trunk_weights(trunk, entry, str(path))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    arrays = get_weights(member(path))
    np.savez(path, **{key: array for key, array in arrays.items() if "block5_conv" not in key})
    assert "does not fit trunk tiny: 1 arrays are missing in the file (block5_conv/kernel)" in refusal()
    np.savez(path, **arrays, **{"9999:block6_conv/kernel": np.zeros(3)})
    assert "1 are not in the network (block6_conv/kernel)" in refusal()
    np.savez(path, **{key: array[..., :1] if "block5_conv" in key else array for key, array in arrays.items()})
    assert "block5_conv/kernel: file (3, 3, 96, 1), network (3, 3, 96, 128)" in refusal()
    np.savez(path, probabilities=np.zeros(3))
    assert refusal().endswith("holds no weights of a network: give a run's members/NAME/weights.npz")
    np.savez(path, **{"0000:block1_conv/kernel": np.array([object()])})
    assert "cannot be read: give a run's members/NAME/weights.npz" in refusal()
    path.write_bytes(b"PK no archive")
    assert "cannot be read" in refusal()
