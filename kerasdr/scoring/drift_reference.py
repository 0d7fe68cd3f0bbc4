"""What the photographs of validation looked like to a bundle: what a night's photographs are compared with."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from kerasdr.grades import N_GRADES
from kerasdr.section import Fraction, Section

Continuous = Literal["prob_referable", "brightness", "overexposed", "detail", "field", "red", "blue"]
CONTINUOUS: tuple[Continuous, ...] = get_args(Continuous)
"""Quantities of which the whole distribution is compared, besides the shares of grades and of what is ungradable."""

_Quantiles = Annotated[tuple[float, ...], Field(min_length=2, max_length=1001)]


class Distribution(Section):
    """Quantiles at evenly spaced shares from 0 to 1, of ``people`` people, each of whom counts once."""

    people: Annotated[int, Field(ge=1)]
    quantiles: _Quantiles

    @model_validator(mode="after")
    def _ascends(self) -> "Distribution":
        if any(later < earlier for earlier, later in zip(self.quantiles, self.quantiles[1:], strict=False)):
            raise ValueError("quantiles ascend")
        return self


class DriftReference(Section):
    """Distributions on validation; shares are over people, each of whom counts once, whatever their photographs.

    ``graded_people`` were graded; ``people`` had a photograph that could be read.
    """

    part: Literal["validation"]
    people: Annotated[int, Field(ge=1)]
    photographs: Annotated[int, Field(ge=1)]
    graded_people: Annotated[int, Field(ge=1)]
    grade_shares: Annotated[tuple[Fraction, ...], Field(min_length=N_GRADES, max_length=N_GRADES)]
    ungradable_share: Fraction
    distributions: dict[Continuous, Distribution]
