"""Random changes that Keras has no layer for; each draws anew for every photograph and does nothing outside training."""

from typing import Any

import keras

ops = keras.ops


class _RandomLayer(keras.layers.Layer):
    """Keeps a seed and a generator; subclasses say what is done in training."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Return the photographs, ``(N, H, W, 3)``, changed in training and as they are elsewhere."""
        images = ops.cast(images, self.compute_dtype)
        return self.change(images) if training else images

    def change(self, images: Any) -> Any:
        """Return the changed photographs."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "seed": self.seed}

    def _draw(self, images: Any, low: float, high: float) -> Any:
        return keras.random.uniform((ops.shape(images)[0], 1, 1, 1), low, high, seed=self.generator)


@keras.saving.register_keras_serializable(package="kerasdr")
class RandomExposure(_RandomLayer):
    """Multiply each photograph by a number drawn from ``low`` to ``high``, and cut off at 255.

    This is what torchvision's ``ColorJitter(brightness=(low, high))`` does; Keras's ``RandomBrightness`` adds instead.
    """

    def __init__(self, low: float, high: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.low, self.high = low, high

    def change(self, images: Any) -> Any:
        """Return photographs of another brightness."""
        return ops.clip(images * self._draw(images, self.low, self.high), 0.0, 255.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="kerasdr")
class RandomCropBack(_RandomLayer):
    """Cut a square out at a random place and bring it back to the photograph's size.

    Args:
        share: of the side that is cut away, 0 to 0.9.
        place: ``stretch`` the square to the full size, or ``pad``: put it at a random place on black, keeping its scale.
        seed: of the draws.
    """

    def __init__(self, share: float, place: str = "stretch", seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        if place not in ("stretch", "pad"):
            raise ValueError(f"place must be stretch or pad, got {place!r}")
        self.share, self.place = share, place

    def change(self, images: Any) -> Any:
        """Return the cropped photographs."""
        side = images.shape[1]
        kept = round(side * (1.0 - self.share))
        left, top = (ops.floor(self._draw(images, 0, side - kept + 1))[:, 0, 0] for _ in range(2))
        one, nothing = ops.ones_like(left), ops.zeros_like(left)
        # A transform names, for each place of the result, where in the picture it comes from: (a x + b y + c, ...).
        if self.place == "stretch":
            scale = one * (kept / side)
            rows = [scale, nothing, left, nothing, scale, top, nothing, nothing]
            return ops.image.affine_transform(images, ops.concatenate(rows, axis=1), fill_mode="nearest")
        x, y = (ops.floor(self._draw(images, 0, side - kept + 1))[:, 0, 0] for _ in range(2))
        rows = [one, nothing, left - x, nothing, one, top - y, nothing, nothing]
        moved = ops.image.affine_transform(images, ops.concatenate(rows, axis=1), interpolation="nearest")
        places = ops.expand_dims(ops.arange(side, dtype="float32"), 0)
        across = ops.logical_and(places >= x, places < x + kept)
        down = ops.logical_and(places >= y, places < y + kept)
        inside = ops.logical_and(ops.expand_dims(down, 2), ops.expand_dims(across, 1))
        return moved * ops.expand_dims(ops.cast(inside, moved.dtype), -1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "share": self.share, "place": self.place}


@keras.saving.register_keras_serializable(package="kerasdr")
class Sometimes(_RandomLayer):
    """Apply another random layer to a share of the photographs.

    Args:
        layer: takes and returns ``(N, H, W, 3)``.
        probability: the share, 0 to 1.
        seed: of the draws.
    """

    def __init__(self, layer: keras.layers.Layer, probability: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.layer, self.probability = layer, probability

    def change(self, images: Any) -> Any:
        """Return the photographs, some of them changed."""
        changed = ops.cast(self.layer(images, training=True), images.dtype)
        return ops.where(self._draw(images, 0.0, 1.0) < self.probability, changed, images)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer, "probability": self.probability}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Sometimes":
        """Build the layer and the one in it."""
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
