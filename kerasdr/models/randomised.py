"""Networks with some layers back at random weights, for the sanity checks of explanations.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: a map that hardly changes when the network forgets what it
has learnt does not explain what it has learnt.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import ModelSpec
from kerasdr.models.classifier import build_classifier
from kerasdr.models.weights import get_weights

Weights = Mapping[str, NDArray[np.generic]]


def weighted_layers(weights: Weights) -> tuple[str, ...]:
    """Return the names of the layers that have weights, from the head to the first.

    Args:
        weights: by ``<position>:<layer>/<variable>``, as :func:`kerasdr.models.get_weights` gives them; positions go from
            the photograph to the head.
    """
    return tuple(reversed(dict.fromkeys(_layer(key) for key in sorted(weights))))


def initial_weights(spec: ModelSpec, size: int, seed: int) -> dict[str, NDArray[np.generic]]:
    """Return the weights that a network begins with: random by each layer's own initialiser, batch norm's at its start.

    Args:
        spec: the network; where its trained weights came from does not count.
        size: side of its photographs in pixels.
        seed: of the weights.
    """
    return get_weights(build_classifier(spec, size, seed=seed))


def randomised(trained: Weights, initial: Weights, layers: Collection[str]) -> dict[str, NDArray[np.generic]]:
    """Return trained weights with those of some layers, all that they have, as they are at the start of a training.

    Args:
        trained: the network's weights.
        initial: from :func:`initial_weights` of the same network.
        layers: names out of :func:`weighted_layers`.

    Raises:
        ValueError: if a name is no layer's, or the weights are not of one network.
    """
    unknown = set(layers) - {_layer(key) for key in trained}
    if unknown:
        raise ValueError(f"no layers with weights are called {sorted(unknown)}")
    start = {key.partition(":")[0]: array for key, array in initial.items()}
    if {key.partition(":")[0]: array.shape for key, array in trained.items()} != {
        position: array.shape for position, array in start.items()
    }:
        raise ValueError("trained and initial weights must be of one network")
    return {
        key: np.asarray(start[key.partition(":")[0]] if _layer(key) in layers else array)
        for key, array in trained.items()
    }


def cascade(layers: Sequence[str], stages: int) -> list[tuple[str, ...]]:
    """Split layers into parts of nearly equal length, in their order, the first of them, the last layer, alone.

    Args:
        layers: from :func:`weighted_layers`.
        stages: how many parts at most.

    Returns:
        The parts; random weights are put into the first, then into the first two, and so on.
    """
    rest = list(layers[1:])
    parts = [part for part in np.array_split(np.arange(len(rest)), max(1, stages - 1)) if len(part)]
    return [(layers[0],), *(tuple(rest[place] for place in part) for part in parts)]


def _layer(key: str) -> str:
    return key.partition(":")[2].rpartition("/")[0]
