"""Adam whose weight decay is part of the gradient, as in PyTorch's ``torch.optim.Adam``."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kerasdr")
class CoupledAdam(keras.optimizers.Adam):
    """Adam with an L2 penalty: before each step ``weight_decay * weight`` is added to a weight's gradient.

    The sum goes through Adam's two averages and is divided by the root of the second, so that a weight on which the loss
    hardly depends is pulled to 0 by about a whole learning rate a step. Keras's own Adam (and AdamW) multiplies weights by
    ``1 - learning_rate * weight_decay`` beside the step instead: at a learning rate of 1e-4 and a decay of 1e-3 that is a
    ten-millionth a step, next to nothing over a training. Source: the algorithm in the documentation of
    ``torch.optim.Adam``, line ``g_t = g_t + lambda * theta_(t-1)``; how the two differ: Loshchilov and Hutter, "Decoupled
    Weight Decay Regularization", ICLR 2019, algorithm 2. As there, all trained weights are decayed, biases and
    batch normalisation's included. ``epsilon`` is PyTorch's 1e-8 and not Keras's 1e-7, since a decay alone makes gradients
    that small; Keras adds it before the averages are corrected for their start, which shows in the first steps only.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: factor of a weight in its gradient; at 0 this is Keras's Adam.
        epsilon: keeps the quotient finite.
        **kwargs: of :class:`keras.optimizers.Adam`.

    Raises:
        ValueError: if ``weight_decay`` is below 0.
    """

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.0, epsilon: float = 1e-8, **kwargs: Any
    ) -> None:
        # Keras must not know of it, or it would decay the weights a second time.
        super().__init__(learning_rate, epsilon=epsilon, weight_decay=None, **kwargs)
        if weight_decay < 0:
            raise ValueError(f"weight_decay must not be below 0, got {weight_decay}")
        self.coupled_decay = weight_decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take Adam's step along the penalised gradient, a tensor of the variable's shape."""
        if self.coupled_decay:
            ops = keras.ops
            gradient = ops.add(gradient, ops.multiply(ops.cast(self.coupled_decay, variable.dtype), variable))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this optimiser again."""
        return {**super().get_config(), "weight_decay": self.coupled_decay}
