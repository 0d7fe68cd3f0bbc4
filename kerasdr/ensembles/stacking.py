"""Stacking: a multinomial logistic regression on what the members say.

Wolpert, "Stacked generalization", Neural Networks 5(2), 1992. Scikit-learn fits it; what travels is lists of numbers,
and what applies them is the few lines of NumPy here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.ensembles.registry import Score, register_method
from kerasdr.ensembles.spec import EnsembleSpec, is_numbers
from kerasdr.errors import KerasdrError
from kerasdr.grades import GRADES, N_GRADES

FLOOR = 1e-6
"""Smaller probabilities count as this before the logarithm."""

STRENGTH = 1.0
"""Inverse strength of the ridge penalty on the coefficients (scikit-learn's ``C``)."""


def stacking_features(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the members' log-probabilities, ``(M, N, 5)`` -> ``(N, M * 5)``, member after member."""
    logs = np.log(np.clip(probabilities, FLOOR, 1.0))
    return logs.transpose(1, 0, 2).reshape(logs.shape[1], -1)


def fit_stacking(probabilities: NDArray[np.float64], grades: NDArray[np.int64]) -> EnsembleSpec:
    """Fit a multinomial logistic regression with a ridge penalty to the members' log-probabilities.

    A grade that does not occur among ``grades`` is not in the spec's ``classes``, and gets probability 0 ever after; if
    only one grade occurs, it gets probability 1.

    The spec's ``weights``, which the heat map goes by, say how far each member moves the outcome: the sum over its
    features of the size of their coefficients (taken about their mean over the classes, which changes no probability)
    times the feature's standard deviation, as a share of all members'; equal shares if nobody moves anything.

    Args:
        probabilities: ``(M, N, 5)``, of photographs on which no member was fitted.
        grades: ``(N,)``.
    """
    members = len(probabilities)
    features = stacking_features(probabilities)
    classes = np.unique(grades)
    coefficients = np.zeros((len(classes), features.shape[1]))
    intercepts = np.zeros(len(classes))
    if len(classes) > 1:
        from sklearn.linear_model import LogisticRegression

        # Newton's method: in a handful of steps it is where L-BFGS gets to in hundreds, and further.
        model = LogisticRegression(C=STRENGTH, solver="newton-cg", tol=1e-6, max_iter=500).fit(features, grades)
        # For two classes scikit-learn gives the second one's row alone; the first one's is then zero.
        coefficients[-len(model.coef_) :], intercepts[-len(model.coef_) :] = model.coef_, model.intercept_
    size = np.linalg.norm(coefficients - coefficients.mean(axis=0), axis=0) * features.std(axis=0)
    mass = size.reshape(members, N_GRADES).sum(axis=1)
    weights = mass / mass.sum() if mass.sum() > 0 else np.full(members, 1.0 / members)
    parameters = {
        "classes": classes.tolist(),
        "coefficients": coefficients.reshape(len(classes), members, N_GRADES).tolist(),
        "intercepts": intercepts.tolist(),
    }
    return EnsembleSpec("stacking", tuple(weights.tolist()), parameters)


def check_stacking(parameters: Mapping[str, Any], n_members: int) -> None:
    """Check ``classes`` (C grades, ascending), ``coefficients`` ``(C, M, 5)`` and ``intercepts`` ``(C,)``.

    Raises:
        KerasdrError: if one is missing, of another shape, not finite, or for another number of members.
    """
    remedy = "make the bundle again"
    if set(parameters) != {"classes", "coefficients", "intercepts"}:
        raise KerasdrError(f"stacking has classes, coefficients and intercepts, got {sorted(parameters)}: {remedy}")
    classes, coefficients = parameters["classes"], parameters["coefficients"]
    if (
        not isinstance(classes, list | tuple)
        or not classes
        or not all(type(grade) is int and grade in GRADES for grade in classes)
        or list(classes) != sorted(set(classes))
    ):
        raise KerasdrError(f"stacking's classes must be grades in ascending order, got {classes!r}: {remedy}")
    if not is_numbers(coefficients, (len(classes), n_members, N_GRADES)):
        shape = f"{len(classes)} classes x {n_members} members x {N_GRADES} grades"
        raise KerasdrError(f"stacking's coefficients must be finite numbers, {shape}: {remedy}")
    if not is_numbers(parameters["intercepts"], (len(classes),)):
        raise KerasdrError(f"stacking's intercepts must be {len(classes)} finite numbers, one a class: {remedy}")


def _fit(probabilities: NDArray[np.float64], grades: NDArray[np.int64], score: Score) -> EnsembleSpec:
    # The regression raises the likelihood, not the score: a kappa has no gradient.
    return fit_stacking(probabilities, grades)


@register_method("stacking", fit=_fit, check_parameters=check_stacking)
def stack(spec: EnsembleSpec, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the regression's probabilities, ``(M, N, 5)`` -> ``(N, 5)``; 0 for grades not among its classes."""
    coefficients = np.asarray(spec.parameters["coefficients"], np.float64)
    logits = stacking_features(probabilities) @ coefficients.reshape(len(coefficients), -1).T
    logits += np.asarray(spec.parameters["intercepts"], np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    result = np.zeros((probabilities.shape[1], N_GRADES))
    result[:, list(spec.parameters["classes"])] = shares / shares.sum(axis=1, keepdims=True)
    return result
