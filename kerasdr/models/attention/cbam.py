"""CBAM: channel attention, then spatial attention."""

from typing import Any

import keras

from kerasdr.models.attention.channel import ChannelAttention
from kerasdr.models.attention.spatial import SpatialAttention


@keras.saving.register_keras_serializable(package="kerasdr")
class CBAM(keras.layers.Layer):
    """Weigh the channels of a feature map, then its places.

    The order, and the channel half with mean and maximum, are those of Woo et al., "CBAM: Convolutional Block Attention
    Module", ECCV 2018, equation 1.

    Args:
        kernel_size, relu: of :class:`~kerasdr.models.attention.spatial.SpatialAttention`.
        ratio: of :class:`~kerasdr.models.attention.channel.ChannelAttention`.

    Input and output shape: ``(N, h, w, C)``.

    Raises:
        ValueError: as the two layers do.
    """

    def __init__(self, kernel_size: int = 7, ratio: int = 16, relu: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channel = ChannelAttention(ratio, max_pooled=True, name="channel", dtype=self.dtype_policy)
        self.spatial = SpatialAttention(kernel_size, relu, name="spatial", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make both layers' weights."""
        self.channel.build(input_shape)
        self.spatial.build(input_shape)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return the map, weighted twice."""
        return self.spatial(self.channel(x), training=training)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {
            **super().get_config(),
            "kernel_size": self.spatial.kernel_size,
            "ratio": self.channel.ratio,
            "relu": self.spatial.relu,
        }
