"""Maps from a network's probabilities to calibrated ones, as plain data, and applying them."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from kerasdr.calibration.losses import FLOOR
from kerasdr.grades import GRADES, N_GRADES, probability_from
from kerasdr.section import Section

_Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class NoCalibration(Section):
    """Probabilities stay as they are."""

    method: Literal["none"] = "none"


class TemperatureScaling(Section):
    """Log-probabilities are divided by one number; grades stay as they are.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, equation 9.
    """

    method: Literal["temperature"] = "temperature"
    temperature: float = Field(gt=0.0)
    """Above 1 the network was too sure of itself, below 1 not sure enough."""


class VectorScaling(Section):
    """Each grade's log-probability has a slope and an offset of its own; grades may change.

    Guo et al. 2017, section 4.2. Slopes are at least 0.
    """

    method: Literal["vector"] = "vector"
    slopes: tuple[Annotated[float, Field(ge=0.0)], ...] = Field(min_length=N_GRADES, max_length=N_GRADES)
    offsets: tuple[float, ...] = Field(min_length=N_GRADES, max_length=N_GRADES)


class Steps(Section):
    """A function that never falls: straight lines between knots, constant outside them."""

    x: tuple[_Probability, ...] = Field(min_length=1)
    y: tuple[_Probability, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ascend(self) -> "Steps":
        if len(self.x) != len(self.y) or list(self.x) != sorted(self.x) or list(self.y) != sorted(self.y):
            raise ValueError("the knots of an isotonic map must ascend, as many in x as in y")
        return self


class IsotonicCalibration(Section):
    """The probability of each grade *or a worse one* goes through a function of its own that never falls; grades may change.

    Calibrating the five probabilities one by one would break their order; P(grade >= k) for k = 1..4 keeps to the scale, and
    each is a two-class matter for Zadrozny and Elkan's method ("Transforming classifier scores into accurate multiclass
    probability estimates", KDD 2002). The four are fitted apart and may cross, P(>= 3) above P(>= 2), so they are put in
    order, which never takes them further from the truth (Chernozhukov, Fernandez-Val and Galichon, Econometrica 78(3),
    2010), and differences between them are the grades' probabilities.
    """

    method: Literal["isotonic"] = "isotonic"
    steps: tuple[Steps, ...] = Field(min_length=N_GRADES - 1, max_length=N_GRADES - 1)
    """Of P(grade >= 1) to P(grade >= 4)."""
    share_kept: _Probability
    """Share of the network's own probability in the result. Steps end at 0 and 1 and are flat between, so they would say
    that a grade cannot be, and call unequal photographs equal; one person's worth of the network's own word prevents it."""


CalibrationMap = Annotated[
    NoCalibration | TemperatureScaling | VectorScaling | IsotonicCalibration, Field(discriminator="method")
]


def calibrated(mapping: CalibrationMap, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return calibrated probabilities, ``(N, 5)``, rows summing to 1; what a photograph gets does not depend on others.

    Args:
        mapping: how.
        probabilities: ``(N, 5)``, rows summing to 1.

    Raises:
        ValueError: if the shape does not fit, or a value is not finite.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != N_GRADES:
        raise ValueError(f"probabilities must be (N, {N_GRADES}), got {p.shape}")
    if not np.isfinite(p).all():
        raise ValueError("a probability is not a finite number")
    if isinstance(mapping, NoCalibration):
        return p
    if isinstance(mapping, TemperatureScaling):
        return softmax(log_probabilities(p) / mapping.temperature)
    if isinstance(mapping, VectorScaling):
        return softmax(log_probabilities(p) * np.array(mapping.slopes) + np.array(mapping.offsets))
    cumulative = np.column_stack(
        [np.interp(p_from(p, k), steps.x, steps.y) for k, steps in zip(GRADES[1:], mapping.steps, strict=True)]
    )
    ordered = -np.sort(-cumulative, axis=1)
    edges = np.column_stack([np.ones(len(p)), ordered, np.zeros(len(p))])
    own = mapping.share_kept * p + (1.0 - mapping.share_kept) * -np.diff(edges, axis=1)
    return np.asarray(own / own.sum(axis=1, keepdims=True), np.float64)


def log_probabilities(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms of probabilities of at least :data:`~kerasdr.calibration.losses.FLOOR`."""
    logs: NDArray[np.float64] = np.log(np.clip(probabilities, FLOOR, 1.0))
    return logs


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities from logits, row by row."""
    shares: NDArray[np.float64] = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def p_from(probabilities: NDArray[np.float64], lowest: int) -> NDArray[np.float64]:
    """Return the probability of a grade or a worse one, to 12 decimals: sums of the same numbers in another order are equal."""
    return probability_from(probabilities, lowest).round(12)
