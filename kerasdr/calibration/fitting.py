"""Fitting calibration maps to validation photographs, by their log-loss."""

import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration.maps import (
    CalibrationMap,
    IsotonicCalibration,
    NoCalibration,
    Steps,
    TemperatureScaling,
    VectorScaling,
    log_probabilities,
    p_from,
    softmax,
)
from kerasdr.calibration_config import CalibrationMethod
from kerasdr.grades import GRADES, N_GRADES

LARGEST_TEMPERATURE = 10.0
"""And its inverse the smallest: where all validation grades are right the best temperature would be 0."""

STRENGTH = 1.0
"""Inverse strength of the ridge that draws vector scaling to slopes of 1 and offsets of 0, as of scikit-learn's ``C``."""


def fit_calibration(
    method: CalibrationMethod,
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    people: NDArray[np.generic],
) -> CalibrationMap:
    """Fit a map of one kind.

    Args:
        method: which kind.
        probabilities: ``(N, 5)``, of photographs that the network was not fitted on.
        grades: ``(N,)``, 0-4.
        people: the person of each, ``(N,)``.

    Returns:
        The map.
    """
    if method == "temperature":
        return fit_temperature(probabilities, grades)
    if method == "vector":
        return fit_vector(probabilities, grades)
    if method == "isotonic":
        return fit_isotonic(probabilities, grades, len(np.unique(people)))
    return NoCalibration()


def fit_temperature(probabilities: NDArray[np.float64], grades: NDArray[np.int64]) -> TemperatureScaling:
    """Find the temperature of the lowest log-loss, between 0.1 and 10.

    The loss is convex in the inverse of the temperature, so there is one lowest point.
    """
    from scipy.optimize import minimize_scalar

    logs = log_probabilities(probabilities)

    def loss(inverse: float) -> float:
        return _log_loss(inverse * logs, grades)

    bounds = (1.0 / LARGEST_TEMPERATURE, LARGEST_TEMPERATURE)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return TemperatureScaling(temperature=1.0 / float(found.x))


def fit_vector(probabilities: NDArray[np.float64], grades: NDArray[np.int64]) -> VectorScaling:
    """Find slopes and offsets of the lowest log-loss with a ridge towards no change.

    Without it the offset of a grade that nobody on validation has would have no lower end, and that grade would never be
    given again. With ``STRENGTH`` 1 the summed log-loss stands against half the sum of squares.
    """
    from scipy.optimize import minimize

    logs = log_probabilities(probabilities)
    truth = np.eye(N_GRADES)[grades]
    start = np.concatenate([np.ones(N_GRADES), np.zeros(N_GRADES)])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = logs * values[:N_GRADES] + values[N_GRADES:]
        error = softmax(logits) - truth
        away = (values - start) / STRENGTH
        gradient = np.concatenate([(error * logs).sum(axis=0), error.sum(axis=0)]) + away
        return len(grades) * _log_loss(logits, grades) + 0.5 * float(away @ (values - start)), gradient

    bounds = [(0.0, None)] * N_GRADES + [(None, None)] * N_GRADES
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-8})
    return VectorScaling(slopes=tuple(found.x[:N_GRADES].tolist()), offsets=tuple(found.x[N_GRADES:].tolist()))


def fit_isotonic(probabilities: NDArray[np.float64], grades: NDArray[np.int64], n_people: int) -> IsotonicCalibration:
    """Fit a function that never falls to P(grade >= k), for each k = 1..4 (scikit-learn's pool-adjacent-violators).

    Args:
        probabilities: ``(N, 5)``.
        grades: ``(N,)``.
        n_people: of how many people these are; the network's own word counts as that of one more.
    """
    from sklearn.isotonic import IsotonicRegression

    steps = []
    for lowest in GRADES[1:]:
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        model.fit(p_from(probabilities, lowest), (grades >= lowest).astype(np.float64))
        # Means of ones are 1 but for the last digit, and the last digit must not make the function fall.
        y = np.maximum.accumulate(np.clip(model.y_thresholds_, 0.0, 1.0))
        steps.append(Steps(x=tuple(model.X_thresholds_.tolist()), y=tuple(y.tolist())))
    return IsotonicCalibration(steps=tuple(steps), share_kept=1.0 / (n_people + 1))


def _log_loss(logits: NDArray[np.float64], grades: NDArray[np.int64]) -> float:
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float((total - logits[np.arange(len(grades)), grades]).mean())
