"""About how long a network takes here to train and to grade, found out in seconds.

Fitting compiles a graph with an optimizer's updates of every weight in it; for a dual DenseNet121 that alone takes minutes.
Here the graph holds the forward pass and the gradients, and it sees a few photographs instead of a batch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasdr.config import MemberConfig
from kerasdr.grades import N_GRADES
from kerasdr.models import build_classifier
from kerasdr.training.memory import keep_memory
from kerasdr.training.stage import free_for_stage
from kerasdr.training.xla import uses_xla

PHOTOGRAPHS = 4
"""How many photographs the timed passes see. Time is taken to be proportional to their number."""
BUDGET = 60.0
"""Seconds for one kind of network: a step is not tried if compiling it would exceed them."""
STEP_IN_FORWARDS = 4.0
"""A step in forward passes, where it is not tried. Measured on ResNets and DenseNet121: 3.5 to 4.5, and as much to compile."""


@dataclass(frozen=True)
class Costs:
    """Seconds for one photograph.

    Attributes:
        forward: of a forward pass.
        steps: of a training step, for each stage of the member; 0 where a stage needs none, having cached features.
        weights: how many weights each stage trains.
        guessed: whether some step was not tried but taken to be :data:`STEP_IN_FORWARDS` forward passes.
    """

    forward: float
    steps: tuple[float, ...]
    weights: tuple[int, ...]
    guessed: bool


def alike(member: MemberConfig) -> str:
    """Return what decides a network's costs: members that agree in it need to be timed once."""
    # The kernel of a spatial attention makes no difference that these timings could tell.
    model = member.model.model_dump(
        exclude={"weights", "initial_head", "dropout", "pairing", "attention_kernel", "attention_relu"}
    )
    stages = [(stage.train, stage.cached_features, stage.batch_norm) for stage in member.stages]
    given_weights = member.model.weights != "none"  # as these decide over batch normalisation
    return repr((model, given_weights, member.imaging.size, uses_xla(member), stages))


def measure(member: MemberConfig) -> Costs:
    """Time a forward pass, and a training step of each stage: once each, after one pass to warm up.

    The optimizer's own work is left out; for a batch of 24 it is a few hundredths of a step.
    """
    started = time.perf_counter()
    keep_memory()
    # Weights do not matter for the time that a step takes, so no file is read.
    model = build_classifier(member.model, member.imaging.size, seed=member.seed)
    inputs, grades = _batch(member)
    forward, compiling = _timed(_forward(model), inputs)
    steps, weights, guessed = [], [], False
    for stage in member.stages:
        weights.append(free_for_stage(model, member, stage))
        if stage.cached_features:
            steps.append(0.0)
        elif time.perf_counter() - started + STEP_IN_FORWARDS * compiling > BUDGET:
            steps.append(STEP_IN_FORWARDS * forward)
            guessed = True
        else:
            steps.append(_timed(_gradients(model, uses_xla(member)), inputs, grades)[0])
    keras.utils.clear_session()
    return Costs(forward / PHOTOGRAPHS, tuple(step / PHOTOGRAPHS for step in steps), tuple(weights), guessed)


def _batch(member: MemberConfig) -> tuple[dict[str, Any], Any]:
    import tensorflow as tf

    random, size = np.random.default_rng(0), member.imaging.size
    image = tf.constant(random.uniform(0, 255, (PHOTOGRAPHS, size, size, 3)), tf.float32)
    inputs = {"image": image}
    if member.model.mode == "dual":
        inputs |= {"partner": tf.reverse(image, [0]), "partner_present": tf.ones((PHOTOGRAPHS, 1))}
    return inputs, tf.one_hot(random.integers(0, N_GRADES, PHOTOGRAPHS), N_GRADES)


def _forward(model: keras.Model) -> Callable[..., Any]:
    import tensorflow as tf

    return tf.function(lambda inputs: model(inputs, training=False), autograph=False)


def _gradients(model: keras.Model, jit: bool) -> Callable[..., Any]:
    import tensorflow as tf

    variables = [variable.value for variable in model.trainable_variables]

    def run(inputs: dict[str, Any], grades: Any) -> Any:
        # As it is, the tape would also watch what is frozen.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = keras.ops.mean(keras.losses.categorical_crossentropy(grades, model(inputs, training=True)))
        return tape.gradient(loss, variables)

    return tf.function(run, autograph=False, jit_compile=jit)


def _timed(run: Callable[..., Any], *inputs: Any) -> tuple[float, float]:
    """Return seconds of the second call, and of the first, which compiles."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        # Calls return before they are done where there is an accelerator; reading a result waits for it.
        np.asarray(keras.tree.flatten(run(*inputs))[0])
        times.append(time.perf_counter() - start)
    return times[1], times[0]
