"""The form of a bundle's manifest."""

from typing import Annotated, Any, Literal

from pydantic import Field

from kerasdr.calibration import CalibrationPart
from kerasdr.config import ModelSpec
from kerasdr.scoring.about import About
from kerasdr.scoring.doubts import Doubts
from kerasdr.scoring.drift_reference import DriftReference
from kerasdr.scoring.eye_sides import EyeSides
from kerasdr.scoring.golden_part import GoldenPart
from kerasdr.scoring.graphs import GraphEngine, Precision
from kerasdr.section import Name, Section

NOTE = "For research. Not a medical device: a grade is no diagnosis and needs a qualified reader."

# An experiment's name, which has up to 64 characters, and the time of its run.
_BundleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)]


class MemberEntry(Section):
    """One network."""

    name: Name
    model: ModelSpec
    recipe: dict[str, Any]
    weights: str


class GraphsEntry(Section):
    """The graphs of one engine."""

    made_with: Annotated[str, Field(max_length=64)]
    precision: Precision
    difference: dict[str, float]
    validation_kappa: dict[str, float] = Field(default_factory=dict)


class Manifest(Section):
    """All that a bundle says of itself. The last six are None in bundles of earlier versions."""

    format: Literal[1]
    name: _BundleName
    kerasdr: str
    note: str
    max_megapixels: float = Field(gt=0)
    members: tuple[MemberEntry, ...] = Field(min_length=1)
    ensemble: dict[str, Any]
    validation: dict[str, Any]
    graphs: dict[GraphEngine, GraphsEntry] = Field(default_factory=dict)
    calibration: CalibrationPart | None = None
    golden: GoldenPart | None = None
    about: About | None = None
    reference: DriftReference | None = None
    doubts: Doubts | None = None
    eye_sides: EyeSides | None = None

    def to_json_data(self) -> dict[str, Any]:
        """Return plain data; of what is not there, there is no word, so that kerasdr of before can read it."""
        optional = {"calibration", "golden", "about", "reference", "doubts", "eye_sides"}
        absent = {name for name in optional if getattr(self, name) is None}
        return self.model_dump(mode="json", exclude=absent)
