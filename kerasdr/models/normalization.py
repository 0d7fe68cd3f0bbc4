"""The first layer of every classifier: 0..255 RGB to the value range that a trunk's weights were trained on."""

from typing import Any

import keras

MODES = ("unit", "signed", "imagenet", "caffe", "none")

# Means and deviations of ImageNet in RGB: torchvision's convention (0..1) and Caffe's (0..255).
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_CAFFE_MEAN = (123.68, 116.779, 103.939)


@keras.saving.register_keras_serializable(package="kerasdr")
class InputNormalization(keras.layers.Layer):
    """Bring RGB values of 0..255 to a trunk's own range.

    Keeping this inside the network means that every caller feeds the same thing: the recipe's picture, as it is.

    Args:
        mode: ``unit`` gives 0..1; ``signed`` -1..1; ``imagenet`` subtracts ImageNet's mean and divides by its standard
            deviation (after scaling to 0..1); ``caffe`` swaps to BGR and subtracts ImageNet's mean; ``none`` passes on.
            The modes are those of ``keras.applications.imagenet_utils.preprocess_input``.

    Input and output shape: ``(N, H, W, 3)``.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
        self.mode = mode

    def call(self, images: Any) -> Any:
        """Return the normalised images as floats."""
        images = keras.ops.cast(images, self.compute_dtype)
        if self.mode == "unit":
            return images / 255.0
        if self.mode == "signed":
            return images / 127.5 - 1.0
        if self.mode == "imagenet":
            mean = keras.ops.convert_to_tensor(_IMAGENET_MEAN, dtype=self.compute_dtype)
            deviation = keras.ops.convert_to_tensor(_IMAGENET_STD, dtype=self.compute_dtype)
            return (images / 255.0 - mean) / deviation
        if self.mode == "caffe":
            mean = keras.ops.convert_to_tensor(_CAFFE_MEAN, dtype=self.compute_dtype)
            return keras.ops.flip(images - mean, axis=-1)
        return images

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape: values change, shapes do not."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that build this layer again."""
        return {**super().get_config(), "mode": self.mode}
