"""Attention layers: maps in, maps of the same shape out; one layer a file, and a registry by name."""

from kerasdr.models.attention.cbam import CBAM
from kerasdr.models.attention.channel import ChannelAttention
from kerasdr.models.attention.registry import attention_names, make_attention
from kerasdr.models.attention.self_attention import SelfAttention
from kerasdr.models.attention.spatial import SpatialAttention

__all__ = ["CBAM", "ChannelAttention", "SelfAttention", "SpatialAttention", "attention_names", "make_attention"]
