from typing import Any

import numpy as np
import pytest

from kerasdr.models.attention import SpatialAttention


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def by_formula(layer: SpatialAttention, x: np.ndarray) -> np.ndarray:
    """The mask, place by place."""
    pooled = np.stack([x.mean(axis=-1), x.max(axis=-1)], axis=-1)
    reach = layer.kernel_size // 2
    padded = np.pad(pooled, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    kernel = np.asarray(layer.convolution.kernel)[..., 0]
    score = np.zeros(x.shape[:3])
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            window = padded[:, i : i + layer.kernel_size, j : j + layer.kernel_size]
            score[:, i, j] = (window * kernel).sum(axis=(1, 2, 3))
    norm = layer.normalization
    gamma, beta, mean, variance = (
        np.asarray(v) for v in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    score = (score - mean) / np.sqrt(variance + norm.epsilon) * gamma + beta
    return sigmoid(np.maximum(score, 0) if layer.relu else score)[..., None]


@pytest.mark.parametrize("kernel_size", [1, 3, 7, 11])
@pytest.mark.parametrize("relu", [False, True])
def test_formula(kernel_size: int, relu: bool, x: np.ndarray, randomized: Any) -> None:
    layer = randomized(SpatialAttention(kernel_size, relu), x)
    assert np.asarray(layer(x)) == pytest.approx(x * by_formula(layer, x), abs=1e-5)
    assert np.asarray(layer.mask(x)).shape == (2, 6, 5, 1)


def test_relu_keeps_the_mask_above_a_half(x: np.ndarray, randomized: Any) -> None:
    free, kept = (np.asarray(randomized(SpatialAttention(relu=relu), x).mask(x)) for relu in (False, True))
    assert free.min() < 0.5 <= kept.min()
    assert kept == pytest.approx(np.maximum(free, 0.5), abs=1e-6)


def test_statistics_of_its_normalization_follow_training_and_rest_when_frozen(x: np.ndarray) -> None:
    layer = SpatialAttention()
    layer(x)
    layer(x, training=True)
    moved = np.array(layer.normalization.moving_mean)
    assert np.abs(moved).max() > 0
    layer.trainable = False
    layer(x, training=True)
    assert (np.asarray(layer.normalization.moving_mean) == moved).all()


def test_gradients_are_finite_and_reach_all_weights(x: np.ndarray, randomized: Any, gradients: Any) -> None:
    found = gradients(randomized(SpatialAttention(3), x), x)
    assert len(found) == 3
    assert all(np.isfinite(value).all() and np.abs(value).max() > 0 for value in found.values())


def test_describes_itself(x: np.ndarray, randomized: Any, saved_and_loaded: Any) -> None:
    layer = SpatialAttention(11, relu=True, name="eye")
    assert SpatialAttention.from_config(layer.get_config()).get_config() == layer.get_config()
    before, after, loaded = saved_and_loaded(randomized(layer, x), x)
    assert after == pytest.approx(before, abs=1e-6)
    assert (loaded.kernel_size, loaded.relu, loaded.name) == (11, True, "eye")


@pytest.mark.parametrize("kernel_size", [0, -3, 4])
def test_kernels_have_a_middle(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd and positive, got {kernel_size}"):
        SpatialAttention(kernel_size)
