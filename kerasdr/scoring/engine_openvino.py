"""The engine for processors: graphs that a bundle carries, run by OpenVINO. It needs no training framework."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.machine import available_cores
from kerasdr.no_telemetry import import_openvino
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.compiled import Wanted, compile_network, compiled_network
from kerasdr.scoring.engine import Answer, Batch, Begun, EngineOutput, EnsembleEngine
from kerasdr.scoring.graphs import Graphs

# Photographs that one thread takes at a time. Always as many, filled up where there are fewer, so that no photograph's answer
# can hang on how many came with it. One at a time ran at 0.93 of the rate of four (ResNet18), eight at no more.
_TOGETHER = 4


class OpenVINOEngine(EnsembleEngine):
    """Runs a bundle's OpenVINO graphs, one thread a core, each with photographs of its own; threads may share an engine.

    Args:
        bundle: with graphs for OpenVINO.
        batch_size: photographs at a time.
        gradcam: also give heat maps.
        cores: to keep busy; all that this process may use if None.
        keep_compiled: take compiled networks from the user's cache folder, and put them there.

    Raises:
        KerasdrError: if this OpenVINO cannot read the graphs.
    """

    def __init__(
        self,
        bundle: Bundle,
        batch_size: int = 16,
        gradcam: bool = True,
        cores: int | None = None,
        *,
        keep_compiled: bool = True,
    ) -> None:
        openvino = import_openvino()
        meet_numpy(openvino)

        super().__init__(bundle, batch_size, gradcam)
        cores = cores or available_cores()
        core = openvino.Core()
        graphs = bundle.graphs["openvino"]

        def load(place: int) -> SimpleQueue[Any]:
            member = bundle.members[place]
            outputs = ("probabilities", "heatmaps") if self.explained[place] else ("probabilities",)
            wanted = Wanted(graphs.members[member.name], _shapes(member), outputs, _settings(graphs, cores))
            network = (compiled_network if keep_compiled else compile_network)(core, wanted)
            requests: SimpleQueue[Any] = SimpleQueue()
            for _ in range(cores):
                requests.put(network.create_infer_request())
            return requests

        self._pool = ThreadPoolExecutor(cores)
        self._requests = list(self._pool.map(load, range(len(bundle.members))))

    def predict(self, batch: Batch) -> EngineOutput:
        """Grade a batch; see :meth:`EnsembleEngine.predict`."""
        return self.begin(batch).result()

    def begin(self, batch: Batch) -> Begun:
        """Take a batch; all members' networks, and those of the next batch, share the cores without waiting for one another."""
        return _Together(self, [self._begin(place, inputs) for place, inputs in enumerate(self.inputs(batch))])

    def run(self, place: int, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Run one network; see :meth:`EnsembleEngine.run`."""
        return self._begin(place, inputs).result()

    def _begin(self, place: int, inputs: Mapping[str, NDArray[Any]]) -> "_Running":
        n = len(inputs["image"])
        parts = [
            self._pool.submit(
                self._ask, place, {name: array[start : start + _TOGETHER] for name, array in inputs.items()}
            )
            for start in range(0, n, _TOGETHER)
        ]
        return _Running(parts, n)

    def _ask(self, place: int, part: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        names = ("probabilities", "heatmaps") if self.explained[place] else ("probabilities",)
        # As many as there are threads, so that there always is one.
        request = self._requests[place].get()
        try:
            request.infer({name: _filled(array) for name, array in part.items()})
            # The request's memory is used again for the next photographs.
            return [np.array(request.get_tensor(name).data) for name in names]
        finally:
            self._requests[place].put(request)


def meet_numpy(openvino: Any) -> None:
    """Have OpenVINO's Python part use NumPy for the first time, in this thread alone.

    It learns of NumPy under a lock of its own, and lets Python's go meanwhile: a second thread that comes for the same then
    takes Python's and waits for the other, for ever. That was seen, as work that stood still before its first photograph.
    Later uses take no such lock.
    """
    for kind in (np.uint8, np.float32):
        openvino.Tensor(np.zeros(1, kind)).data[:] = 1


@dataclass(frozen=True)
class _Running:
    """A network at work on the parts of a batch of ``n``."""

    parts: Sequence[Future[list[NDArray[np.float32]]]]
    n: int

    def result(self) -> Answer:
        try:
            given = [np.concatenate(arrays)[: self.n] for arrays in zip(*(p.result() for p in self.parts), strict=True)]
        except BaseException:  # an interruption too: nobody will ask for the rest
            self.cancel()
            raise
        return given[0], given[1] if len(given) > 1 else None

    def cancel(self) -> None:
        for part in self.parts:
            part.cancel()


@dataclass(frozen=True)
class _Together:
    """All networks of an ensemble at work on a batch."""

    engine: OpenVINOEngine
    members: Sequence[_Running]

    def result(self) -> EngineOutput:
        try:
            return self.engine.together([member.result() for member in self.members])
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        for member in self.members:
            member.cancel()


def _shapes(member: BundleMember) -> dict[str, tuple[int, ...]]:
    photographs = (_TOGETHER, member.recipe.size, member.recipe.size, 3)
    if member.model.mode == "dual":
        return {"image": photographs, "partner": photographs, "partner_present": (_TOGETHER, 1)}
    return {"image": photographs}


def _settings(graphs: Graphs, cores: int) -> dict[str, Any]:
    return {
        # Where a processor has shorter numbers, OpenVINO takes them unless it is told not to.
        "INFERENCE_PRECISION_HINT": "bf16" if graphs.precision == "bfloat16" else "f32",
        "NUM_STREAMS": cores,
        "INFERENCE_NUM_THREADS": cores,
        # Pinned threads of two processes would sit on the same cores.
        "ENABLE_CPU_PINNING": False,
    }


def _filled(array: NDArray[Any]) -> NDArray[Any]:
    missing = _TOGETHER - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
