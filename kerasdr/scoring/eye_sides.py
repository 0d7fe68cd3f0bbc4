"""Whether a photograph shows the eye that its name or its header tells, as far as the optic disc does.

Where a camera shows eyes upright, the disc of a right eye lies on the right. Some show them inverted, as in an
ophthalmoscope: of the EyePACS photographs of 2015 about a third are. So names are checked only where one of the two is known to
hold, and a contradiction is said and changes nothing: which of the two is wrong, a person has to find out.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from kerasdr.data.names import parse_name
from kerasdr.imaging.optic_disc import is_upright
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.rows import Row
from kerasdr.section import Section

Orientation = Literal["upright", "inverted", "unknown"]

# Fewer photographs say little of a camera, and names that are wrong more often than this are not checked by their like.
_ENOUGH, _NEARLY_ALL = 30, 0.95


class EyeSides(Section):
    """How the photographs that a bundle learnt from show eyes.

    Of ``photographs`` of training and validation the eye is known and the optic disc can be relied on; in ``upright`` of
    these it lies where an upright photograph has it.
    """

    photographs: Annotated[int, Field(ge=0)]
    upright: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _some_of_all(self) -> "EyeSides":
        if self.upright > self.photographs:
            raise ValueError(f"{self.upright} of {self.photographs} photographs cannot be upright")
        return self

    @property
    def orientation(self) -> Orientation:
        """How nearly all of them show eyes, or ``unknown``."""
        if self.photographs < _ENOUGH:
            return "unknown"
        share = self.upright / self.photographs
        return "upright" if share >= _NEARLY_ALL else "inverted" if share <= 1 - _NEARLY_ALL else "unknown"


def find_eye_sides(eyes: Sequence[str], figures: Sequence[Mapping[str, float]]) -> EyeSides:
    """Return how photographs show eyes.

    Args:
        eyes: ``left``, ``right`` or empty, one a photograph.
        figures: of the quality gate.
    """
    seen = [is_upright(eye, _side(found)) for eye, found in zip(eyes, figures, strict=True)]
    return EyeSides(photographs=len(seen) - seen.count(None), upright=seen.count(True))


@dataclass(frozen=True)
class EyeCheck:
    """Compares photographs with the eyes that their headers or names tell.

    Attributes:
        orientation: how the camera shows eyes.
    """

    orientation: Orientation

    @classmethod
    def of(cls, sides: EyeSides | None, orientation: Orientation | None = None) -> "EyeCheck":
        """Return the check of a job.

        Args:
            sides: of the bundle.
            orientation: how the camera shows eyes; as the bundle's own photographs did if None.
        """
        return cls(orientation or ("unknown" if sides is None else sides.orientation))

    def note(self, entry: Input, row: Row) -> str:
        """Return what is to be said of a graded photograph's eye, or an empty string.

        Args:
            entry: the photograph; a DICOM header goes before its name.
            row: its row.
        """
        if self.orientation == "unknown" or row.status != "graded":
            return ""
        told, by = (row.eye, "header") if row.eye else (_named_eye(entry), "name")
        upright = is_upright(told, _side(row.figures))
        if upright is None or upright is (self.orientation == "upright"):
            return ""
        other = "left" if told == "right" else "right"
        return f"the optic disc lies where a {other} eye has it, but the {by} says {told}: check which eye this is"


def _named_eye(entry: Input) -> str:
    return parse_name(PurePath(os.path.basename(entry.path)).stem).eye


def _side(figures: Mapping[str, float]) -> float:
    return figures.get("disc_side", 0.0)
