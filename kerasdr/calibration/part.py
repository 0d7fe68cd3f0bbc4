"""What was fitted on validation, as it travels in a bundle."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from kerasdr.calibration.grade_sets import set_bounds, set_text, spans_referral
from kerasdr.calibration.maps import CalibrationMap, NoCalibration, TemperatureScaling, calibrated
from kerasdr.calibration.operating_point import TargetFigure, screened_positive
from kerasdr.section import Section

_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Line = Annotated[str, Field(max_length=1000)]


class Reached(Section):
    """A figure with its interval over people; the ends are None where undefined."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None:
            return "undefined"
        ends = "no interval" if self.low is None or self.high is None else f"{self.low:.3f} to {self.high:.3f}"
        return f"{self.value:.3f} ({ends})"


class OperatingPoint(Section):
    """From which probability of referable on a photograph is called positive.

    Of the photographs that it was chosen on, ``reached`` is a little too good.
    """

    figure: TargetFigure
    target: _Share
    threshold: _Share | None
    undefined: _Line = ""
    """Why there is no threshold."""
    reached: dict[TargetFigure, Reached] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one(self) -> "OperatingPoint":
        if (self.threshold is None) != bool(self.undefined):
            raise ValueError("an operating point has a threshold, or a reason why there is none")
        return self


class GradeSets(Section):
    """Level of coverage and conformal quantile; the latter is None where every set holds all grades."""

    level: _Share
    quantile: _Share | None


class LogLoss(Section):
    """Mean log-loss on validation."""

    before: float = Field(ge=0.0)
    after: float = Field(ge=0.0)


class CalibrationPart(Section):
    """All that was fitted on validation after the ensemble was chosen."""

    people: int = Field(ge=1)
    photographs: int = Field(ge=1)
    mapping: CalibrationMap
    reason: _Line
    log_loss: LogLoss
    """``after`` is out of fold."""
    operating_point: OperatingPoint
    sets: GradeSets

    def calibrated(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated probabilities ``(N, 5)`` of the ensemble's combined ones ``(N, 5)``."""
        return calibrated(self.mapping, probabilities)

    def decide(self, probabilities: ArrayLike) -> "Decision":
        """Return what follows from calibrated probabilities ``(N, 5)``."""
        threshold = self.operating_point.threshold
        return Decision(
            set_bounds(probabilities, self.sets.quantile),
            None if threshold is None else screened_positive(probabilities, threshold),
        )

    def lines(self) -> list[str]:
        """Say what it is, one line a part."""
        mapping = self.mapping
        kind = f"{mapping.method}"
        if isinstance(mapping, TemperatureScaling):
            kind += f" {mapping.temperature:.3f}"
        of = f"on {self.photographs} validation photographs of {self.people} people"
        loss = f"log-loss {self.log_loss.before:.4f}"
        if not isinstance(mapping, NoCalibration):
            loss += f" before, {self.log_loss.after:.4f} after out of fold"
        point = self.operating_point
        target = f"target {point.figure} {point.target:g}"
        if point.threshold is None:
            screening = f"{target}: undefined, because {point.undefined}"
        else:
            reached = ", ".join(f"{name} {figure}" for name, figure in point.reached.items())
            screening = f"positive from prob_referable {point.threshold:.4f} on, {target}; reached there {reached}"
        sets = f"level {self.sets.level:g}, " + (
            "every set is 0-4, because validation has too few people"
            if self.sets.quantile is None
            else f"quantile {self.sets.quantile:.4f}"
        )
        return [f"calibration: {kind}, {loss}, {of}", f"screening: {screening}", f"grade sets: {sets}"]


@dataclass(frozen=True, eq=False)
class Decision:
    """What follows from calibrated probabilities.

    Attributes:
        bounds: lowest and highest grade of each set, ``(N, 2)``.
        positive: whether each is called positive at the operating point, ``(N,)`` booleans; None if there is none.
    """

    bounds: NDArray[np.int64]
    positive: NDArray[np.bool_] | None

    @property
    def texts(self) -> list[str]:
        """The sets as the CSV shows them."""
        return [set_text(low, high) for low, high in self.bounds.tolist()]

    @property
    def to_reader(self) -> NDArray[np.bool_]:
        """Which sets span the border of referral, so that a person is to look, ``(N,)`` booleans."""
        return spans_referral(self.bounds)
