"""Figures of merit on arrays of grades and probabilities, of one data set.

Where a figure is undefined it is nan, but for :func:`quadratic_kappa`. :mod:`~kerasdr.evaluation.counts` and
:mod:`~kerasdr.evaluation.ranking` hold the same for many resamples at once.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.ranking import roc
from kerasdr.grades import N_GRADES, REFERABLE_FROM, referable_probability


def confusion_matrix(grades: ArrayLike, predicted: ArrayLike) -> NDArray[np.int64]:
    """Return counts ``(5, 5)``: rows are true grades, columns predicted ones.

    Args:
        grades, predicted: ``(n,)`` integers 0-4.

    Raises:
        ValueError: if the shapes differ or a value is no grade.
    """
    truth, guess = np.asarray(grades), np.asarray(predicted)
    if truth.shape != guess.shape or truth.ndim != 1:
        raise ValueError(f"grades and predicted must be of one shape (n,), got {truth.shape} and {guess.shape}")
    if truth.size and (min(truth.min(), guess.min()) < 0 or max(truth.max(), guess.max()) >= N_GRADES):
        raise ValueError("grades must be 0, 1, 2, 3 or 4")
    return np.bincount(truth * N_GRADES + guess, minlength=N_GRADES**2).reshape(N_GRADES, N_GRADES)


def binary_confusion(positive: ArrayLike, called: ArrayLike) -> NDArray[np.int64]:
    """Return counts ``(2, 2)``: rows are the truth, columns what was said, negative before positive.

    Args:
        positive, called: ``(n,)`` booleans.
    """
    truth, said = np.asarray(positive, dtype=bool), np.asarray(called, dtype=bool)
    return np.bincount(truth * 2 + said, minlength=4).reshape(2, 2)


def quadratic_kappa(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen, Psychological Bulletin 70(4), 1968).

    1 is full agreement, 0 that of chance. Where truth and prediction are both the same single grade the formula is 0/0;
    that counts as 0 here, so that a network which always answers alike never looks good to training.
    :func:`counts.kappa <kerasdr.evaluation.counts.kappa>` says nan there, as reports do.

    Args:
        grades, predicted: ``(n,)`` integers 0-4.
    """
    return float(np.nan_to_num(counts.kappa(confusion_matrix(grades, predicted))))


def linear_kappa(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return Cohen's kappa with linear weights; nan if truth and prediction are the same single grade."""
    return float(counts.kappa(confusion_matrix(grades, predicted), "linear"))


def unweighted_kappa(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return Cohen's kappa without weights; nan if truth and prediction are the same single grade."""
    return float(counts.kappa(confusion_matrix(grades, predicted), "none"))


def accuracy(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the share of photographs whose grade is right."""
    return float(counts.accuracy(confusion_matrix(grades, predicted)))


def balanced_accuracy(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean sensitivity over the grades that occur."""
    return float(counts.balanced_accuracy(confusion_matrix(grades, predicted)))


def mean_absolute_error(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean distance between true and predicted grade, in grades."""
    return float(counts.mean_absolute_error(confusion_matrix(grades, predicted)))


def sensitivities(grades: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """Return for each grade ``(5,)`` the share of its photographs that were given it; nan where there are none."""
    return counts.sensitivities(confusion_matrix(grades, predicted))


def precisions(grades: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """Return for each grade ``(5,)`` how often it was right when given; nan where it never was."""
    return counts.precisions(confusion_matrix(grades, predicted))


def sensitivity(positive: ArrayLike, called: ArrayLike) -> float:
    """Return the share of positives that were called positive, of booleans ``(n,)``; nan without positives."""
    return float(counts.sensitivity(binary_confusion(positive, called)))


def specificity(positive: ArrayLike, called: ArrayLike) -> float:
    """Return the share of negatives that were called negative, of booleans ``(n,)``; nan without negatives."""
    return float(counts.specificity(binary_confusion(positive, called)))


def auc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        truth: ``(n,)`` booleans.
        scores: ``(n,)``, higher for positives.

    Returns:
        A number in 0-1, or nan if one of the classes is absent.
    """
    return float(roc(truth, scores).auc())


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return average precision (:meth:`Roc.average_precision`); arguments and nan as of :func:`auc`."""
    return float(roc(truth, scores).average_precision())


def sensitivity_at_specificity(truth: ArrayLike, scores: ArrayLike, specificity: float) -> float:
    """Return the best sensitivity on the empirical ROC with at least a specificity (:meth:`Roc.sensitivity_at`)."""
    return float(roc(truth, scores).sensitivity_at(specificity))


def specificity_at_sensitivity(truth: ArrayLike, scores: ArrayLike, sensitivity: float) -> float:
    """Return the best specificity on the empirical ROC with at least a sensitivity (:meth:`Roc.specificity_at`)."""
    return float(roc(truth, scores).specificity_at(sensitivity))


def auc_referable(grades: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the AUC for referable retinopathy (grade 2 or worse) by its summed probability ``(n, 5)``."""
    return auc(np.asarray(grades) >= REFERABLE_FROM, referable_probability(probabilities))
