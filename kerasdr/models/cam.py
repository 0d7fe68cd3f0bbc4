"""Heat maps of a grade at any layer of a classifier: Grad-CAM, Grad-CAM++ and Score-CAM.

All three weigh the channels of a layer's map ``A`` and add them up, ``relu(sum_k w_k A_k)``; they differ in the weights.
The score ``S`` is the grade's logit.

``gradcam`` (Selvaraju et al., "Grad-CAM", ICCV 2017)
    the mean over places of the gradient ``g = dS/dA``. At the map that is pooled it is had in closed form, see
    :mod:`kerasdr.models.gradcam`.
``gradcam++`` (Chattopadhay et al., "Grad-CAM++", WACV 2018)
    the sum over places of ``alpha * relu(dY/dA)`` for ``Y = exp(S)``, see :func:`plus_plus_alphas`. It is meant for maps
    that are at least 0, such as those behind a ReLU.
``scorecam`` (Wang et al., "Score-CAM", CVPR Workshops 2020)
    no gradient: the score of the photograph seen through each channel as a mask, by softmax over the channels.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.models.cam_layers import find_map
from kerasdr.models.gradcam import with_gradcam
from kerasdr.models.layer_names import FEATURES

CamMethod = Literal["gradcam", "gradcam++", "scorecam"]
CAM_METHODS: tuple[CamMethod, ...] = get_args(CamMethod)

ops = keras.ops


class HeatMaps:
    """Heat maps of one branch of a classifier at one layer.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        method: one of :data:`CAM_METHODS`.
        layer: whose map is weighed; any that gives a map on the photograph's way to the pooled one.
        partner: explain what was seen in the partner; for a dual classifier.
        max_channels: Score-CAM looks through the channels of highest variance only, as many as this ("Faster
            Score-CAM"); None for all. Each costs a pass through the network.
        batch_size: Score-CAM's masked photographs at a time.

    Raises:
        KerasdrError: if there is no such layer, it gives no map, or it belongs to the partner's branch.
    """

    def __init__(
        self,
        model: keras.Model,
        method: CamMethod = "gradcam",
        layer: str = FEATURES,
        *,
        partner: bool = False,
        max_channels: int | None = 128,
        batch_size: int = 32,
    ) -> None:
        if method not in CAM_METHODS:
            raise ValueError(f"method must be one of {CAM_METHODS}, got {method!r}")
        tensor = find_map(model, layer, partner=partner)
        self._method = method
        self._looked_at = "partner" if partner else "image"
        self._max_channels = max_channels
        self._batch_size = batch_size
        self._network = keras.Model(model.input, {"map": tensor, "logits": model.get_layer("logits").output})
        closed = method == "gradcam" and layer == FEATURES and not partner
        self._closed_form = with_gradcam(model) if closed else None

    def __call__(self, inputs: Mapping[str, NDArray[Any]], grades: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return a heat map for each photograph.

        Args:
            inputs: the model's inputs by name, arrays of N photographs.
            grades: the grade to explain of each, ``(N,)``.

        Returns:
            ``(N, h, w)``, at least 0, unnormalised, at the map's resolution. Of a partner that is absent it is 0, but for
            Score-CAM, which sees its channels all the same.
        """
        given = {name: ops.cast(ops.convert_to_tensor(array), "float32") for name, array in inputs.items()}
        if self._closed_form is not None:
            maps = np.asarray(self._closed_form(given, training=False)["heatmaps"])
            return np.asarray(np.take_along_axis(maps, grades[:, None, None, None], axis=3)[..., 0])
        if self._method == "scorecam":
            return self._by_scores(given, grades)
        places, gradient = self._map_and_gradient(given, grades)
        if self._method == "gradcam":
            weights = gradient.mean(axis=(1, 2))
        else:
            # dY/dA is g times Y, which is one number a photograph and only scales its map; exp would overflow.
            weights = (plus_plus_alphas(places, gradient) * np.maximum(gradient, 0)).sum(axis=(1, 2))
        return np.maximum(np.einsum("nhwc,nc->nhw", places, weights), 0)

    def _map_and_gradient(
        self, inputs: Mapping[str, Any], grades: NDArray[np.integer]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the layer's map and the gradient of the grades' logits with respect to it, both ``(N, h, w, C)``."""
        if keras.backend.backend() != "tensorflow":
            raise KerasdrError(
                f"{self._method} at this layer takes gradients, for which TensorFlow is needed: set KERAS_BACKEND=tensorflow"
            )
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(inputs.values()))
            given = self._network(dict(inputs), training=False)
            scores = ops.sum(given["logits"] * ops.one_hot(grades, given["logits"].shape[-1]), axis=1)
        gradient = tape.gradient(scores, given["map"])
        return np.asarray(given["map"], np.float32), np.asarray(gradient, np.float32)

    def _by_scores(self, inputs: Mapping[str, Any], grades: NDArray[np.integer]) -> NDArray[np.float32]:
        maps = np.asarray(self._network(dict(inputs), training=False)["map"], np.float32)
        heats = []
        for place, (channels, grade) in enumerate(zip(maps, grades, strict=True)):
            one = {name: array[place : place + 1] for name, array in inputs.items()}
            channels = channels[..., most_varied(channels, self._max_channels)]
            scores = self._masked_scores(one, channels, int(grade))
            # The paper takes the score of a black photograph off first, which softmax over channels undoes.
            weights = np.exp(scores - scores.max(initial=-np.inf))
            heats.append(np.maximum(channels @ (weights / weights.sum()), 0))
        return np.stack(heats).astype(np.float32)

    def _masked_scores(self, one: Mapping[str, Any], channels: NDArray[np.float32], grade: int) -> NDArray[np.float32]:
        """Return the grade's logit for one photograph seen through each of K channels ``(h, w, K)``, ``(K,)``."""
        photograph = one[self._looked_at]
        scores = np.zeros(channels.shape[-1], np.float32)
        for start in range(0, len(scores), self._batch_size):
            part = slice(start, start + self._batch_size)
            masks = channel_masks(channels[..., part], photograph.shape[1])
            many = {name: ops.repeat(array, len(masks), axis=0) for name, array in one.items()}
            given = self._network({**many, self._looked_at: photograph * masks}, training=False)
            scores[part] = np.asarray(given["logits"])[:, grade]
        return scores


def plus_plus_alphas(places: NDArray[np.floating], gradient: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return Grad-CAM++'s weight of each place's gradient, both arguments and result ``(N, h, w, C)``.

    With ``Y = exp(S)`` and a network of piecewise linear layers, ``d2Y/dA2 = Y g^2`` and ``d3Y/dA3 = Y g^3`` (equation 19
    of the paper)::

        alpha = d2Y/dA2 / (2 d2Y/dA2 + sum_ab(A_ab) d3Y/dA3) = 1 / (2 + sum_ab(A_ab) g)

    where ``g`` is not 0. They are not brought to a sum of 1, which the paper does not do either (tf-keras-vis does).

    Args:
        places: the layer's map ``A``.
        gradient: of the score, ``g = dS/dA``.
    """
    below = 2.0 + places.sum(axis=(1, 2), keepdims=True) * gradient
    return np.divide(1.0, below, out=np.zeros_like(gradient), where=(gradient != 0) & (below != 0))


def channel_masks(channels: NDArray[np.float32], side: int) -> Any:
    """Return channels ``(h, w, k)`` as masks of a photograph: enlarged, then each brought to 0..1, ``(k, side, side, 1)``."""
    large = ops.image.resize(ops.transpose(channels, (2, 0, 1))[..., None], (side, side), interpolation="bilinear")
    low, high = (extreme(large, axis=(1, 2, 3), keepdims=True) for extreme in (ops.min, ops.max))
    return (large - low) / ops.maximum(high - low, keras.config.epsilon())


def most_varied(channels: NDArray[np.float32], count: int | None) -> NDArray[np.int64]:
    """Return which channels of ``(h, w, C)`` vary most over the places, in their order; those that do not vary are none."""
    variance = channels.var(axis=(0, 1))
    chosen = np.argsort(-variance, kind="stable")[:count]
    return np.sort(chosen[variance[chosen] > 0])
