"""Which engine runs a bundle on this machine, and making it."""

import importlib.util
import os
from typing import Literal, get_args

from kerasdr.errors import KerasdrError
from kerasdr.extras import how_to_install
from kerasdr.machine import missing_instructions
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.graphs import GRAPH_ENGINES, GraphEngine

DEFAULT_BATCH_SIZE = 16

EngineName = Literal["auto", "openvino", "onnxruntime", "keras"]
ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)


def choose_engine(bundle: Bundle, name: EngineName = "auto") -> EngineName:
    """Return the engine that runs a bundle here.

    ``auto`` is the first of ``openvino`` and ``onnxruntime`` that is installed and that the bundle has graphs for, else
    ``keras``. In float32 that changes the speed and not the grades: graphs are compared with Keras when they are made. Graphs
    of a lower precision are not passed over silently, as the others would give other answers under the bundle's name.

    Args:
        bundle: what is to be run.
        name: of an engine, or ``auto``.

    Raises:
        KerasdrError: if the engine is not installed, the bundle has no graphs for it, or the processor cannot run it.
    """
    if name == "auto":
        lower = [engine for engine, graphs in bundle.graphs.items() if graphs.precision != "float32"]
        wanted = lower or [engine for engine in GRAPH_ENGINES if engine in bundle.graphs and _installed(engine)]
        name = wanted[0] if wanted else "keras"
    if name == "keras":
        require_keras()
        return name
    others = "take another --engine"
    require_installed(name, f", or {others}")
    if name not in bundle.graphs:
        raise KerasdrError(
            f"{bundle.label} has no graphs for the engine {name}: make them with `kerasdr bundle build --engine {name}`, "
            f"or {others}"
        )
    return name


def require_installed(engine: GraphEngine, or_else: str = "", *, to_build: bool = False) -> None:
    """Refuse an engine that is not installed, or with ``to_build`` one for which graphs cannot be made.

    Raises:
        KerasdrError: that says how to install it, and ends with ``or_else``.
    """
    needed = ("onnxruntime", "onnx", "tf2onnx") if engine == "onnxruntime" and to_build else (engine,)
    if not all(_installed(name) for name in needed):
        raise KerasdrError(f"the engine {engine} is not installed: {how_to_install(engine)}{or_else}")


def make_engine(
    bundle: Bundle,
    batch_size: int = DEFAULT_BATCH_SIZE,
    gradcam: bool = True,
    *,
    engine: EngineName = "auto",
    cores: int | None = None,
) -> Engine:
    """Return the engine that runs a bundle on this machine.

    Args:
        bundle: from :func:`kerasdr.load_bundle`.
        batch_size: photographs at a time.
        gradcam: also give heat maps.
        engine: which one, see :func:`choose_engine`.
        cores: for the engine to keep busy; all that this process may use if None. Keras decides for itself.

    Raises:
        KerasdrError: if the engine is not installed, the bundle has no graphs for it, or the processor cannot run it.
    """
    name = choose_engine(bundle, engine)
    if name == "openvino":
        from kerasdr.scoring.engine_openvino import OpenVINOEngine

        return OpenVINOEngine(bundle, batch_size, gradcam, cores)
    if name == "onnxruntime":
        from kerasdr.scoring.engine_onnxruntime import ONNXRuntimeEngine

        return ONNXRuntimeEngine(bundle, batch_size, gradcam, cores)
    from kerasdr.scoring.engine_keras import KerasEngine

    return KerasEngine(bundle, batch_size, gradcam)


def require_keras() -> None:
    """Refuse Keras where it cannot run, before it is loaded.

    Raises:
        KerasdrError: if it is not installed, or the processor lacks what TensorFlow needs.
    """
    framework = "jax" if os.environ.get("KERAS_BACKEND") == "jax" else "tensorflow"
    if framework == "tensorflow" and (missing := missing_instructions(["avx"])):
        # TensorFlow would end the process without a word.
        raise KerasdrError(
            f"this processor has no {missing[0].upper()}, which TensorFlow needs: "
            "make graphs on another machine with `kerasdr bundle build`, and copy the model here"
        )
    if not _installed(framework) or not _installed("keras"):
        raise KerasdrError(f"the engine keras is not installed: {how_to_install(framework)}, or take another --engine")


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
