"""The portable engine: ONNX graphs that a bundle carries, run by ONNX Runtime."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.machine import available_cores
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Answer, EnsembleEngine


class ONNXRuntimeEngine(EnsembleEngine):
    """Runs a bundle's ONNX graphs.

    Args:
        bundle: with graphs for ONNX Runtime.
        batch_size: photographs at a time.
        gradcam: also give heat maps.
        cores: to keep busy; all that this process may use if None.

    Raises:
        KerasdrError: if this ONNX Runtime cannot read the graphs.
    """

    def __init__(self, bundle: Bundle, batch_size: int = 16, gradcam: bool = True, cores: int | None = None) -> None:
        import onnxruntime

        super().__init__(bundle, batch_size, gradcam)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores or available_cores()
        options.inter_op_num_threads = 1
        # Threads that have nothing to do would otherwise keep their cores from those that read and draw.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._sessions = []
        for member in bundle.members:
            (data,) = bundle.graphs["onnxruntime"].members[member.name].read()
            try:
                self._sessions.append(onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]))
            except Exception as error:  # of half a dozen kinds that have no base of their own
                raise KerasdrError(
                    f"onnxruntime {onnxruntime.__version__} cannot read the model's graph: "
                    "make it again with `kerasdr bundle build`"
                ) from error

    def run(self, place: int, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Run one network; see :meth:`EnsembleEngine.run`."""
        if not self.explained[place]:
            return self._sessions[place].run(["probabilities"], dict(inputs))[0], None
        probabilities, heatmaps = self._sessions[place].run(["probabilities", "heatmaps"], dict(inputs))
        return probabilities, heatmaps
