"""Optimisers and learning rates of a stage."""

import math
from typing import Any

import keras

from kerasdr.config import StageConfig
from kerasdr.training.coupled_adam import CoupledAdam


@keras.saving.register_keras_serializable(package="kerasdr")
class StageSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate of a stage by step: a linear warm-up, then constant, in steps, or along half a cosine.

    Args:
        learning_rate: the highest rate.
        kind: ``constant``; ``step`` (times ``gamma`` every ``step_size`` epochs, PyTorch's StepLR); or ``cosine`` (to 0 at
            the last step; Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts).
        epochs, steps_per_epoch: length of the stage.
        step_size, gamma: of kind ``step``.
        warmup_epochs: epochs over which the rate rises from 0.
    """

    def __init__(
        self,
        learning_rate: float,
        kind: str,
        epochs: int,
        steps_per_epoch: int,
        step_size: int = 10,
        gamma: float = 0.5,
        warmup_epochs: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.kind = kind
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.step_size = step_size
        self.gamma = gamma
        self.warmup_epochs = warmup_epochs

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at ``step`` (0 is the stage's first)."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        rate = self.learning_rate
        warmup = self.warmup_epochs * self.steps_per_epoch
        total = self.epochs * self.steps_per_epoch
        if self.kind == "step":
            passed = ops.floor(step / (self.step_size * self.steps_per_epoch))
            scale = ops.power(ops.cast(self.gamma, "float32"), passed)
        elif self.kind == "cosine":
            done = ops.clip((step - warmup) / max(total - warmup, 1), 0.0, 1.0)
            scale = 0.5 * (1.0 + ops.cos(math.pi * done))
        else:
            scale = ops.ones_like(step)
        if warmup:
            scale = ops.where(step < warmup, (step + 1.0) / warmup, scale)
        return rate * scale

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this schedule again."""
        return {
            "learning_rate": self.learning_rate,
            "kind": self.kind,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "step_size": self.step_size,
            "gamma": self.gamma,
            "warmup_epochs": self.warmup_epochs,
        }


def stage_schedule(stage: StageConfig, steps_per_epoch: int) -> StageSchedule:
    """Return the learning rate of a stage as a function of its steps."""
    return StageSchedule(
        stage.learning_rate,
        stage.schedule,
        stage.epochs,
        steps_per_epoch,
        stage.step_size,
        stage.gamma,
        stage.warmup_epochs,
    )


def make_optimizer(stage: StageConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Return a stage's optimiser.

    ``adamw`` decouples weight decay from the gradient (Loshchilov and Hutter, ICLR 2019), and so does ``sgd``, which has
    Nesterov's momentum of 0.9; both spare biases and batch-norm parameters. ``adam`` is PyTorch's: there weight decay is an
    L2 penalty on all weights (:class:`kerasdr.training.coupled_adam.CoupledAdam`), so that one number means another thing.

    Under ``adamw`` every weight is pulled to 0 against steps of one size, which bounds each weight alone; ``sgd`` weighs the
    pull against the gradient, which comes close to an L2 penalty and suits a linear head on many features.
    """
    schedule = stage_schedule(stage, steps_per_epoch)
    if stage.optimizer == "adam":
        return CoupledAdam(schedule, weight_decay=stage.weight_decay)
    optimizer: keras.optimizers.Optimizer
    if stage.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=stage.weight_decay)
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=stage.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer
