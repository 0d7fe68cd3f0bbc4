"""Names of attention layers and how each is made from a model's configuration; a new one is one entry."""

from collections.abc import Callable

import keras

from kerasdr.config import ModelSpec, suggestion
from kerasdr.errors import KerasdrError
from kerasdr.models.attention.cbam import CBAM
from kerasdr.models.attention.channel import ChannelAttention
from kerasdr.models.attention.self_attention import SelfAttention
from kerasdr.models.attention.spatial import SpatialAttention

NONE = "none"

_MAKERS: dict[str, Callable[[ModelSpec, str], keras.layers.Layer]] = {
    "spatial": lambda spec, name: SpatialAttention(spec.attention_kernel, spec.attention_relu, name=name),
    "channel": lambda spec, name: ChannelAttention(name=name),
    "self": lambda spec, name: SelfAttention(name=name),
    "cbam": lambda spec, name: CBAM(spec.attention_kernel, relu=spec.attention_relu, name=name),
}


def attention_names() -> tuple[str, ...]:
    """Return the values that ``model.attention`` takes."""
    return (NONE, *_MAKERS)


def make_attention(spec: ModelSpec, name: str) -> keras.layers.Layer | None:
    """Make the attention layer of a classifier.

    Args:
        spec: the classifier's configuration.
        name: what the layer is called.

    Returns:
        A layer from maps ``(N, h, w, C)`` to maps of the same shape, or None for attention ``none``.

    Raises:
        KerasdrError: if there is no such attention; the message lists those that exist.
    """
    if spec.attention == NONE:
        return None
    if spec.attention not in _MAKERS:
        raise KerasdrError(
            f"no attention is called {spec.attention!r}{suggestion(spec.attention, attention_names())}; "
            f"model.attention is one of {', '.join(attention_names())}"
        )
    return _MAKERS[spec.attention](spec, name)
