"""Where a classifier has maps: its layers on the way from a photograph to the map that is pooled."""

from typing import Any

import keras

from kerasdr.config import suggestion
from kerasdr.errors import KerasdrError
from kerasdr.models.blocks import block_ends, is_numbered
from kerasdr.models.layer_names import FEATURES, PARTNER


def find_map(model: keras.Model, layer: str, *, partner: bool = False) -> Any:
    """Return a layer's map ``(N, h, w, C)``, as a tensor of the model's graph.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        layer: the layer's name in the photograph's branch, also where the partner's map is wanted.
        partner: the map of the partner's branch, of a dual classifier.

    Raises:
        KerasdrError: if there is no such layer, it gives no map, or it is the partner's own.
    """
    maps = map_tensors(model, partner=partner)
    if layer in maps:
        return maps[layer]
    names = {item.name for item in model.layers}
    own = layer.removeprefix(PARTNER)
    if own != layer and layer in names and own in maps:
        raise KerasdrError(
            f"layer {layer} belongs to the partner's branch: name {own}, of which the partner's map is shown as well"
        )
    problem = "gives no map" if layer in names else "is no layer of the network"
    own_names = [name for name in maps if name != FEATURES]
    examples = block_ends(own_names, own_names)
    raise KerasdrError(f"{layer!r} {problem}{suggestion(layer, maps)}; take {FEATURES} or for instance {examples}")


def map_tensors(model: keras.Model, *, partner: bool = False) -> dict[str, Any]:
    """Return the maps of a branch by the names of their layers, from the photograph's side on.

    The partner's maps go by the names of the photograph's. Layers that Keras has numbered are passed over, since such a
    name may mean another layer the next time, and so are maps of a single place.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        partner: of the partner's branch; empty for a single classifier.
    """
    end = PARTNER + FEATURES if partner else FEATURES
    found: dict[str, Any] = {}
    if end not in {layer.name for layer in model.layers}:
        return found
    # Where both branches share their layers, a layer's ``output`` is that of the photograph; the partner's is found by
    # going back from the map that is pooled, which is one's own for each branch.
    for tensor in _on_the_way(model.get_layer(end).output):
        layer = tensor._keras_history.operation
        if not isinstance(layer, keras.layers.Layer) or isinstance(layer, keras.layers.InputLayer):
            continue
        name = layer.name.removeprefix(PARTNER) if partner else layer.name
        single_place = len(tensor.shape) == 4 and tensor.shape[1:3] == (1, 1)
        if len(tensor.shape) == 4 and (name == FEATURES or not (single_place or is_numbered(layer))):
            found[name] = tensor
    return found


def _on_the_way(end: Any) -> list[Any]:
    """Return all tensors that ``end`` is made of and ``end`` itself, each behind those that it is made of."""
    done: dict[int, Any] = {}
    waiting = [(end, False)]  # trunks are deeper than Python's calls may go
    while waiting:
        tensor, seen = waiting.pop()
        if id(tensor) in done:
            continue
        if seen:
            done[id(tensor)] = tensor
            continue
        waiting.append((tensor, True))
        operation, node, _ = tensor._keras_history
        waiting += [(source, False) for source in reversed(operation._inbound_nodes[node].input_tensors)]
    return list(done.values())
