"""What each network of a bundle looked at in a photograph, by any of the methods and at any layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.engine import ensemble_output, member_inputs, scaled
from kerasdr.scoring.engine_keras import build_network
from kerasdr.scoring.grading import Request, make_batch, read_requests
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.photographs import Photograph

if TYPE_CHECKING:
    from kerasdr.models.cam import CamMethod

# Photographs that are read before they are asked for: networks take longer than files.
_AHEAD = 4


@dataclass(frozen=True)
class View:
    """What one member looked at in one photograph.

    Attributes:
        member: its name.
        partner: whether the photograph is the partner of the one that is graded.
        picture: ``(D, D, 3)`` uint8 RGB in the frame that the member saw.
        heat: ``(h, w)`` in 0..1.
        probability: that the member gives to the explained grade.
    """

    member: str
    partner: bool
    picture: NDArray[np.uint8]
    heat: NDArray[np.float32]
    probability: float


@dataclass(frozen=True)
class Explanation:
    """Why a photograph may have a grade.

    Attributes:
        picture: the photograph, ``(D, D, 3)`` uint8 RGB in the frame of the network's input.
        grade: the grade that is explained.
        probabilities: the ensemble's, ``(5,)``.
        views: of each member; of a dual one two, if there is a partner.
        method, layer: how and where heat was found.
    """

    picture: NDArray[np.uint8]
    grade: int
    probabilities: NDArray[np.float64]
    views: tuple[View, ...]
    method: str
    layer: str


class Explainer:
    """Explains photographs by a bundle; needs Keras.

    Args:
        bundle: whose networks are asked.
        method: ``gradcam``, ``gradcam++`` or ``scorecam``, see :mod:`kerasdr.models.cam`.
        layer: whose map is weighed; ``features`` is the one that is pooled.
        max_channels: of Score-CAM; None for all.

    Attributes:
        bundle: as given.
        left_out: why, by the name of each member that has no such layer; these vote without being shown.

    Raises:
        KerasdrError: if no member has such a layer.
    """

    def __init__(
        self,
        bundle: Bundle,
        method: "CamMethod" = "gradcam",
        layer: str = "features",
        *,
        max_channels: int | None = 128,
    ) -> None:
        # Imported here, so that importing this module does not load TensorFlow.
        from kerasdr.models.cam import HeatMaps

        self.bundle = bundle
        self.left_out: dict[str, str] = {}
        self._method, self._layer = method, layer
        self._networks: list[Any] = []
        self._maps: list[dict[bool, HeatMaps]] = []
        for member in bundle.members:
            network = build_network(member)
            maps = {}
            try:
                maps = {
                    partner: HeatMaps(network, method, layer, partner=partner, max_channels=max_channels)
                    for partner in ((False, True) if member.model.mode == "dual" else (False,))
                }
            except KerasdrError as error:
                self.left_out[member.name] = str(error)
            self._networks.append(network)
            self._maps.append(maps)
        if len(self.left_out) == len(bundle.members):
            name, reason = next(iter(self.left_out.items()))
            raise KerasdrError(f"member {name}: {reason}")

    def explain(self, request: Request, grade: int | None = None) -> Explanation:
        """Explain one photograph.

        Args:
            request: a photograph that is ready and has a picture for people, and its partners.
            grade: which grade; the ensemble's own if None.
        """
        bundle = self.bundle
        batch = make_batch([request], len(bundle.recipes))
        inputs = [member_inputs(member, batch, bundle.recipes) for member in bundle.members]
        # Called as they are: for one photograph, that takes less time than compiling does.
        own = [np.asarray(call(given, training=False)) for call, given in zip(self._networks, inputs, strict=True)]
        together = ensemble_output(bundle.ensemble, own, None, bundle.calibration).probabilities[0]
        grade = int(together.argmax()) if grade is None else grade
        views = [
            View(
                member.name,
                partner,
                self._picture(photograph, place),
                scaled(heat_maps(given, np.array([grade]))[0]),
                float(probabilities[0, grade]),
            )
            for place, (member, given, probabilities) in enumerate(zip(bundle.members, inputs, own, strict=True))
            for partner, heat_maps in self._maps[place].items()
            if (photograph := _seen(request, member, partner)) is not None
        ]
        assert request.photograph.display is not None
        return Explanation(request.photograph.display, grade, together, tuple(views), self._method, self._layer)

    def _picture(self, photograph: Photograph, place: int) -> NDArray[np.uint8]:
        """Return a photograph in the frame that a member saw, so that heat lies where it belongs."""
        if self.bundle.explained[place] and photograph.display is not None:
            return photograph.display
        return photograph.images[self.bundle.recipes.index(self.bundle.members[place].recipe)]


def explain_inputs(
    inputs: Sequence[Input], explainer: Explainer, *, grade: int | None = None, max_megapixels: float | None = None
) -> Iterator[tuple[int, Explanation | str]]:
    """Yield each input's place with its explanation, or with the reason why there is none.

    Photographs are read, judged and paired with partners among the inputs as :mod:`kerasdr.scoring.grading` does.

    Args:
        inputs: the photographs.
        explainer: explains them.
        grade: which grade; the ensemble's own of each photograph if None.
        max_megapixels: larger photographs fail; the bundle's own limit if None.
    """
    for request in read_requests(inputs, explainer.bundle, ahead=_AHEAD, max_megapixels=max_megapixels):
        photograph = request.photograph
        yield photograph.index, explainer.explain(request, grade) if photograph.ready else photograph.reason


def _seen(request: Request, member: BundleMember, partner: bool) -> Photograph | None:
    return request.partners[member.model.pairing] if partner else request.photograph
