from typing import Any

import numpy as np
import pytest

from kerasdr.models.attention import SelfAttention
from kerasdr.models.attention.self_attention import pooling_factor


def pooled(x: np.ndarray, factor: int) -> np.ndarray:
    """Maxima of windows, which the border may cut, cut alike on both sides."""
    pads = [(-(-size // factor) * factor - size) for size in x.shape[1:3]]
    sides = [(0, 0), *((pad // 2, pad - pad // 2) for pad in pads), (0, 0)]
    padded = np.pad(x, sides, constant_values=-np.inf)
    n, height, width, channels = padded.shape
    return padded.reshape(n, height // factor, factor, width // factor, factor, channels).max(axis=(2, 4))


def by_formula(layer: SelfAttention, x: np.ndarray) -> np.ndarray:
    n, height, width, channels = x.shape

    def convolved(conv: Any) -> np.ndarray:
        return x @ np.asarray(conv.kernel)[0, 0] + np.asarray(conv.bias)

    queries = convolved(layer.query).reshape(n, height * width, -1)
    keys, values = (
        pooled(convolved(conv), layer.pooling).reshape(n, -1, conv.filters) for conv in (layer.key, layer.value)
    )
    out = np.zeros((n, height * width, channels))
    for photograph in range(n):
        for place in range(height * width):
            likeness = np.exp(keys[photograph] @ queries[photograph, place])
            out[photograph, place] = (likeness / likeness.sum()) @ values[photograph]
    return x + float(np.asarray(layer.gamma)) * out.reshape(x.shape)


@pytest.mark.parametrize("gamma", [0.0, 0.7, -1.5])
@pytest.mark.parametrize(("max_places", "factor"), [(30, 1), (29, 2), (8, 3), (2, 5)])
def test_formula(gamma: float, max_places: int, factor: int, x: np.ndarray, randomized: Any) -> None:
    layer = randomized(SelfAttention(ratio=2, max_places=max_places), x)
    layer.gamma.assign(gamma)
    assert layer.pooling == factor
    assert np.asarray(layer(x)) == pytest.approx(by_formula(layer, x), abs=1e-5)


def test_starts_as_the_identity_and_leaves_it(x: np.ndarray, gradients: Any) -> None:
    layer = SelfAttention()
    assert (np.asarray(layer(x)) == x).all()
    first = gradients(layer, x)
    moved = {path.rsplit("/", 1)[1] for path, value in first.items() if np.abs(value).max() > 0}
    assert moved == {"gamma"}
    second = gradients(layer, x)
    assert all(np.isfinite(value).all() for value in second.values())
    assert sum(np.abs(value).max() > 0 for value in second.values()) > 4


def test_gradients_are_finite_with_keys_pooled(x: np.ndarray, randomized: Any, gradients: Any) -> None:
    found = gradients(randomized(SelfAttention(2, max_places=8), x), x)
    assert len(found) == 7
    assert all(np.isfinite(value).all() for value in found.values())


@pytest.mark.parametrize(
    ("height", "width", "limit", "factor"), [(16, 16, 256, 1), (17, 16, 256, 2), (64, 64, 256, 4), (5, 1, 1, 5)]
)
def test_pooling_is_the_least_that_is_enough(height: int, width: int, limit: int, factor: int) -> None:
    assert pooling_factor(height, width, limit) == factor


def test_describes_itself(x: np.ndarray, randomized: Any, saved_and_loaded: Any) -> None:
    layer = SelfAttention(ratio=4, max_places=9, name="seen")
    assert SelfAttention.from_config(layer.get_config()).get_config() == layer.get_config()
    before, after, loaded = saved_and_loaded(randomized(layer, x), x)
    assert np.abs(before - x).max() > 0.1
    assert after == pytest.approx(before, abs=1e-6)
    assert (loaded.ratio, loaded.max_places, loaded.pooling, loaded.name) == (4, 9, 2, "seen")


def test_bad_arguments_and_maps_of_unknown_size() -> None:
    for arguments in ({"ratio": 0}, {"max_places": 0}):
        with pytest.raises(ValueError, match="must be at least 1"):
            SelfAttention(**arguments)
    with pytest.raises(ValueError, match="needs a map of known size"):
        SelfAttention().build((None, None, None, 8))
