"""Making the graphs that a bundle carries, each compared with Keras before it is kept."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.imaging.recipes import apply_recipe
from kerasdr.no_telemetry import import_openvino
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import EnsembleEngine
from kerasdr.scoring.engine_keras import build_network
from kerasdr.scoring.engines import require_installed
from kerasdr.scoring.golden_making import kept_golden
from kerasdr.scoring.graphs import GraphEngine, Graphs, MemberGraph, member_graph
from kerasdr.scoring.pointer import find_bundle

TOLERANCE: Mapping[str, float] = {"probabilities": 1e-4, "heatmaps": 1e-3}
"""Largest differences to Keras: of a probability, and of a heat map that was divided by its highest value."""

_PEOPLE, _DRAWN_SIZE = 5, 256
# A grade's map that is this much weaker than the photograph's strongest holds rounding errors for the most part.
_WEAK = 1e-3


def build_graphs(bundle: Bundle, engine: GraphEngine) -> Graphs:
    """Make graphs of all of a bundle's networks, and compare each with Keras on drawn photographs.

    Args:
        bundle: whose networks.
        engine: for which engine.

    Raises:
        KerasdrError: if the engine is not installed, or a graph does not give what Keras gives (see :data:`TOLERANCE`).
    """
    require_installed(engine, to_build=True)
    made: dict[str, MemberGraph] = {}
    largest = dict.fromkeys(TOLERANCE, 0.0)
    for member in bundle.members:
        network = build_network(member)
        made[member.name] = _convert(network, engine)
        graphs = Graphs(engine, f"{engine} {_version(engine)}", "float32", made, largest)
        difference = _difference(replace(bundle, graphs={engine: graphs}), member, network, engine)
        if any(not difference[name] <= limit for name, limit in TOLERANCE.items()):
            seen = ", ".join(f"{value:.1e} in {name}" for name, value in difference.items())
            raise KerasdrError(
                f"the graph of {member.name} for {engine} differs from Keras by {seen}: "
                f"leave {engine} out of bundle.engines, and report this network"
            )
        largest = {name: max(largest[name], value) for name, value in difference.items()}
    return replace(graphs, difference=largest)


def rebuild(path: Path, engines: Sequence[GraphEngine]) -> Bundle:
    """Make a bundle's graphs anew, in its folder; those of other engines are kept.

    Args:
        path: a bundle, a run, or a pointer to one.
        engines: for which engines.

    Returns:
        The bundle as it stands then. Its digest is another.

    Raises:
        KerasdrError: as :func:`build_graphs`, or if the bundle cannot be read or written; it is left as it was then.
    """
    folder = find_bundle(path).resolve()
    bundle = load_bundle(folder)
    return put_graphs(folder, bundle, [build_graphs(bundle, engine) for engine in engines])


def put_graphs(folder: Path, bundle: Bundle, graphs: Sequence[Graphs]) -> Bundle:
    """Write a bundle anew with graphs; those of other engines stay. Keras is needed if it has no golden photographs yet.

    Args:
        folder: where it lies.
        bundle: as it was loaded from there.
        graphs: for some engines.

    Returns:
        The bundle as it stands then.

    Raises:
        KerasdrError: if it cannot be read or written; it is left as it was then.
    """
    if load_bundle(folder).digest != bundle.digest:
        raise KerasdrError(
            f"{printable_path(folder)} was changed while graphs were made for it: give the command again"
        )
    every = dict(bundle.graphs) | {part.engine: part for part in graphs}
    write_bundle(
        folder,
        name=bundle.name,
        members=bundle.members,
        ensemble=bundle.ensemble,
        validation=bundle.validation,
        max_megapixels=bundle.max_megapixels,
        graphs=list(every.values()),
        calibration=bundle.calibration,
        golden=kept_golden(replace(bundle, graphs=every)),
        about=bundle.about,
        reference=bundle.reference,
        doubts=bundle.doubts,
        eye_sides=bundle.eye_sides,
    )
    return load_bundle(folder)


def _version(engine: GraphEngine) -> str:
    module = import_openvino() if engine == "openvino" else importlib.import_module(engine)
    return str(module.__version__).split("-")[0]


def _convert(network: Any, engine: GraphEngine) -> MemberGraph:
    from kerasdr.models.export import to_onnx, to_openvino

    try:
        return member_graph(to_openvino(network) if engine == "openvino" else (to_onnx(network),))
    except Exception as error:  # converters raise a dozen kinds
        first = (str(error).strip().splitlines() or [""])[0]
        raise KerasdrError(
            f"a graph for {engine} cannot be made ({type(error).__name__}: {first[:200]}): leave {engine} out, and report this "
            "network"
        ) from error


def _difference(bundle: Bundle, member: BundleMember, network: Any, engine: GraphEngine) -> dict[str, float]:
    """Return the largest differences between what a member's graph and Keras give."""
    from kerasdr.models import with_gradcam

    inputs = _drawn(member)
    alone = replace(bundle, members=(member,), ensemble=EnsembleSpec("soft", (1.0,)))
    probabilities, maps = _engine(alone, engine, len(inputs["image"])).run(0, inputs)
    expected = with_gradcam(network)(inputs, training=False)
    expected_maps = np.asarray(expected["heatmaps"])
    tops = expected_maps.max(axis=(1, 2), keepdims=True)
    scale = np.maximum(tops, _WEAK * tops.max(axis=3, keepdims=True))
    # NaN stays NaN and is within no tolerance.
    return {
        "probabilities": float(np.abs(probabilities - np.asarray(expected["probabilities"])).max()),
        "heatmaps": float(np.abs((maps - expected_maps) / np.where(scale > 0, scale, 1.0)).max()),
    }


def _engine(bundle: Bundle, engine: GraphEngine, batch_size: int) -> EnsembleEngine:
    """Return an engine that is used once: what it compiles is not kept."""
    if engine == "openvino":
        from kerasdr.scoring.engine_openvino import OpenVINOEngine

        return OpenVINOEngine(bundle, batch_size, keep_compiled=False)
    from kerasdr.scoring.engine_onnxruntime import ONNXRuntimeEngine

    return ONNXRuntimeEngine(bundle, batch_size)


def _drawn(member: BundleMember) -> dict[str, NDArray[Any]]:
    """Return drawn photographs as a member is fed them, every third without its partner."""
    eyes = [eye.image for person in range(_PEOPLE) for eye in draw_person(2, person, _DRAWN_SIZE)]
    images = np.stack([apply_recipe(member.recipe, eye) for eye in eyes])
    if member.model.mode == "single":
        return {"image": images}
    present = (np.arange(len(eyes)) % 3 > 0).astype(np.float32)[:, None]
    partners = np.roll(images, 1, axis=0) * present.astype(np.uint8)[:, :, None, None]
    return {"image": images, "partner": partners, "partner_present": present}
