"""Self-attention: every place of a feature map looks at every other."""

import math
from typing import Any

import keras

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerasdr")
class SelfAttention(keras.layers.Layer):
    """Add to each place of a feature map a mean of the whole map, weighted by likeness.

    ``y_i = x_i + gamma * sum_j softmax_j(q_i . k_j) v_j`` with queries, keys and values from 1x1 convolutions of the
    map: the non-local block in its embedded Gaussian form (Wang et al., "Non-local Neural Networks", CVPR 2018,
    equations 2, 5 and 6) with the residual scale of SAGAN (Zhang et al., "Self-Attention Generative Adversarial
    Networks", ICML 2019, equation 3). ``gamma`` starts at 0, so that a trained trunk is not disturbed at first: the
    layer is then the identity, its first step changes ``gamma`` alone, and the convolutions learn once that has left 0.

    Every place looks at ``h * w`` others, a cost of the square of the map's size. Where there are more than
    ``max_places``, keys and values are max-pooled by the smallest whole factor that leaves no more (the subsampling of
    Wang et al., section 3.3), and the cost grows with the map's size only; queries, and so the output, keep every
    place.

    Args:
        ratio: by how much queries and keys have fewer channels than the map, at least 1; SAGAN's is 8.
        max_places: most places that a query looks at, at least 1. The default, 16 x 16, leaves the maps of trunks of
            stride 32 whole up to photographs of 512 px.

    Input and output shape: ``(N, h, w, C)``, ``h`` and ``w`` known when the layer is built.

    Raises:
        ValueError: if an argument is below 1, or (when built) if the map's height or width is not known.
    """

    def __init__(self, ratio: int = 8, max_places: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if ratio < 1 or max_places < 1:
            raise ValueError(f"ratio and max_places must be at least 1, got {ratio} and {max_places}")
        self.ratio = ratio
        self.max_places = max_places
        self.pooling = 1
        self.query: keras.layers.Conv2D | None = None  # all three need the number of channels
        self.key: keras.layers.Conv2D | None = None
        self.value: keras.layers.Conv2D | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the convolutions and the scale, and see by how much keys and values are pooled."""
        _, height, width, channels = input_shape
        if height is None or width is None or channels is None:
            raise ValueError(
                f"SelfAttention needs a map of known size, got shape {input_shape}: build it at a fixed size"
            )
        self.pooling = pooling_factor(height, width, self.max_places)
        narrow = max(channels // self.ratio, 1)
        self.query = keras.layers.Conv2D(narrow, 1, name="query", dtype=self.dtype_policy)
        self.key = keras.layers.Conv2D(narrow, 1, name="key", dtype=self.dtype_policy)
        self.value = keras.layers.Conv2D(channels, 1, name="value", dtype=self.dtype_policy)
        for layer in (self.query, self.key, self.value):
            layer.build(input_shape)
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def call(self, x: Any) -> Any:
        """Return the map with what its places saw added."""
        assert self.query is not None and self.key is not None and self.value is not None
        queries = self._places(self.query(x))
        keys, values = (self._places(self._subsampled(layer(x))) for layer in (self.key, self.value))
        likeness = ops.softmax(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))), axis=-1)  # (N, hw, places)
        seen = ops.reshape(ops.matmul(likeness, values), (-1, *x.shape[1:]))
        return x + ops.cast(self.gamma, x.dtype) * seen

    def _subsampled(self, x: Any) -> Any:
        return x if self.pooling == 1 else ops.max_pool(x, self.pooling, self.pooling, padding="same")

    @staticmethod
    def _places(x: Any) -> Any:
        return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "ratio": self.ratio, "max_places": self.max_places}


def pooling_factor(height: int, width: int, max_places: int) -> int:
    """Return the smallest whole factor by which a map is pooled so that at most ``max_places`` places are left.

    Args:
        height, width: of the map, positive.
        max_places: at least 1.

    Returns:
        1 for a map that is small enough; a window that the border cuts counts as a place.
    """
    factor = 1
    while math.ceil(height / factor) * math.ceil(width / factor) > max_places:
        factor += 1
    return factor
