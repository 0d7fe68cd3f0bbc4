"""The reference engine: Keras, on whatever device TensorFlow sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.engine import Batch, EngineOutput, ensemble_output


class KerasEngine:
    """Rebuilds a bundle's networks from their descriptions and runs them.

    Batches are filled up to ``batch_size``, so that every photograph meets the same compiled graph.

    Args:
        bundle: what to run.
        batch_size: photographs at a time.
        gradcam: also give heat maps, of the members that :attr:`Bundle.explained` names.
    """

    def __init__(self, bundle: Bundle, batch_size: int = 16, gradcam: bool = True) -> None:
        # Imported here, so that everything but this engine works without TensorFlow in memory.
        from kerasdr.models import with_gradcam

        self._bundle = bundle
        self._batch_size = batch_size
        self._explained = bundle.explained if gradcam else (False,) * len(bundle.members)
        self._networks = []
        for member, explained in zip(bundle.members, self._explained, strict=True):
            network = build_network(member)
            self._networks.append(with_gradcam(network) if explained else network)

    def predict(self, batch: Batch) -> EngineOutput:
        """Grade a batch of at most ``batch_size`` photographs.

        Raises:
            ValueError: if there are more, or a network gives a number that is not finite.
        """
        n = len(batch)
        if n > self._batch_size:
            raise ValueError(f"an engine for {self._batch_size} photographs at a time was given {n}")
        recipes = self._bundle.recipes
        probabilities: list[NDArray[Any]] = []
        heatmaps: list[NDArray[Any] | None] = []
        for member, network, explained in zip(self._bundle.members, self._networks, self._explained, strict=True):
            inputs = member_inputs(member, batch, recipes)
            given = network.predict_on_batch({name: self._fill(array) for name, array in inputs.items()})
            probabilities.append(np.asarray(given["probabilities"] if explained else given)[:n])
            heatmaps.append(np.asarray(given["heatmaps"])[:n] if explained else None)
        return ensemble_output(self._bundle.ensemble, probabilities, heatmaps if any(self._explained) else None)

    def _fill(self, array: NDArray[Any]) -> NDArray[Any]:
        missing = self._batch_size - len(array)
        return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


def build_network(member: BundleMember) -> Any:
    """Return a member's Keras network, with its weights."""
    from kerasdr.models import build_classifier, set_weights

    network = build_classifier(member.model, member.recipe.size)
    set_weights(network, member.weights)
    return network


def member_inputs(member: BundleMember, batch: Batch, recipes: Sequence[Recipe]) -> dict[str, NDArray[Any]]:
    """Return what a member's network is fed, by the names of its inputs.

    Args:
        member: of the bundle.
        batch: photographs for all of the bundle's recipes.
        recipes: these, in order.
    """
    recipe = recipes.index(member.recipe)
    inputs: dict[str, NDArray[Any]] = {"image": batch.images[recipe]}
    if member.model.mode == "dual":
        inputs["partner"] = batch.partners[member.model.pairing][recipe]
        inputs["partner_present"] = batch.present[member.model.pairing][:, None].astype(np.float32)
    return inputs
