"""Adam with PyTorch's weight decay, against the algorithm of torch.optim.Adam written out in NumPy."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import StageConfig
from kerasdr.training.checkpoint import TrainingState, restore, save_checkpoint
from kerasdr.training.coupled_adam import CoupledAdam
from kerasdr.training.schedules import make_optimizer

SHAPES = {"kernel": (3, 4), "bias": (4,), "gamma": (4,), "beta": (4,)}
RATE, STEPS = 0.01, 8


def stage(weight_decay: float, **changes: Any) -> StageConfig:
    return StageConfig(
        optimizer="adam", learning_rate=RATE, weight_decay=weight_decay, **{"schedule": "constant", **changes}
    )


def start() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def gradients() -> list[dict[str, np.ndarray]]:
    """Of every step; those of the bias vanish, as where the loss does not depend on a weight."""
    random = np.random.default_rng(4)
    steps = [
        {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()} for _ in range(STEPS)
    ]
    return [{**step, "bias": np.zeros_like(step["bias"])} for step in steps]


def by_torchs_algorithm(weight_decay: float, rates: list[float]) -> dict[str, np.ndarray]:
    ends = {}
    for name, value in start().items():
        weight = value.astype(np.float64)
        first, second = np.zeros_like(weight), np.zeros_like(weight)
        for t, (step, rate) in enumerate(zip(gradients(), rates, strict=True), start=1):
            gradient = step[name] + weight_decay * weight
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            weight = weight - rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        ends[name] = weight
    return ends


def variables() -> list[keras.Variable]:
    return [keras.Variable(value, name=name) for name, value in start().items()]


def take(optimizer: keras.optimizers.Optimizer, weights: list[keras.Variable], steps: slice = slice(None)) -> None:
    if not optimizer.built:
        optimizer.build(weights)
    for step in gradients()[steps]:
        optimizer.apply([keras.ops.convert_to_tensor(step[weight.name]) for weight in weights])


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3, 0.5])
def test_steps_are_torchs_for_every_weight_biases_included(weight_decay: float) -> None:
    weights = variables()
    take(make_optimizer(stage(weight_decay), 5), weights)
    expected = by_torchs_algorithm(weight_decay, [RATE] * STEPS)
    for weight in weights:
        # Keras's epsilon weighs more in the first steps, which shows where gradients are as small as 1e-3 of a weight.
        assert np.asarray(weight) == pytest.approx(expected[weight.name], abs=1e-4), weight.name
    moved = np.abs(np.asarray(weights[1]) - start()["bias"])
    # Where the loss pulls at nothing, the decay alone moves a weight, and by the whole rate a step.
    assert moved == pytest.approx(RATE * STEPS if weight_decay else 0.0, rel=0.05)


def test_it_is_none_of_kerass_decays() -> None:
    """Keras's decay would leave these weights where they are: 1e-3 of the rate a step."""
    expected = by_torchs_algorithm(1e-3, [RATE] * STEPS)
    for other in (keras.optimizers.Adam, keras.optimizers.AdamW):
        weights = variables()
        take(other(RATE, weight_decay=1e-3), weights)
        assert np.abs(np.asarray(weights[1]) - expected["bias"]).max() > 0.9 * RATE * STEPS


def test_rates_follow_the_stages_schedule() -> None:
    weights = variables()
    take(make_optimizer(stage(0.1, schedule="step", step_size=1, gamma=0.5), steps_per_epoch=2), weights)
    expected = by_torchs_algorithm(0.1, [RATE * 0.5 ** (step // 2) for step in range(STEPS)])
    for weight in weights:
        assert np.asarray(weight) == pytest.approx(expected[weight.name], abs=1e-5)


def test_without_decay_it_is_kerass_adam_to_the_bit() -> None:
    ours, theirs = variables(), variables()
    take(make_optimizer(stage(0.0), 5), ours)
    take(keras.optimizers.Adam(RATE, epsilon=1e-8), theirs)
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(ours, theirs, strict=True))


def test_a_step_that_a_checkpoint_came_between_is_the_same(tmp_path: Path) -> None:
    undisturbed = variables()
    take(make_optimizer(stage(0.1), 5), undisturbed)
    first, optimizer = variables(), make_optimizer(stage(0.1), 5)
    take(optimizer, first, slice(0, 3))
    save_checkpoint(tmp_path / "checkpoint.npz", TrainingState(), first, optimizer.variables)

    second, optimizer = variables(), make_optimizer(stage(0.1), 5)
    optimizer.build(second)
    restore(tmp_path / "checkpoint.npz", second, optimizer.variables)
    take(optimizer, second, slice(3, None))
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(undisturbed, second, strict=True))


def test_in_fit_trained_weights_decay_and_frozen_ones_stay() -> None:
    def end(weight_decay: float) -> list[np.ndarray]:
        keras.utils.set_random_seed(5)
        layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
        layers[0].trainable = False
        model = keras.Sequential([keras.Input((3,)), *layers])
        model.compile(make_optimizer(stage(weight_decay), 4), "mean_squared_error")
        x = np.random.default_rng(6).normal(size=(16, 3)).astype(np.float32)
        model.fit(x, np.zeros((16, 2)), batch_size=4, epochs=2, shuffle=False, verbose=0)
        return [np.asarray(weight) for weight in [*layers[0].weights, *model.trainable_weights]]

    changed = [np.abs(plain - decayed).max() > 1e-4 for plain, decayed in zip(end(0.0), end(1.0), strict=True)]
    assert changed == [False] * 2 + [True] * 4  # kernel and bias; gamma, beta, kernel and bias


def test_it_is_built_again_from_its_configuration() -> None:
    optimizer = CoupledAdam(0.02, weight_decay=0.3, beta_1=0.8)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, CoupledAdam)
    assert (again.coupled_decay, again.beta_1, float(np.asarray(again.learning_rate))) == (
        0.3,
        0.8,
        pytest.approx(0.02),
    )
    with pytest.raises(ValueError, match="weight_decay must not be below 0, got -1"):
        CoupledAdam(weight_decay=-1)
