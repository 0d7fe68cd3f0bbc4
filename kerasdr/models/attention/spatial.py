"""Spatial attention: where to look, one weight for each place of a feature map."""

from typing import Any

import keras

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerasdr")
class SpatialAttention(keras.layers.Layer):
    """Multiply each place of a feature map by a weight that its neighbourhood decides.

    The map is pooled over its channels to two maps, mean and maximum; a convolution of these, batch-normalised and
    squashed, is the mask: ``y = x * sigmoid(BN(conv([mean(x), max(x)])))`` (Woo et al., "CBAM: Convolutional Block
    Attention Module", ECCV 2018, equation 3; the batch normalisation is that of the authors' code).

    Args:
        kernel_size: side of the convolution's kernel, odd; the paper's is 7.
        relu: put a ReLU between normalisation and sigmoid, as some implementations do. The sigmoid of what is never
            below 0 is never below 0.5, so such a mask can dim a place by half at most and cannot switch it off.

    Input and output shape: ``(N, h, w, C)``; mask values are in (0, 1), with ``relu`` in [0.5, 1).

    Raises:
        ValueError: if ``kernel_size`` is even or below 1.
    """

    def __init__(self, kernel_size: int = 7, relu: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive, got {kernel_size}")
        self.kernel_size = kernel_size
        self.relu = relu
        # Without a bias: the normalisation that follows would take it away.
        self.convolution = keras.layers.Conv2D(
            1, kernel_size, padding="same", use_bias=False, name="convolution", dtype=self.dtype_policy
        )
        self.normalization = keras.layers.BatchNormalization(name="normalization", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for two pooled maps."""
        self.convolution.build((*input_shape[:-1], 2))
        self.normalization.build((*input_shape[:-1], 1))

    def mask(self, x: Any, training: bool | None = None) -> Any:
        """Return the weights of the places of ``x``, ``(N, h, w, 1)``."""
        pooled = ops.concatenate([ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)], axis=-1)
        score = self.normalization(self.convolution(pooled), training=training)
        return ops.sigmoid(ops.relu(score) if self.relu else score)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return the weighted map."""
        return x * self.mask(x, training=training)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "kernel_size": self.kernel_size, "relu": self.relu}
