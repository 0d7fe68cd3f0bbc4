import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models.attention import (
    CBAM,
    ChannelAttention,
    SelfAttention,
    SpatialAttention,
    attention_names,
    make_attention,
)


def test_names_and_what_they_make() -> None:
    assert attention_names() == ("none", "spatial", "channel", "self", "cbam")
    assert make_attention(ModelSpec(), "attention") is None
    kinds = {"spatial": SpatialAttention, "channel": ChannelAttention, "self": SelfAttention, "cbam": CBAM}
    for name, kind in kinds.items():
        layer = make_attention(ModelSpec(attention=name), "here")
        assert type(layer) is kind
        assert layer.name == "here"


def test_settings_reach_the_layers() -> None:
    spatial = make_attention(ModelSpec(attention="spatial", attention_kernel=11, attention_relu=True), "attention")
    assert isinstance(spatial, SpatialAttention) and (spatial.kernel_size, spatial.relu) == (11, True)
    cbam = make_attention(ModelSpec(attention="cbam", attention_kernel=5, attention_relu=True), "attention")
    assert isinstance(cbam, CBAM) and (cbam.spatial.kernel_size, cbam.spatial.relu) == (5, True)


def test_unknown_names_are_explained() -> None:
    with pytest.raises(
        KerasdrError, match=r"'chanel' \(did you mean channel\?\); model.attention is one of none, spatial"
    ):
        make_attention(ModelSpec(attention="chanel"), "attention")
