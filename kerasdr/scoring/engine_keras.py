"""The reference engine: Keras, on whatever device TensorFlow, or JAX, sees."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.engine import Answer, EnsembleEngine


class KerasEngine(EnsembleEngine):
    """Rebuilds a bundle's networks from their descriptions and runs them.

    Batches are filled up to ``batch_size``, so that every photograph meets the same compiled graph. Where there is no memory
    for so many, half as many are tried, and half again, and from then on no more are asked for.

    Args:
        bundle: what to run.
        batch_size: photographs at a time.
        gradcam: also give heat maps.
    """

    def __init__(self, bundle: Bundle, batch_size: int = 16, gradcam: bool = True) -> None:
        # Imported here, so that everything but this engine works without TensorFlow in memory.
        from kerasdr.models import with_gradcam

        super().__init__(bundle, batch_size, gradcam)
        self._at_once = batch_size
        self._networks: list[Any] = []
        for member, explained in zip(bundle.members, self.explained, strict=True):
            network = build_network(member)
            self._networks.append(with_gradcam(network) if explained else network)

    def run(self, place: int, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Run one network; see :meth:`EnsembleEngine.run`."""
        while True:
            try:
                parts = [self._ask(place, inputs, start) for start in range(0, len(inputs["image"]), self._at_once)]
                break
            except Exception as error:
                if self._at_once == 1 or not _out_of_memory(error):
                    raise
                self._at_once //= 2
        probabilities = np.concatenate([part[0] for part in parts])
        return probabilities, np.concatenate([part[1] for part in parts]) if self.explained[place] else None

    def _ask(self, place: int, inputs: Mapping[str, NDArray[Any]], start: int) -> tuple[NDArray[Any], ...]:
        part = {name: array[start : start + self._at_once] for name, array in inputs.items()}
        n = len(part["image"])
        given = self._networks[place].predict_on_batch({name: self._fill(array) for name, array in part.items()})
        if not self.explained[place]:
            return (np.asarray(given)[:n],)
        return np.asarray(given["probabilities"])[:n], np.asarray(given["heatmaps"])[:n]

    def _fill(self, array: NDArray[Any]) -> NDArray[Any]:
        missing = self._at_once - len(array)
        return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


def _out_of_memory(error: Exception) -> bool:
    # TensorFlow has a class for it; JAX has one for all that happens on a device, and says what in the text.
    exhausted = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return exhausted or isinstance(error, MemoryError)


def build_network(member: BundleMember) -> Any:
    """Return a member's Keras network, with its weights."""
    from kerasdr.models import build_classifier, set_weights

    network = build_classifier(member.model, member.recipe.size)
    set_weights(network, member.weights)
    return network
