"""Graphs of inference engines: what a bundle carries so that scoring needs no training framework."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from kerasdr.files import sha256_of

GraphEngine = Literal["openvino", "onnxruntime"]
GRAPH_ENGINES: tuple[GraphEngine, ...] = get_args(GraphEngine)
Precision = Literal["float32", "bfloat16", "int8"]

ENDINGS: Mapping[GraphEngine, tuple[str, ...]] = {"openvino": (".xml", ".bin"), "onnxruntime": (".onnx",)}
"""Of the files that hold one network's graph, by engine."""


@dataclass(frozen=True)
class MemberGraph:
    """One network's graph.

    Attributes:
        digest: SHA-256 over its files' own digests.
        read: returns the files' contents, in the order of :data:`ENDINGS`.
    """

    digest: str
    read: Callable[[], tuple[bytes, ...]]


@dataclass(frozen=True)
class Graphs:
    """The graphs of all of a bundle's networks for one engine.

    Inputs are ``image`` and for dual networks ``partner`` ``(N, S, S, 3)`` uint8 and ``partner_present`` ``(N, 1)``
    float32; outputs ``probabilities`` ``(N, 5)`` and ``heatmaps`` ``(N, h, w, 5)``.

    Attributes:
        engine: whose they are.
        made_with: the version that made them.
        precision: of the arithmetic.
        members: by the name of each network.
        difference: largest differences to Keras that were seen when they were made: ``probabilities`` and ``heatmaps``
            (of maps brought to a maximum of 1). At a lower precision, those to the graphs in float32.
        validation_kappa: at a lower precision, quadratic kappa on validation data in float32 and at that precision.
    """

    engine: GraphEngine
    made_with: str
    precision: Precision
    members: Mapping[str, MemberGraph]
    difference: Mapping[str, float]
    validation_kappa: Mapping[str, float] = field(default_factory=dict)


def member_graph(files: tuple[bytes, ...]) -> MemberGraph:
    """Return a graph that is in memory."""
    return MemberGraph(sha256_of("".join(sha256_of(data) for data in files).encode()), lambda: files)


def graph_files(engine: GraphEngine, member: str) -> tuple[str, ...]:
    """Return the names of the files in a bundle that hold a network's graph."""
    return tuple(f"graphs/{engine}/{member}{ending}" for ending in ENDINGS[engine])
