"""Single and dual classifiers as flat functional graphs: trunk -> feature map -> pooling -> head."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES
from kerasdr.models.normalization import InputNormalization
from kerasdr.models.registry import build_trunk, get_trunk
from kerasdr.models.weights import load_trunk_weights

PARTNER = "partner_"
"""Prefix of the names of the partner's own layers in a dual classifier."""


def build_classifier(
    spec: ModelSpec, size: int, *, initial_weights: bool = False, seed: int | None = None
) -> keras.Model:
    """Build a classifier.

    The graph is flat: trunk layers stand in it themselves and not as a nested model, so that any of them can be named,
    frozen or watched. Its fixed names are ``image``, ``partner`` and ``partner_present`` (inputs), ``features`` (the
    feature map that is pooled), ``pooled``, ``hidden_1``.. and ``logits`` (head), ``probabilities`` (output).

    A dual classifier grades ``image`` and looks at ``partner`` as well. Where ``partner_present`` is 0 the partner's
    pooled features are multiplied by 0, so a photograph without a partner is graded by the same network.

    Args:
        spec: what to build.
        size: side of the photographs in pixels.
        initial_weights: load ``spec.weights`` into the trunk (both branches); otherwise weights are random.
        seed: makes the random initial weights repeatable.

    Returns:
        A model with inputs ``image`` ``(N, size, size, 3)``, 0..255 RGB, and for dual ``partner`` (the same form) and
        ``partner_present`` ``(N, 1)``, 0 or 1; its output is grade probabilities ``(N, 5)``.

    Raises:
        KerasdrError: if the trunk or the weights do not exist or do not fit.
    """
    layers = keras.layers
    if seed is not None:
        # Initialisers draw from Keras's global generator unless each layer is given one of its own.
        keras.utils.set_random_seed(seed)
    backbone = build_trunk(spec.trunk, size)
    if initial_weights:
        load_trunk_weights(backbone, get_trunk(spec.trunk), spec.weights)
    normalize = InputNormalization(get_trunk(spec.trunk).normalization, name="normalization")
    pool = layers.GlobalAveragePooling2D(name="pooled")

    image = keras.Input((size, size, 3), name="image")
    trunk = flat_layers(backbone)
    features = apply_flat(backbone, normalize(image), trunk)
    features = layers.Activation("linear", name="features", dtype="float32")(features)
    vector = pool(features)
    inputs = {"image": image}
    if spec.mode == "dual":
        inputs["partner"] = keras.Input((size, size, 3), name="partner")
        inputs["partner_present"] = keras.Input((1,), name="partner_present")
        other = normalize(inputs["partner"])
        other = apply_flat(backbone, other, trunk if spec.shared_branches else flat_layers(backbone, PARTNER))
        other = layers.Activation("linear", name=f"{PARTNER}features", dtype="float32")(other)
        other = layers.GlobalAveragePooling2D(name=f"{PARTNER}pooled")(other)
        other = layers.Multiply(name=f"{PARTNER}masked")([other, inputs["partner_present"]])
        vector = layers.Concatenate(name="pair")([vector, other])
    vector = head_layers(spec, vector)
    return keras.Model(inputs, layers.Softmax(name="probabilities", dtype="float32")(vector), name="classifier")


def head_layers(spec: ModelSpec, vector: Any) -> Any:
    """Put the head on a pooled vector ``(N, C)`` and return the logits ``(N, 5)``.

    ``mlp`` is the report's head: dropout stands after each hidden layer; ``linear`` is one dense layer after dropout.
    """
    layers = keras.layers
    if spec.head == "mlp":
        for number, units in enumerate(spec.head_units, start=1):
            vector = layers.Dense(units, activation="relu", name=f"hidden_{number}")(vector)
            vector = layers.Dropout(spec.dropout, name=f"dropout_{number}")(vector)
    else:
        vector = layers.Dropout(spec.dropout, name="dropout_1")(vector)
    return layers.Dense(N_GRADES, name="logits", dtype="float32")(vector)


def flat_layers(backbone: keras.Model, prefix: str = "") -> dict[str, keras.layers.Layer]:
    """Return fresh copies of a functional model's layers, keyed by their old names.

    Fresh, so that each stands in one graph only and its ``output`` is the one that it has there.

    Args:
        backbone: functional model.
        prefix: put before each copy's name.
    """
    return {
        layer.name: layer.__class__.from_config({**layer.get_config(), "name": prefix + layer.name})
        for layer in backbone.layers
    }


def apply_flat(backbone: keras.Model, tensor: Any, layers: Mapping[str, keras.layers.Layer]) -> Any:
    """Run a functional model's graph on another tensor with other layers in its places, without nesting the model.

    Args:
        backbone: functional model with one input and one output.
        tensor: symbolic tensor that takes the place of the backbone's input.
        layers: from :func:`flat_layers`; given twice, both calls share weights.

    Returns:
        The symbolic output tensor; the layers then hold the backbone's weights.
    """
    outputs: dict[int, Any] = {}

    # clone_model builds a model of its own around copies of the nodes; the tensors that hang on *our* input are those
    # that the layers return while it runs, so they are caught on the way.
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        outputs[id(layer)] = layer(*args, **kwargs)
        return outputs[id(layer)]

    keras.models.clone_model(
        backbone, input_tensors=tensor, clone_function=lambda layer: layers[layer.name], call_function=call
    )
    for name, layer in layers.items():
        layer.set_weights(backbone.get_layer(name).get_weights())
    return outputs[id(layers[backbone.outputs[0]._keras_history.operation.name])]


def set_trainable(model: keras.Model, train: str, *, freeze_batch_norm: bool = False) -> int:
    """Choose which layers a stage trains; frozen batch normalisation uses its stored statistics and keeps them.

    Args:
        model: from :func:`build_classifier`.
        train: ``all``; ``head``; or ``from:<layer>``: the trunk from that layer on (in graph order) and the head.
        freeze_batch_norm: freeze all batch normalisation, also in layers that are trained.

    Returns:
        The number of trainable weights (scalars).

    Raises:
        KerasdrError: if ``from:`` names no layer of the trunk.
    """
    ordered = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    head = {"logits", "probabilities"} | {
        layer.name for layer in ordered if layer.name.startswith(("hidden_", "dropout_"))
    }
    trunk = [layer for layer in ordered if layer.name not in head]
    frozen: set[str] = set()
    if train == "head":
        frozen = {layer.name for layer in trunk}
    elif train.startswith("from:"):
        start = train.removeprefix("from:")
        names = [layer.name.removeprefix(PARTNER) for layer in trunk]
        if start not in names:
            weighted = [layer.name for layer in trunk if layer.weights and not layer.name.startswith(PARTNER)]
            raise KerasdrError(
                f"stage key train={train!r} names no layer of the trunk; it has {', '.join(weighted[:3])} ... "
                f"{', '.join(weighted[-3:])}"
            )
        # Branches may be interleaved in graph order, so each is cut at its own occurrence of the layer.
        for branch in ("", PARTNER):
            own = [layer.name for layer in trunk if layer.name.startswith(PARTNER) == bool(branch)]
            if branch + start in own:
                frozen.update(own[: own.index(branch + start)])
    for layer in ordered:
        kept = freeze_batch_norm and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name not in frozen and not kept
    return sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
