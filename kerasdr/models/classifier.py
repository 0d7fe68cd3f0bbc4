"""Single and dual classifiers as flat functional graphs: trunk -> feature map -> attention -> pooling -> head."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from kerasdr.config import ModelSpec, Precision, suggestion
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES
from kerasdr.models.attention import make_attention
from kerasdr.models.blocks import block_ends, map_places, names_in_order
from kerasdr.models.head_norm import HeadNormalization
from kerasdr.models.layer_names import ATTENTION, FEATURES, HEAD_NORM, PARTNER
from kerasdr.models.normalization import InputNormalization
from kerasdr.models.registry import build_trunk, get_trunk
from kerasdr.models.run_head import load_run_head
from kerasdr.models.weights import load_trunk_weights

# torchvision's, and so the report's (0.1 as torch counts). Keras's trunks have 0.99 or 0.999, with which statistics would take
# hundreds of steps, all that there are on a small data set, to forget their start.
_BATCH_NORM_MOMENTUM = 0.9


def build_classifier(
    spec: ModelSpec,
    size: int,
    *,
    initial_weights: bool = False,
    seed: int | None = None,
    note: Callable[[str], None] | None = None,
    precision: Precision = "float32",
) -> keras.Model:
    """Build a classifier.

    The graph is flat: trunk layers stand in it themselves and not as a nested model, so that any of them can be named,
    frozen or watched. Its fixed names are ``image``, ``partner`` and ``partner_present`` (inputs), ``attention`` (if
    there is any), ``features`` (the map that is pooled: after attention, so that Grad-CAM in closed form stays exact),
    ``pooled``, ``head_norm`` (if there is any), ``hidden_1``.. and ``logits`` (head), ``probabilities`` (output).

    A dual classifier grades ``image`` and looks at ``partner`` as well. Where ``partner_present`` is 0 the partner's
    pooled features are multiplied by 0, after ``head_norm``, so a photograph without a partner is graded by the same
    network. With branches of their own, trunk and attention of the partner start from the same weights as the
    photograph's.

    Args:
        spec: what to build.
        size: side of the photographs in pixels.
        initial_weights: load ``spec.weights`` into the trunk (both branches), and of a run's weights the head too where
            ``spec.initial_head`` says so and it fits; otherwise weights are random.
        seed: makes the random initial weights repeatable.
        note: hears whether a run's head was kept or made anew, and why.
        precision: what trunk and attention compute with; weights, and all from the feature map on, are float32.

    Returns:
        A model with inputs ``image`` ``(N, size, size, 3)``, 0..255 RGB, and for dual ``partner`` (the same form) and
        ``partner_present`` ``(N, 1)``, 0 or 1; its output is grade probabilities ``(N, 5)``.

    Raises:
        KerasdrError: if the trunk, its end, the attention or its place, or the weights do not exist or do not fit.
    """
    layers = keras.layers
    if seed is not None:
        # Initialisers draw from Keras's global generator unless each layer is given one of its own.
        keras.utils.set_random_seed(seed)
    with computing_in(precision):
        whole = build_trunk(spec.trunk, size)
    backbone = _cut(whole, spec)  # shares the layers that it keeps
    # A run kept the trunk as it was trained, cut or not; any other file holds a whole one.
    from_run = initial_weights and spec.weights.endswith(".npz")
    if initial_weights:
        cut = spec.trunk_end != "last"
        load_trunk_weights(backbone if from_run else whole, get_trunk(spec.trunk), spec.weights, cut=from_run and cut)
    _check_attention_place(spec, backbone)
    with computing_in(precision):
        attention = make_attention(spec, ATTENTION)
    normalize = InputNormalization(get_trunk(spec.trunk).normalization, name="normalization")
    pool = layers.GlobalAveragePooling2D(name="pooled")

    image = keras.Input((size, size, 3), name="image")
    trunk = flat_layers(backbone)
    features = _branch(spec, backbone, normalize(image), trunk, attention)
    features = layers.Activation("linear", name=FEATURES, dtype="float32")(features)
    norm = _head_norm() if spec.head_norm else None
    vector = pool(features)
    vector = vector if norm is None else norm(vector)
    inputs = {"image": image}
    if spec.mode == "dual":
        inputs["partner"] = keras.Input((size, size, 3), name="partner")
        inputs["partner_present"] = keras.Input((1,), name="partner_present")
        other = normalize(inputs["partner"])
        if spec.shared_branches:
            other = _branch(spec, backbone, other, trunk, attention)
        else:
            with computing_in(precision):
                own_attention = make_attention(spec, PARTNER + ATTENTION)
            other = _branch(spec, backbone, other, flat_layers(backbone, PARTNER), own_attention)
            if attention is not None and own_attention is not None:
                own_attention.set_weights(attention.get_weights())
        other = layers.Activation("linear", name=f"{PARTNER}{FEATURES}", dtype="float32")(other)
        other = layers.GlobalAveragePooling2D(name=f"{PARTNER}pooled")(other)
        if norm is not None:
            # What stands in an absent partner's place is no photograph and must not move the statistics.
            seen = inputs["partner_present"][:, 0] > 0.5
            other_norm = norm if spec.shared_branches else _head_norm(PARTNER)
            other = other_norm(other, mask=seen)
        other = layers.Multiply(name=f"{PARTNER}masked")([other, inputs["partner_present"]])
        vector = layers.Concatenate(name="pair")([vector, other])
    vector = head_layers(spec, vector)
    model = keras.Model(inputs, layers.Softmax(name="probabilities", dtype="float32")(vector), name="classifier")
    if from_run:
        anew = ("head: made anew, as model.initial_head asks for",)
        keep = spec.initial_head == "keep"
        said = load_run_head(model, Path(spec.weights).expanduser()) if keep else anew
        if note:
            note("; ".join(said))
    return model


@contextlib.contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Let layers that are made meanwhile compute with a precision, whatever Keras is set to."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _head_norm(branch: str = "") -> HeadNormalization:
    return HeadNormalization(momentum=_BATCH_NORM_MOMENTUM, name=branch + HEAD_NORM)


def _cut(backbone: keras.Model, spec: ModelSpec) -> keras.Model:
    """Return the trunk up to the layer that ``spec.trunk_end`` names."""
    if spec.trunk_end == "last":
        return backbone
    places = map_places(backbone)
    if spec.trunk_end not in places:
        raise KerasdrError(
            f"model.trunk_end={spec.trunk_end!r} names no layer of trunk {spec.trunk} that gives a map"
            f"{suggestion(spec.trunk_end, places)}; take last or for instance {block_ends(names_in_order(backbone), places)}"
        )
    return keras.Model(backbone.input, backbone.get_layer(spec.trunk_end).output, name=backbone.name)


def _branch(
    spec: ModelSpec,
    backbone: keras.Model,
    tensor: Any,
    trunk: Mapping[str, keras.layers.Layer],
    attention: keras.layers.Layer | None,
) -> Any:
    """Return the feature map of one photograph, after attention."""
    if attention is None:
        return apply_flat(backbone, tensor, trunk)
    if spec.attention_at == FEATURES:
        return attention(apply_flat(backbone, tensor, trunk))
    return apply_flat(backbone, tensor, trunk, {spec.attention_at: attention})


def _check_attention_place(spec: ModelSpec, backbone: keras.Model) -> None:
    if spec.attention == "none" or spec.attention_at == FEATURES:
        return
    places = map_places(backbone)
    if spec.attention_at not in places:
        examples = block_ends(names_in_order(backbone), places)
        raise KerasdrError(
            f"model.attention_at={spec.attention_at!r} names no layer of trunk {spec.trunk} that gives a map"
            f"{suggestion(spec.attention_at, places)}; take {FEATURES} or for instance {examples}"
        )


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

    Batch normalisation gets a momentum of 0.9 in all trunks.

    Fresh, so that each stands in one graph only and its ``output`` is the one that it has there.

    Args:
        backbone: functional model.
        prefix: put before each copy's name.
    """
    return {layer.name: _copy(layer, prefix + layer.name) for layer in backbone.layers}


