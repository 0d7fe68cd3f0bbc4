"""Photographs with lesion masks, read and prepared as scoring does, with their masks in the frame of the networks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kerasdr.data.lesion_masks import MaskedPhotograph, read_masks
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.imaging.masks import Framed, frame_photograph
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.grading import Request, read_requests
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.reading import read_bytes

FRAME = 384
"""Side in pixels of the frame in which maps and masks are compared: fine enough for small lesions."""

_AHEAD = 8


@dataclass(frozen=True, eq=False)
class MaskedCase:
    """A photograph that the networks are asked about.

    Attributes:
        index: its place in the list.
        request: as the networks are given it, with its partner.
        framed: picture, retina and lesions in the frame, ``(FRAME, FRAME)``; lesions outside the retina are none.
    """

    index: int
    request: Request
    framed: Framed

    @property
    def lesions(self) -> NDArray[np.bool_]:
        """Where any lesion is, ``(FRAME, FRAME)``."""
        return self.framed.union


def read_cases(
    photographs: Sequence[MaskedPhotograph], bundle: Bundle, size: int = FRAME
) -> Iterator[tuple[int, MaskedCase | str]]:
    """Yield each photograph's place with its case, or with the reason why the networks are not asked about it.

    Args:
        photographs: with their masks.
        bundle: what is to grade them; masks are moved by the recipe in whose frame its pictures are shown.
        size: side in pixels of the frame.

    Raises:
        KerasdrError: if a mask cannot be read, or is not its photograph's.
    """
    inputs = [Input(str(photograph.path)) for photograph in photographs]
    for request in read_requests(inputs, bundle, ahead=_AHEAD, display=False):
        photograph = request.photograph
        if photograph.ready:
            framed = frame_masked(photographs[photograph.index], bundle, size)
            yield photograph.index, MaskedCase(photograph.index, request, framed)
        else:
            yield photograph.index, photograph.reason


def frame_masked(photograph: MaskedPhotograph, bundle: Bundle, size: int = FRAME) -> Framed:
    """Return a photograph and its masks in the frame in which a bundle's pictures are shown.

    Raises:
        KerasdrError: if the photograph or a mask cannot be read, or they do not belong together.
    """
    recipe = bundle.recipes[bundle.shown_recipe]
    masks = read_masks(photograph)
    try:
        data = read_bytes(str(photograph.path))
        framed = frame_photograph(data, recipe, masks, size, max_megapixels=bundle.max_megapixels)
    except (UnreadablePhotograph, KerasdrError) as error:
        raise KerasdrError(f"{printable_path(photograph.path)}: {error}") from error
    return replace(framed, masks={kind: mask & framed.retina for kind, mask in framed.masks.items()})
