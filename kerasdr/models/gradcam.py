"""Grad-CAM in closed form, beside the head it explains.

For a feature map ``A`` that is averaged over its ``h * w`` places and fed to a head of dense layers, Grad-CAM's channel
weights (the mean over places of the score's gradient, Selvaraju et al., "Grad-CAM", ICCV 2017) are the head's gradient
with respect to the pooled vector, divided by ``h * w``. The head is matrices and ReLU masks, so that gradient is a few
small products: no backward pass through the trunk, and the maps of all five grades cost little more than one.
"""

from typing import Any

import keras

from kerasdr.models.layer_names import HEAD_NORM

ops = keras.ops


class HeadGradCAM(keras.layers.Layer):
    """Heat maps of every grade from a feature map and the head's hidden activations.

    Args:
        hidden: the head's hidden dense layers with ReLU, first to last; may be empty.
        logits: the last dense layer, of linear activation.
        norm: the batch normalisation between pooling and head, if there is any; at inference it is a scale by channel.

    Call it on ``[features, *activations]``: the feature map ``(N, h, w, C)`` and the hidden layers' outputs
    ``(N, units)``. It returns ``(N, h, w, 5)``, at least 0, unnormalised: ``relu(sum_c weight_c * A_c)`` for each
    grade.
    """

    def __init__(
        self,
        hidden: list[keras.layers.Dense],
        logits: keras.layers.Dense,
        norm: keras.layers.BatchNormalization | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.norm = norm
        self.hidden = hidden
        self.logits = logits

    def call(self, tensors: list[Any]) -> Any:
        """Return the heat maps."""
        features, *activations = tensors
        channels = features.shape[-1]
        # Rows are grades: the gradient of every logit with respect to the last hidden layer, (1, 5, units).
        gradient = ops.expand_dims(ops.transpose(ops.convert_to_tensor(self.logits.kernel)), 0)
        for layer, activation in zip(reversed(self.hidden), reversed(activations), strict=True):
            alive = ops.expand_dims(ops.cast(activation > 0, gradient.dtype), 1)  # ReLU passes gradients where it fired
            gradient = ops.matmul(gradient * alive, ops.transpose(ops.convert_to_tensor(layer.kernel)))
        # In a dual head the image's channels come first; the partner's have a map of their own.
        weights = ops.transpose(gradient[..., :channels], (0, 2, 1))  # (N or 1, C, 5)
        if self.norm is not None:
            scale = ops.convert_to_tensor(self.norm.gamma) / ops.sqrt(self.norm.moving_variance + self.norm.epsilon)
            weights = weights * ops.reshape(scale, (1, channels, 1))
        height, width = ops.shape(features)[1], ops.shape(features)[2]
        places = ops.reshape(features, (-1, height * width, channels))
        maps = ops.matmul(places, weights) / ops.cast(height * width, features.dtype)
        return ops.relu(ops.reshape(maps, (-1, height, width, self.logits.units)))

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return ``(N, h, w, 5)``."""
        return (*input_shape[0][:3], self.logits.units)


def with_gradcam(model: keras.Model) -> keras.Model:
    """Return a model that gives heat maps beside the probabilities, sharing all weights with ``model``.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.

    Returns:
        A model of the same inputs; its outputs are ``{"probabilities": (N, 5), "heatmaps": (N, h, w, 5)}``. The heat
        maps are of the photograph ``image``, one for each grade, at least 0 and unnormalised.
    """
    hidden = [layer for layer in model.layers if layer.name.startswith("hidden_")]
    hidden.sort(key=lambda layer: int(layer.name.removeprefix("hidden_")))
    norm = next((layer for layer in model.layers if layer.name == HEAD_NORM), None)
    explain = HeadGradCAM(hidden, model.get_layer("logits"), norm, name="gradcam")
    heatmaps = explain([model.get_layer("features").output, *(layer.output for layer in hidden)])
    outputs = {"probabilities": model.get_layer("probabilities").output, "heatmaps": heatmaps}
    return keras.Model(model.input, outputs, name="classifier_with_gradcam")


def reference_heatmap(model: keras.Model, inputs: Any, grade: int) -> Any:
    """Return Grad-CAM of one grade by automatic differentiation (tf-keras-vis): slow, and independent of our algebra.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        inputs: the model's inputs in order, float arrays.
        grade: which logit to explain.

    Returns:
        Array ``(N, h, w)``, at least 0, unnormalised, at the feature map's resolution.
    """
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    logits = keras.Model(list(model.inputs), model.get_layer("logits").output)
    n = len(inputs[0])
    return Gradcam(logits, clone=False)(
        CategoricalScore([grade] * n),
        list(inputs),
        penultimate_layer="features",
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
