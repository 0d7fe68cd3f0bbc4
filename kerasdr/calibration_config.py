"""The section ``calibration``: what is fitted on validation after the ensemble is chosen, and travels in the bundle."""

from typing import Any, Literal

from pydantic import Field, model_validator

from kerasdr.section import Section

CalibrationMethod = Literal["none", "temperature", "vector", "isotonic"]


class TargetConfig(Section):
    """What the operating point is to reach on validation; one of the two."""

    sensitivity: float | None = Field(default=None, gt=0.0, lt=1.0)
    """At least this share of the referable photographs is called positive; with as high a specificity as that allows."""
    specificity: float | None = Field(default=None, gt=0.0, lt=1.0)
    """At least this share of the others is called negative; with as high a sensitivity as that allows."""

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("sensitivity") is None and content.get("specificity") is None:
            return {**content, "sensitivity": 0.9}
        return content

    @model_validator(mode="after")
    def _one(self) -> "TargetConfig":
        if self.sensitivity is not None and self.specificity is not None:
            raise ValueError("name sensitivity or specificity, not both: one threshold cannot be set for two")
        return self

    @property
    def figure(self) -> Literal["sensitivity", "specificity"]:
        """Which of the two it is."""
        return "specificity" if self.specificity is not None else "sensitivity"

    @property
    def value(self) -> float:
        """How much of it is wanted."""
        found = self.specificity if self.specificity is not None else self.sensitivity
        assert found is not None  # the validators see to it
        return found


class CalibrationConfig(Section):
    """How probabilities are calibrated, which of them call for referral, and how often a set of grades is to be right."""

    method: Literal["auto"] | CalibrationMethod = "auto"
    """``auto``: validation chooses among the others by log-loss out of fold; ``none`` stays unless one is better."""
    target: TargetConfig = TargetConfig()
    coverage: float = Field(default=0.9, ge=0.5, lt=1.0)
    """Share of photographs of new people whose true grade is in the set of grades, at least."""
