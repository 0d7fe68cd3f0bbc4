"""Random weights: all of them, repeatably, and only where they were asked for."""

from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.models import build_classifier, get_weights, set_weights
from kerasdr.models.randomised import cascade, initial_weights, randomised, weighted_layers

SIZE = 32
NETWORKS: list[dict[str, Any]] = [
    {"head_units": (8,)},
    {"mode": "dual", "shared_branches": False, "attention": "spatial", "head_norm": True},
    {"trunk": "resnet18", "head": "linear"},
]


def trained(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Weights that are nowhere what a network begins with."""
    random = np.random.default_rng(0)
    network = build_classifier(spec, SIZE, seed=1)
    return {
        key: np.asarray(array + random.uniform(0.05, 0.2, array.shape)).astype(array.dtype)
        for key, array in get_weights(network).items()
    }


def spec_of(changes: dict[str, Any]) -> ModelSpec:
    return ModelSpec(**{"trunk": "tiny", "weights": "none", **changes})


def layer_of(key: str) -> str:
    return key.split(":")[1].rsplit("/", 1)[0]


@pytest.mark.parametrize("changes", NETWORKS)
def test_every_weight_changes_and_by_its_seed(changes: dict[str, Any]) -> None:
    spec = spec_of(changes)
    own = trained(spec)
    layers = weighted_layers(own)
    one, again, other = (randomised(own, initial_weights(spec, SIZE, seed), layers) for seed in (4, 4, 5))
    assert one.keys() == own.keys()
    for key, array in own.items():
        assert (one[key] != array).all(), key  # batch norm's scales, shifts and statistics too
        assert (one[key] == again[key]).all()
    kernels = [key for key in own if key.endswith("kernel")]
    assert kernels and all((one[key] != other[key]).mean() > 0.9 for key in kernels)
    set_weights(build_classifier(spec, SIZE), one)  # they are this network's


@pytest.mark.parametrize("changes", NETWORKS)
def test_layers_go_from_the_head_to_the_first(changes: dict[str, Any]) -> None:
    own = trained(spec_of(changes))
    layers = weighted_layers(own)
    first = "stem_conv" if changes.get("trunk") == "resnet18" else "block1_conv"
    assert layers[0] == "logits" and first in layers[-2:]
    assert set(layers) == {layer_of(key) for key in own} and len(set(layers)) == len(layers)


def test_cascade_and_single_layers() -> None:
    spec = spec_of({"head_units": (8,)})
    own = trained(spec)
    start = initial_weights(spec, SIZE, 4)
    parts = cascade(weighted_layers(own), 4)
    assert parts[0] == ("logits",) and len(parts) == 4
    assert [layer for part in parts for layer in part] == list(weighted_layers(own))
    for chosen in (parts[0], parts[2], (*parts[0], *parts[1])):
        made = randomised(own, start, chosen)
        for key, array in own.items():
            assert (made[key] != array).all() == (layer_of(key) in chosen), key
    assert cascade(("logits", "conv"), 6) == [("logits",), ("conv",)]
    assert cascade(("logits",), 6) == [("logits",)]


def test_refusals() -> None:
    spec = spec_of({"head_units": (8,)})
    own = trained(spec)
    start = initial_weights(spec, SIZE, 4)
    with pytest.raises(ValueError, match=r"no layers with weights are called \['logit'\]"):
        randomised(own, start, ["logit"])
    with pytest.raises(ValueError, match="of one network"):
        randomised(own, initial_weights(spec_of({"head_units": (9,)}), SIZE, 4), ["logits"])
