"""What a configuration says about data: where photographs and grades come from, and how people are split."""

from typing import Any, Literal

from pydantic import Field, model_validator

from kerasdr.section import Fraction, Section


class PhantomConfig(Section):
    """Synthetic photographs to draw when no data folder is named."""

    people: int = Field(default=150, ge=4, le=100_000)
    seed: int = 1
    size: int = Field(default=512, ge=128, le=4096)


class SplitConfig(Section):
    """Shares of the people that go to training, validation and test."""

    train: Fraction = 0.6
    validation: Fraction = 0.2
    test: Fraction = 0.2

    @model_validator(mode="after")
    def _sums_to_one(self) -> "SplitConfig":
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, validation and test must sum to 1, got {total:g}")
        if self.train == 0.0 or self.validation == 0.0:
            raise ValueError("train and validation must be above 0")
        return self


class FoldConfig(Section):
    """One fold of a cross-validation over people: this fold is tested, the next one validates, the others train."""

    number: int = Field(ge=1)
    of: int = Field(ge=3, le=20)

    @model_validator(mode="after")
    def _exists(self) -> "FoldConfig":
        if self.number > self.of:
            raise ValueError(f"fold {self.number} of {self.of} does not exist: folds count from 1")
        return self


class DataConfig(Section):
    """Where photographs and grades come from, and how people are split."""

    layout: str = "eyepacs"
    root: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    phantom: PhantomConfig | None = None
    split: SplitConfig = SplitConfig()
    fold: FoldConfig | None = None
    """Deal people out in folds instead of by the shares of ``split``, and instead of a split that the data set brings
    (``kerasdr train --folds``)."""
    target: Literal["eye", "person"] = "eye"
    """``eye``: each photograph's own grade. ``person``: the worst grade of the person (DeepDRiD's patient level)."""
