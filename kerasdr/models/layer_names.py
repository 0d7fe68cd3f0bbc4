"""Names that layers of a classifier have, and what they say about a layer's part."""

PARTNER = "partner_"
"""Prefix of the names of the partner's own layers in a dual classifier."""

ATTENTION = "attention"
"""Name of the attention layer; the partner's own, if it has one, is called ``partner_attention``."""

FEATURES = "features"
"""Name of the map that is pooled and that Grad-CAM explains: the trunk's, after attention."""

HEAD_NORM = "head_norm"
"""Name of the normalisation of the pooled vector; the partner's own, if it has one, is called ``partner_head_norm``."""


def is_head(name: str) -> bool:
    """Return whether a layer of a classifier belongs to its head: attention, normalisation, hidden layers, dropout, output.

    Attention counts as head wherever it sits, since it starts from random weights where the head does: with a trunk from
    any file but a run's.
    """
    name = name.removeprefix(PARTNER)
    return name in (ATTENTION, HEAD_NORM, "logits", "probabilities") or name.startswith(("hidden_", "dropout_"))
