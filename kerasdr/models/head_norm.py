"""Batch normalisation of the pooled vector, of which a batch may hold nothing."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("kerasdr")
class HeadNormalization(keras.layers.BatchNormalization):
    """Batch normalisation whose statistics stay as they are in a batch of fewer than two vectors that count.

    Keras takes mean and variance of a batch in which all is masked to be 0, and the variance of one vector as well, and
    moves its statistics towards them; a network that had learnt from a few such batches would grade by other statistics
    than it was trained with.

    Call arguments:
        inputs: pooled vectors ``(N, C)``.
        mask: which of them count, ``(N,)`` bool; all if None.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise vectors, ``(N, C)`` -> ``(N, C)``."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        before = [keras.ops.copy(moving) for moving in (self.moving_mean, self.moving_variance)]
        normalized = super().call(inputs, training=training, mask=mask)
        counting = keras.ops.ones(keras.ops.shape(inputs)[:1]) if mask is None else keras.ops.cast(mask, "float32")
        enough = keras.ops.sum(counting) > 1.5
        for moving, old in zip((self.moving_mean, self.moving_variance), before, strict=True):
            moving.assign(keras.ops.where(enough, keras.ops.convert_to_tensor(moving), old))
        return normalized
