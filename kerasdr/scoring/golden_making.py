"""Golden photographs for a bundle that is being written: drawn, and answered by Keras, the reference."""

import importlib
from dataclasses import replace

from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine_keras import KerasEngine
from kerasdr.scoring.engine_openvino import OpenVINOEngine
from kerasdr.scoring.golden import make_golden, with_precision
from kerasdr.scoring.golden_part import Golden
from kerasdr.scoring.golden_photographs import draw_golden_photographs

_AT_ONCE = 16


def reference_golden(bundle: Bundle) -> Golden:
    """Return golden photographs of a bundle, whatever golden photographs it has, answered by Keras in float32."""
    photographs = draw_golden_photographs(bundle.recipes)
    engine = KerasEngine(bundle, _AT_ONCE)
    return make_golden(bundle, engine, photographs, f"keras {importlib.import_module('keras').__version__}")


def kept_golden(bundle: Bundle) -> Golden:
    """Return a bundle's golden photographs for the graphs that it has now, made anew only if it has none.

    Answers at a lower precision are those of its graphs; what graphs that it no longer has gave is dropped.
    """
    golden = bundle.golden or reference_golden(bundle)
    first = {"float32": golden.part.probabilities["float32"]}
    golden = replace(golden, part=golden.part.model_copy(update={"probabilities": first}))
    for name, graphs in bundle.graphs.items():
        if graphs.precision != "float32" and name == "openvino":
            engine = OpenVINOEngine(bundle, _AT_ONCE, gradcam=False, keep_compiled=False)
            golden = with_precision(golden, bundle, engine, graphs.precision)
    return golden
