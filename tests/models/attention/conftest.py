"""What tests of attention layers share. They run under any backend: KERAS_BACKEND=jax pytest tests/models/attention."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

Array = np.ndarray[Any, np.dtype[np.float32]]


def feature_map(height: int = 6, width: int = 5, channels: int = 8) -> Array:
    return np.random.default_rng(3).normal(size=(2, height, width, channels)).astype(np.float32)


@pytest.fixture
def x() -> Array:
    """A feature map (2, 6, 5, 8)."""
    return feature_map()


@pytest.fixture
def randomized() -> Callable[[keras.layers.Layer, Array], keras.layers.Layer]:
    """Build a layer for a map and give all its weights, statistics too, random values (variances are positive)."""

    def build(layer: keras.layers.Layer, x: Array) -> keras.layers.Layer:
        layer(x)
        random = np.random.default_rng(5)
        for weight in layer.weights:
            value = random.normal(scale=0.5, size=weight.shape)
            weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
        return layer

    return build


@pytest.fixture
def gradients() -> Callable[[keras.layers.Layer, Array], dict[str, Array]]:
    """Gradients of a loss by the trainable weights of a layer: the change by one step of plain descent at rate 1."""

    def of(layer: keras.layers.Layer, x: Array) -> dict[str, Array]:
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        model.compile(keras.optimizers.SGD(1.0), "mean_squared_error", run_eagerly=True)
        before = {weight.path: np.array(weight) for weight in layer.trainable_weights}
        loss = model.train_on_batch(x, np.ones_like(x))
        assert np.isfinite(loss)
        return {weight.path: before[weight.path] - np.asarray(weight) for weight in layer.trainable_weights}

    return of


@pytest.fixture
def saved_and_loaded(tmp_path: Path) -> Callable[[keras.layers.Layer, Array], tuple[Array, Array, keras.layers.Layer]]:
    """Outputs of a layer before and after a `.keras` file, and the layer that came out of it."""

    def travel(layer: keras.layers.Layer, x: Array) -> tuple[Array, Array, keras.layers.Layer]:
        model = keras.Sequential([keras.Input(x.shape[1:]), layer])
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        return np.asarray(model(x)), np.asarray(loaded(x)), loaded.layers[-1]

    return travel
