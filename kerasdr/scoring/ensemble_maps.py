"""Heat maps of a bundle as `kerasdr predict` shows them, of batches, by any method, and with other weights."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.scoring.arrays import Arrays
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Batch, combined_heat, member_inputs
from kerasdr.scoring.engine_keras import build_network

if TYPE_CHECKING:
    from kerasdr.models.cam import CamMethod

# Photographs at a time: enough to keep two cores busy, few enough for the memory of a large network's maps.
_AT_ONCE = 16


class EnsembleMaps:
    """A bundle's networks with their heat maps, in Keras.

    Args:
        bundle: whose networks are asked.
        methods: of :mod:`kerasdr.models.cam`, one or more.
        layer: whose map is weighed; ``features`` is the one that is pooled.
        max_channels: of Score-CAM; None for all.

    Attributes:
        bundle: as given.
        left_out: why, by the name of each member whose map is not in the ensemble's: it sees another frame, or has no such
            layer.

    Raises:
        KerasdrError: if no member has such a layer.
    """

    def __init__(
        self,
        bundle: Bundle,
        methods: Sequence["CamMethod"] = ("gradcam",),
        layer: str = "features",
        *,
        max_channels: int | None = 128,
    ) -> None:
        # Imported here, so that importing this module does not load TensorFlow.
        from kerasdr.models.cam import HeatMaps

        self.bundle = bundle
        self.left_out: dict[str, str] = {}
        self._networks = [build_network(member) for member in bundle.members]
        self._maps: list[dict[str, HeatMaps]] = []
        for member, network, explained in zip(bundle.members, self._networks, bundle.explained, strict=True):
            maps: dict[str, HeatMaps] = {}
            if not explained:
                self.left_out[member.name] = "it sees another frame of the photograph"
            else:
                try:
                    maps = {name: HeatMaps(network, name, layer, max_channels=max_channels) for name in methods}
                except KerasdrError as error:
                    self.left_out[member.name] = str(error)
            self._maps.append(maps)
        if not any(self._maps):
            name, reason = next(iter(self.left_out.items()))
            raise KerasdrError(f"member {name}: {reason}")

    def set_weights(self, weights: Sequence[Arrays]) -> None:
        """Give the networks other weights, of each member in order, or their own back."""
        from kerasdr.models import set_weights

        for network, arrays in zip(self._networks, weights, strict=True):
            set_weights(network, arrays)

    def grade(self, batch: Batch) -> NDArray[np.float64]:
        """Return the ensemble's probabilities, ``(N, 5)``, calibrated if the bundle has a calibration."""
        parts = [self._grade(part) for part in _parts(batch)]
        return np.concatenate(parts)

    def heat(self, batch: Batch, grades: NDArray[np.integer], method: "CamMethod") -> NDArray[np.float32]:
        """Return the ensemble's heat map of a grade of each photograph, ``(N, h, w)`` in 0..1.

        Args:
            batch: the photographs.
            grades: ``(N,)``.
            method: one of those that were asked for.
        """
        starts = range(0, len(batch), _AT_ONCE)
        parts = [
            self._heat(part, grades[start : start + _AT_ONCE], method)
            for start, part in zip(starts, _parts(batch), strict=True)
        ]
        return np.concatenate(parts)

    def _inputs(self, batch: Batch) -> list[Mapping[str, NDArray[Any]]]:
        return [member_inputs(member, batch, self.bundle.recipes) for member in self.bundle.members]

    def _grade(self, batch: Batch) -> NDArray[np.float64]:
        own = [
            np.asarray(network.predict_on_batch(dict(given)), np.float64)
            for network, given in zip(self._networks, self._inputs(batch), strict=True)
        ]
        return self.bundle.combined(np.stack(own))

    def _heat(self, batch: Batch, grades: NDArray[np.integer], method: "CamMethod") -> NDArray[np.float32]:
        heats = [
            maps[method](given, grades) if maps else None
            for maps, given in zip(self._maps, self._inputs(batch), strict=True)
        ]
        return combined_heat(self.bundle.ensemble.weights, heats)


def _parts(batch: Batch) -> list[Batch]:
    """Return a batch in parts of a bounded number of photographs."""
    parts = []
    for start in range(0, len(batch), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        partners = {pairing: [images[part] for images in others] for pairing, others in batch.partners.items()}
        present = {pairing: there[part] for pairing, there in batch.present.items()}
        parts.append(Batch([images[part] for images in batch.images], partners, present))
    return parts
