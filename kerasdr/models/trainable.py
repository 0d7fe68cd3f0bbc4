"""Which layers of a classifier a stage trains."""

import keras

from kerasdr.config import suggestion
from kerasdr.errors import KerasdrError
from kerasdr.models.blocks import layers_by_block, names_in_order
from kerasdr.models.layer_names import PARTNER, is_head


def set_trainable(model: keras.Model, train: str, *, freeze_batch_norm: bool = False) -> int:
    """Choose which layers a stage trains.

    The head, attention included wherever it sits, is always trained. A frozen layer has ``trainable=False``; for batch
    normalisation that means inference mode in Keras, also inside ``fit``: it normalises with its stored statistics and
    does not update them, so that a frozen part computes exactly what it computed before the stage.

    Args:
        model: from :func:`build_classifier`.
        train: ``all``; ``head``; ``after:<block>``: all that follows that block of the trunk, and the head (see
            :func:`kerasdr.models.blocks.block_names`); or ``from:<layer>``: the trunk from that layer on (in graph
            order), and the head. In a dual classifier both branches are cut at the same place.
        freeze_batch_norm: freeze all batch normalisation of the trunk, also in layers that are trained.

    Returns:
        The number of trainable weights (scalars).

    Raises:
        KerasdrError: if ``after:`` names no block or ``from:`` no layer of the trunk; the message lists blocks or
        layers. ValueError: if ``train`` has none of these forms.
    """
    ordered = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    frozen: set[str] = set()
    # Branches may be interleaved in graph order, so each is cut by itself.
    for branch in ("", PARTNER):
        own = [name for name in names_in_order(model) if not is_head(name) and name.startswith(PARTNER) == bool(branch)]
        plain = [name.removeprefix(PARTNER) for name in own]
        if branch and not any(layer.weights for layer in ordered if layer.name in own):
            continue  # branches share the trunk: what stands here is pooling
        frozen.update(own[: _cut(model, plain, train)])
    for layer in ordered:
        trunks = not is_head(layer.name)
        kept = freeze_batch_norm and trunks and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name not in frozen and not kept
    return sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)


def _cut(model: keras.Model, names: list[str], train: str) -> int:
    """Return how many layers of a trunk, whose names are given in graph order, are frozen."""
    if train in ("all", "head"):
        return 0 if train == "all" else len(names)
    form, _, place = train.partition(":")
    if form == "from":
        if place not in names:
            weighted = [name for name in names if model.get_layer(name).weights]
            raise KerasdrError(
                f"stage key train={train!r} names no layer of the trunk{suggestion(place, names)}; "
                f"it has {', '.join(weighted[:3])} ... {', '.join(weighted[-3:])}"
            )
        return names.index(place)
    if form == "after":
        blocks = layers_by_block(names)
        if not blocks:
            raise KerasdrError(
                f"stage key train={train!r}: the layers of this trunk form no named blocks; use from:<layer>"
            )
        if place not in blocks:
            raise KerasdrError(
                f"stage key train={train!r} names no block of the trunk{suggestion(place, blocks)}; "
                f"its blocks are {', '.join(blocks)}"
            )
        return max(names.index(name) for name in blocks[place]) + 1
    raise ValueError(f"train must be all, head, after:<block> or from:<layer>, got {train!r}")
