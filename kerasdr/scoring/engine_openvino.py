"""The engine for processors: graphs that a bundle carries, run by OpenVINO. It needs no training framework."""

import contextlib
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.machine import available_cores
from kerasdr.no_telemetry import import_openvino
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.compiled import Wanted, compile_network, compiled_network
from kerasdr.scoring.engine import EnsembleEngine
from kerasdr.scoring.graphs import Graphs

# Photographs that one thread takes at a time. Always as many, filled up where there are fewer, so that no photograph's answer
# can hang on how many came with it. One at a time ran at 0.93 of the rate of four (ResNet18), eight at no more.
_TOGETHER = 4


class OpenVINOEngine(EnsembleEngine):
    """Runs a bundle's OpenVINO graphs, one thread a core, each with photographs of its own; callers wait for one another.

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

        super().__init__(bundle, batch_size, gradcam)
        cores = cores or available_cores()
        core = openvino.Core()
        graphs = bundle.graphs["openvino"]

        def load(place: int) -> Any:
            member = bundle.members[place]
            outputs = ("probabilities", "heatmaps") if self.explained[place] else ("probabilities",)
            wanted = Wanted(graphs.members[member.name], _shapes(member), outputs, _settings(graphs, cores))
            network = (compiled_network if keep_compiled else compile_network)(core, wanted)
            return [network.create_infer_request() for _ in range(cores)]

        with ThreadPoolExecutor(cores) as pool:
            self._requests = list(pool.map(load, range(len(bundle.members))))
        self._lock = threading.Lock()

    def run(
        self, place: int, inputs: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating] | None]:
        """Run one network; see :meth:`EnsembleEngine.run`."""
        n = len(inputs["image"])
        names = ("probabilities", "heatmaps") if self.explained[place] else ("probabilities",)
        requests = self._requests[place]
        starts = range(0, n, _TOGETHER)
        parts: list[list[NDArray[np.float32]]] = []
        running: deque[Any] = deque()

        def collect() -> None:
            request = running[0]
            request.wait()
            # The request's memory is used again for the next photographs.
            parts.append([np.array(request.get_tensor(name).data) for name in names])
            running.popleft()

        with self._lock:
            try:
                for number, start in enumerate(starts):
                    if len(running) == len(requests):
                        collect()
                    part = {name: _filled(array[start : start + _TOGETHER]) for name, array in inputs.items()}
                    request = requests[number % len(requests)]
                    running.append(request)
                    request.start_async(part)
                while running:
                    collect()
            finally:
                for request in running:  # an exception must not leave a request at work
                    with contextlib.suppress(RuntimeError):
                        request.wait()
        given = [np.concatenate(arrays)[:n] for arrays in zip(*parts, strict=True)]
        return given[0], given[1] if self.explained[place] else None


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
