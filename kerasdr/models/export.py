"""Networks as graphs of an inference engine: a photograph in, probabilities and the heat maps of all grades out.

The graph is the one that Keras runs, input normalisation and Grad-CAM in closed form included. Both formats hold nodes
and numbers and no program.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasdr.models.gradcam import with_gradcam
from kerasdr.no_telemetry import import_openvino

INPUTS = ("image", "partner", "partner_present")
OUTPUTS = ("probabilities", "heatmaps")

# Of ONNX; the oldest that has every operation of ours, so that older runtimes read it.
_OPSET = 18


def to_openvino(model: keras.Model) -> tuple[bytes, bytes]:
    """Return a classifier as OpenVINO's intermediate representation, in float32.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.

    Returns:
        The graph as XML and its numbers. Inputs are those of the model by name, photographs as uint8; outputs are
        ``probabilities`` ``(N, 5)`` and ``heatmaps`` ``(N, h, w, 5)``, as :func:`with_gradcam` has them. N is open.
    """
    openvino = import_openvino()

    with tempfile.TemporaryDirectory() as folder:
        # Read by OpenVINO's own front end: its Python converter does no more here, and reports its use to its makers.
        plain = Path(folder, "graph.pb")
        plain.write_bytes(_frozen(model).graph.as_graph_def().SerializeToString())
        graph = openvino.Core().read_model(os.fspath(plain))
        return serialized(_in_order(graph))


def serialized(graph: Any) -> tuple[bytes, bytes]:
    """Return an OpenVINO graph as XML and its numbers."""
    openvino = import_openvino()

    with tempfile.TemporaryDirectory() as folder:
        xml, numbers = Path(folder, "graph.xml"), Path(folder, "graph.bin")
        openvino.serialize(graph, os.fspath(xml), os.fspath(numbers))
        return xml.read_bytes(), numbers.read_bytes()


def to_onnx(model: keras.Model) -> bytes:
    """Return a classifier as an ONNX model in float32, with the inputs and outputs of :func:`to_openvino`."""
    import tensorflow as tf
    import tf2onnx

    # Frozen before tf2onnx does so: it takes constants from outside a function (ConvNeXt's mean colour) for inputs.
    frozen = _frozen(model)

    def run(*tensors: Any) -> dict[str, Any]:
        return dict(zip(sorted(OUTPUTS), frozen(*tensors), strict=True))

    signature = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.op.name) for tensor in frozen.inputs]
    proto, _ = tf2onnx.convert.from_function(
        tf.function(run), input_signature=signature, opset=_OPSET, custom_op_handlers={"Erfc": (_erfc, [])}
    )
    return bytes(proto.SerializeToString())


def _erfc(graph: Any, node: Any, name: str, arguments: Any) -> None:
    """Write the complementary error function (ConvNeXt's GELU has it), which tf2onnx does not know, as ``1 - erf(x)``."""
    node.type = "Erf"
    result = node.output[0]
    one = graph.make_const(f"{name}_one", np.array(1.0, np.float32)).output[0]
    for operation, inputs in (("Neg", []), ("Add", [one])):
        after = graph.insert_new_node_on_output(operation, result, inputs=[result, *inputs]).output[0]
        graph.copy_shape(result, after)
        graph.copy_dtype(result, after)
        result = after


def _frozen(model: keras.Model) -> Any:
    """Return a TensorFlow function without variables: inputs in the order of INPUTS, heat maps and probabilities."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    explained = with_gradcam(model)
    signature = {
        name: tf.TensorSpec(
            (None, *model.input[name].shape[1:]), tf.float32 if name == "partner_present" else tf.uint8, name=name
        )
        for name in INPUTS
        if name in model.input
    }

    def run(**given: Any) -> dict[str, Any]:
        # Keras has grouped convolutions (ConvNeXt's) compiled by XLA in functions of their own, which no converter to ONNX
        # knows. While this is traced, what such functions do is written down in their place.
        eagerly = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)
        try:
            outputs = explained({name: tf.cast(tensor, tf.float32) for name, tensor in given.items()}, training=False)
        finally:
            tf.config.run_functions_eagerly(eagerly)
        return {name: tf.identity(outputs[name], name=name) for name in OUTPUTS}

    return convert_variables_to_constants_v2(tf.function(run).get_concrete_function(**signature))


def _in_order(graph: Any) -> Any:
    """Return an OpenVINO graph with inputs and outputs in the order and by the names of INPUTS and OUTPUTS.

    All else is named by its place: Keras and TensorFlow number names through a whole process, and the same network has to
    be the same bytes each time.
    """
    openvino = import_openvino()

    def sort(ports: Any, names: tuple[str, ...]) -> dict[str, Any]:
        numbered = {name.split(":")[0]: port for port in ports for name in port.get_names()}
        return {name: numbered[name] for name in names if name in numbered}

    inputs, outputs = sort(graph.inputs, INPUTS), sort(graph.outputs, OUTPUTS)
    results = [port.get_node() for port in outputs.values()]
    ordered = openvino.Model(results, [port.get_node() for port in inputs.values()], "classifier")
    for place, node in enumerate(ordered.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{place}")
        for port in node.outputs():
            port.get_tensor().set_names(set())
    for name, port in (inputs | outputs).items():
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)
    return ordered
