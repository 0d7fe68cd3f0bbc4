"""Probabilities that mean what they say, and what follows from them: an operating point and sets of grades.

All of it is fitted on validation people after the ensemble is chosen, on the ensemble's combined probabilities, and travels in
the bundle as numbers. What applies it needs NumPy alone; what fits it imports SciPy and scikit-learn when it is called.
"""

from kerasdr.calibration.choosing import CalibrationChoice, choose_calibration
from kerasdr.calibration.grade_sets import (
    conformal_quantile,
    growth_scores,
    set_bounds,
    set_text,
    true_grade_scores,
)
from kerasdr.calibration.losses import brier_scores, log_losses
from kerasdr.calibration.maps import CalibrationMap, NoCalibration, calibrated
from kerasdr.calibration.operating_point import UndefinedThreshold, choose_threshold, screened_positive
from kerasdr.calibration.part import CalibrationPart, Decision

__all__ = [
    "CalibrationChoice",
    "CalibrationMap",
    "CalibrationPart",
    "Decision",
    "NoCalibration",
    "UndefinedThreshold",
    "brier_scores",
    "calibrated",
    "choose_calibration",
    "choose_threshold",
    "conformal_quantile",
    "growth_scores",
    "log_losses",
    "screened_positive",
    "set_bounds",
    "set_text",
    "true_grade_scores",
]
