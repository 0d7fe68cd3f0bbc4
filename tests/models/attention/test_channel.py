from typing import Any

import numpy as np
import pytest

from kerasdr.models.attention import ChannelAttention


def by_formula(layer: ChannelAttention, x: np.ndarray) -> np.ndarray:
    """The weights of the channels."""
    w1, b1, w2, b2 = (np.asarray(w) for dense in (layer.squeeze, layer.excite) for w in (dense.kernel, dense.bias))
    vectors = [x.mean(axis=(1, 2))] + ([x.max(axis=(1, 2))] if layer.max_pooled else [])
    score = sum(np.maximum(vector @ w1 + b1, 0) @ w2 + b2 for vector in vectors)
    return (1 / (1 + np.exp(-score)))[:, None, None, :]


@pytest.mark.parametrize("max_pooled", [False, True])
@pytest.mark.parametrize("ratio", [1, 4])
def test_formula(ratio: int, max_pooled: bool, x: np.ndarray, randomized: Any) -> None:
    layer = randomized(ChannelAttention(ratio, max_pooled), x)
    assert layer.squeeze.units == 8 // ratio
    assert np.asarray(layer(x)) == pytest.approx(x * by_formula(layer, x), abs=1e-5)
    assert np.asarray(layer.mask(x)).shape == (2, 1, 1, 8)


def test_narrow_maps_keep_one_unit(x: np.ndarray) -> None:
    layer = ChannelAttention()
    layer(x)
    assert (layer.ratio, layer.squeeze.units) == (16, 1)


@pytest.mark.parametrize("max_pooled", [False, True])
def test_gradients_are_finite_and_reach_all_weights(
    max_pooled: bool, x: np.ndarray, randomized: Any, gradients: Any
) -> None:
    found = gradients(randomized(ChannelAttention(2, max_pooled), x), x)
    assert len(found) == 4
    assert all(np.isfinite(value).all() and np.abs(value).max() > 0 for value in found.values())


def test_describes_itself(x: np.ndarray, randomized: Any, saved_and_loaded: Any) -> None:
    layer = ChannelAttention(2, max_pooled=True, name="which")
    assert ChannelAttention.from_config(layer.get_config()).get_config() == layer.get_config()
    before, after, loaded = saved_and_loaded(randomized(layer, x), x)
    assert after == pytest.approx(before, abs=1e-6)
    assert (loaded.ratio, loaded.max_pooled, loaded.name) == (2, True, "which")


def test_ratio_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ChannelAttention(0)
