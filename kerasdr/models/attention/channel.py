"""Channel attention: what to look for, one weight for each channel of a feature map."""

from typing import Any

import keras

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerasdr")
class ChannelAttention(keras.layers.Layer):
    """Multiply each channel of a feature map by a weight that all channels' means decide.

    ``y = x * sigmoid(W2 relu(W1 mean(x) + b1) + b2)``, the mean over places, W1 from C to C / ratio units and W2 back
    (Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018, equation 3).

    Args:
        ratio: by how much the hidden layer is narrower than the map, at least 1; the paper's is 16. Never below one
        unit. max_pooled: also send the maximum over places through the same two layers and add both before the sigmoid.
            That
            is the channel half of CBAM (Woo et al., ECCV 2018, equation 2).

    Input and output shape: ``(N, h, w, C)``; weights are in (0, 1).

    Raises:
        ValueError: if ``ratio`` is below 1.
    """

    def __init__(self, ratio: int = 16, max_pooled: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if ratio < 1:
            raise ValueError(f"ratio must be at least 1, got {ratio}")
        self.ratio = ratio
        self.max_pooled = max_pooled
        self.squeeze: keras.layers.Dense | None = None  # both need the number of channels
        self.excite: keras.layers.Dense | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two dense layers."""
        channels = int(input_shape[-1] or 0)
        units = max(channels // self.ratio, 1)
        self.squeeze = keras.layers.Dense(units, activation="relu", name="squeeze", dtype=self.dtype_policy)
        self.excite = keras.layers.Dense(channels, name="excite", dtype=self.dtype_policy)
        self.squeeze.build((None, channels))
        self.excite.build((None, units))

    def mask(self, x: Any) -> Any:
        """Return the weights of the channels of ``x``, ``(N, 1, 1, C)``."""
        assert self.squeeze is not None and self.excite is not None
        score = self.excite(self.squeeze(ops.mean(x, axis=(1, 2))))
        if self.max_pooled:
            score = score + self.excite(self.squeeze(ops.max(x, axis=(1, 2))))
        return ops.expand_dims(ops.expand_dims(ops.sigmoid(score), 1), 1)

    def call(self, x: Any) -> Any:
        """Return the weighted map."""
        return x * self.mask(x)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "ratio": self.ratio, "max_pooled": self.max_pooled}
