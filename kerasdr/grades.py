"""The international clinical diabetic retinopathy severity scale, 0-4, and what counts as referable.

Source: Wilkinson et al., "Proposed international clinical diabetic retinopathy and diabetic macular edema disease
severity scales", Ophthalmology 110(9), 2003.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

GRADES: Final = (0, 1, 2, 3, 4)
N_GRADES: Final = len(GRADES)
GRADE_NAMES: Final = ("no DR", "mild NPDR", "moderate NPDR", "severe NPDR", "PDR")
"""Short names: NPDR is non-proliferative, PDR proliferative diabetic retinopathy."""

REFERABLE_FROM: Final = 2
"""The lowest grade that is referable (more than mild retinopathy)."""

SIGHT_THREATENING_FROM: Final = 3
"""The lowest grade that threatens sight (severe non-proliferative retinopathy)."""


def grade_name(grade: int) -> str:
    """Return the name of a grade.

    Raises:
        ValueError: if ``grade`` is not 0, 1, 2, 3 or 4.
    """
    if grade not in GRADES:
        raise ValueError(f"grade must be one of {GRADES}, got {grade!r}")
    return GRADE_NAMES[grade]


def is_referable(grade: int) -> bool:
    """Whether a grade is referable, which here means grade 2 or worse."""
    return grade >= REFERABLE_FROM


def referable_probability(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of grade 2 or worse; see :func:`probability_from`."""
    return probability_from(probabilities, REFERABLE_FROM)


def probability_from(probabilities: ArrayLike, lowest: int) -> NDArray[np.float64]:
    """Return the probability of a grade or a worse one.

    Args:
        probabilities: grade probabilities, shape ``(..., 5)``, each in 0-1, summing to 1 over the last axis.
        lowest: the grade, 0-4.

    Returns:
        Array of shape ``(...)`` with values in 0-1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape[-1] != N_GRADES:
        raise ValueError(f"probabilities must have {N_GRADES} columns, got shape {p.shape}")
    return np.clip(p[..., lowest:].sum(axis=-1), 0.0, 1.0)