def _copy(layer: keras.layers.Layer, name: str) -> keras.layers.Layer:
    config = {**layer.get_config(), "name": name}
    if isinstance(layer, keras.layers.BatchNormalization):
        config["momentum"] = _BATCH_NORM_MOMENTUM
    return layer.__class__.from_config(config)


def apply_flat(
    backbone: keras.Model,
    tensor: Any,
    layers: Mapping[str, keras.layers.Layer],
    after: Mapping[str, keras.layers.Layer] | None = None,
) -> Any:
    """Run a functional model's graph on another tensor with other layers in its places, without nesting the model.

    Args:
        backbone: functional model with one input and one output.
        tensor: symbolic tensor that takes the place of the backbone's input.
        layers: from :func:`flat_layers`; given twice, both calls share weights.
        after: layers to put in: each takes the output of the backbone's layer that it is keyed by, and hands its own on
            to all that read that one.

    Returns:
        The symbolic output tensor; the layers then hold the backbone's weights.
    """
    outputs: dict[int, Any] = {}
    inserted = {id(layers[name]): layer for name, layer in (after or {}).items()}

    # Steps of a graph that are no layers (ConvNeXt adds with a plain +) have no weights and stand in any number of graphs.
    # clone_model builds a model of its own around copies of the nodes; the tensors that hang on *our* input are those
    # that the layers return while it runs, so they are caught on the way.
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        output = layer(*args, **kwargs)
        outputs[id(layer)] = inserted[id(layer)](output) if id(layer) in inserted else output
        return outputs[id(layer)]

    keras.models.clone_model(
        backbone, input_tensors=tensor, clone_function=lambda step: layers.get(step.name, step), call_function=call
    )
    for name, layer in layers.items():
        layer.set_weights(backbone.get_layer(name).get_weights())
    return outputs[id(layers[backbone.outputs[0]._keras_history.operation.name])]
