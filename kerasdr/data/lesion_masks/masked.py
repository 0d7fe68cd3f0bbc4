"""A photograph with files that say where its lesions are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path


@dataclass(frozen=True)
class MaskFile:
    """Where lesions of one kind are marked.

    Attributes:
        path: a picture of the photograph's shape.
        value: the grey value of these lesions; None if every pixel that is not black is one.
    """

    path: Path
    value: int | None = None


@dataclass(frozen=True)
class MaskedPhotograph:
    """A photograph with its masks.

    Attributes:
        image_id: unique name.
        path: the photograph.
        patient_id: the person; the photograph's own name where nobody is known.
        grade: 0-4, or None where it is unknown.
        masks: by kind of lesion, named as :data:`kerasdr.data.phantom.KINDS`; kinds that do not occur are absent.
    """

    image_id: str
    path: Path
    patient_id: str
    grade: int | None
    masks: Mapping[str, MaskFile] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskedPhotographs:
    """A data set of photographs with masks.

    Attributes:
        photographs: in the order of their names.
        about: in words, whose photographs these are.
        phantoms: whether they are synthetic.
        notes: what a person should know, such as photographs without any mask.
        seed: of the phantoms, which says which people they are of; None of other photographs.
    """

    photographs: tuple[MaskedPhotograph, ...]
    about: str
    phantoms: bool = False
    notes: tuple[str, ...] = ()
    seed: int | None = None


def read_masks(photograph: MaskedPhotograph) -> dict[str, NDArray[np.bool_]]:
    """Read the masks of a photograph, ``(H, W)`` booleans by kind of lesion.

    Raises:
        KerasdrError: if a file cannot be read, or is no mask.
    """
    pictures: dict[Path, NDArray[np.generic]] = {}
    masks = {}
    for kind, file in photograph.masks.items():
        if file.path not in pictures:
            pictures[file.path] = _read(file.path)
        pixels = pictures[file.path]
        if file.value is not None:
            masks[kind] = np.asarray(pixels == file.value)
        else:
            # IDRiD's are red on black, with a palette; a fourth channel would be opacity and marks nothing.
            masks[kind] = np.asarray((pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)) != 0)
        if masks[kind].ndim != 2:
            raise KerasdrError(f"the mask {printable_path(file.path)} is not grey: save it with one channel")
    return masks


def _read(path: Path) -> NDArray[np.generic]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KerasdrError(
            f"cannot read the mask {printable_path(path)}: {error.strerror}; check it is there"
        ) from error
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise KerasdrError(f"the mask {printable_path(path)} is no picture that can be read: copy it again")
    return np.asarray(pixels)
