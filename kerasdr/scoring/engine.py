"""What executes a bundle: arrays in, grade probabilities and heat maps out, whatever does the arithmetic."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration import CalibrationPart
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, combine_calibrated


@dataclass(frozen=True)
class Batch:
    """Photographs to be graded together.

    Attributes:
        images: one array ``(N, S, S, 3)`` uint8 for each of the bundle's recipes, in their order.
        partners: for each pairing that the bundle's dual members use: one array like ``images`` for each recipe, zeros
            where there is no partner.
        present: for each pairing, ``(N,)`` booleans: whether there is a partner.
    """

    images: Sequence[NDArray[np.uint8]]
    partners: Mapping[str, Sequence[NDArray[np.uint8]]]
    present: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.images[0])


@dataclass(frozen=True)
class EngineOutput:
    """Grades of a batch.

    Attributes:
        probabilities: ``(N, 5)``, rows summing to 1, calibrated if the bundle has a calibration.
        heatmaps: ``(N, h, w)`` in 0..1, Grad-CAM of the most probable grade, or None if not asked for.
    """

    probabilities: NDArray[np.float64]
    heatmaps: NDArray[np.float32] | None


class Engine(Protocol):
    """Grades batches by a bundle that it was made for."""

    def predict(self, batch: Batch) -> EngineOutput:
        """Grade a batch."""
        ...


class Begun(Protocol):
    """A batch that an engine was given."""

    def result(self) -> EngineOutput:
        """Wait for the answer and return it."""
        ...

    def cancel(self) -> None:
        """Leave undone what was not begun; there is no answer then."""
        ...


@dataclass(frozen=True)
class Later:
    """A batch that is graded when its answer is asked for: all that an engine needs which cannot work by itself."""

    engine: Engine
    batch: Batch

    def result(self) -> EngineOutput:
        """Grade it."""
        return self.engine.predict(self.batch)

    def cancel(self) -> None:
        """Nothing was begun."""


def begin(engine: Engine, batch: Batch) -> Begun:
    """Give an engine a batch; one that can work by itself goes on with it while the caller does other things.

    Args:
        engine: for batches of this size.
        batch: not to be changed until the answer is there.

    Raises:
        ValueError: if there are more photographs than the engine was made for.
    """
    return engine.begin(batch) if isinstance(engine, EnsembleEngine) else Later(engine, batch)


Answer = tuple[NDArray[np.floating], NDArray[np.floating] | None]
"""A network's probabilities ``(N, 5)`` and, if they are wanted of it, heat maps ``(N, h, w, 5)``."""


class EnsembleEngine(ABC):
    """What all engines share: each network of a bundle is run on a batch, and their answers are combined.

    Args:
        bundle: what to run.
        batch_size: photographs at a time.
        gradcam: also give heat maps, of the members that :attr:`Bundle.explained` names.
    """

    def __init__(self, bundle: Bundle, batch_size: int, gradcam: bool) -> None:
        self.bundle = bundle
        self.batch_size = batch_size
        self.explained = bundle.explained if gradcam else (False,) * len(bundle.members)

    def predict(self, batch: Batch) -> EngineOutput:
        """Grade a batch of at most ``batch_size`` photographs.

        Raises:
            ValueError: if there are more, or a network gives a number that is not finite.
        """
        return self.together([self.run(place, inputs) for place, inputs in enumerate(self.inputs(batch))])

    def begin(self, batch: Batch) -> Begun:
        """Take a batch of at most ``batch_size`` photographs; see :func:`begin`."""
        return Later(self, batch)

    def inputs(self, batch: Batch) -> list[dict[str, NDArray[Any]]]:
        """Return what each member is fed.

        Raises:
            ValueError: if there are more than ``batch_size`` photographs.
        """
        if len(batch) > self.batch_size:
            raise ValueError(f"an engine for {self.batch_size} photographs at a time was given {len(batch)}")
        return [member_inputs(member, batch, self.bundle.recipes) for member in self.bundle.members]

    def together(self, given: Sequence[Answer]) -> EngineOutput:
        """Combine what the members gave, in their order; see :func:`ensemble_output`."""
        heatmaps = [maps for _, maps in given] if any(self.explained) else None
        answers = [probabilities for probabilities, _ in given]
        return ensemble_output(self.bundle.ensemble, answers, heatmaps, self.bundle.calibration)

    @abstractmethod
    def run(self, place: int, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Run the bundle's network at a place of its list on N photographs.

        Args:
            place: in ``bundle.members``.
            inputs: by name, from :func:`member_inputs`.

        Returns:
            Probabilities ``(N, 5)`` and, if :attr:`explained` says so, heat maps ``(N, h, w, 5)``.
        """


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


def ensemble_output(
    ensemble: EnsembleSpec,
    probabilities: Sequence[NDArray[np.floating]],
    heatmaps: Sequence[NDArray[np.floating] | None] | None,
    calibration: CalibrationPart | None = None,
) -> EngineOutput:
    """Combine what the members of an ensemble gave, and calibrate it.

    The heat map explains the ensemble's grade: each member's map of that grade is brought to 0..1 by its own maximum, so
    that no member drowns the others by the scale of its features, and they are averaged by the ensemble's weights.

    Args:
        ensemble: how members are combined.
        probabilities: ``(N, 5)`` a member.
        heatmaps: ``(N, h, w, 5)`` a member, at least 0, or None for a member whose map is not to be shown; or None if no
            maps are wanted.
        calibration: of the combined probabilities; None if there is none.

    Raises:
        ValueError: if a probability is not a finite number.
    """
    together = combine_calibrated(ensemble, calibration, np.stack([np.asarray(p, np.float64) for p in probabilities]))
    if heatmaps is None:
        return EngineOutput(together, None)
    grades = together.argmax(axis=1)
    places = grades[:, None, None, None]
    own = [None if maps is None else np.take_along_axis(maps, places, axis=3)[..., 0] for maps in heatmaps]
    return EngineOutput(together, combined_heat(ensemble.weights, own))


def combined_heat(weights: Sequence[float], heats: Sequence[NDArray[np.floating] | None]) -> NDArray[np.float32]:
    """Average the members' maps of one grade, each brought to 0..1 by its own maximum first.

    Args:
        weights: of the members.
        heats: ``(N, h, w)`` a member, at least 0, or None for a member whose map is not to be shown.

    Returns:
        ``(N, h, w)`` in 0..1, at the resolution of the finest.
    """
    shown = [(weight, maps) for weight, maps in zip(weights, heats, strict=True) if maps is not None]
    side = max(maps.shape[1] for _, maps in shown)
    summed = np.zeros((len(shown[0][1]), side, side), np.float32)
    for weight, maps in shown:
        for total, heat in zip(summed, maps, strict=True):
            total += weight * scaled(cv2.resize(heat.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR))
    return np.stack([scaled(heat) for heat in summed])


def scaled(heat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map divided by its maximum; one of zeros stays so."""
    top = float(heat.max(initial=0.0))
    return np.asarray(heat / top if top > 0 else heat, np.float32)
