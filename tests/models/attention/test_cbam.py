from typing import Any

import numpy as np
import pytest

from kerasdr.models.attention import CBAM


def test_formula_is_channel_then_spatial(x: np.ndarray, randomized: Any) -> None:
    layer = randomized(CBAM(3, ratio=2), x)
    assert layer.channel.max_pooled
    refined = x * np.asarray(layer.channel.mask(x))
    expected = refined * np.asarray(layer.spatial.mask(refined))
    assert np.asarray(layer(x)) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - x * np.asarray(layer.spatial.mask(x)) * np.asarray(layer.channel.mask(x))).max() > 1e-3


def test_gradients_are_finite_and_reach_all_weights(x: np.ndarray, randomized: Any, gradients: Any) -> None:
    found = gradients(randomized(CBAM(3, ratio=2), x), x)
    assert len(found) == 7
    assert all(np.isfinite(value).all() and np.abs(value).max() > 0 for value in found.values())


def test_describes_itself(x: np.ndarray, randomized: Any, saved_and_loaded: Any) -> None:
    layer = CBAM(11, ratio=2, relu=True, name="both")
    assert CBAM.from_config(layer.get_config()).get_config() == layer.get_config()
    before, after, loaded = saved_and_loaded(randomized(layer, x), x)
    assert after == pytest.approx(before, abs=1e-6)
    assert (loaded.spatial.kernel_size, loaded.spatial.relu, loaded.channel.ratio) == (11, True, 2)
