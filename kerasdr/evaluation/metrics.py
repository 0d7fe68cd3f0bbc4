"""Figures of merit on arrays of grades and probabilities."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.grades import N_GRADES, REFERABLE_FROM, referable_probability

# (i - j)^2, the disagreement weights of quadratic kappa.
_DISAGREEMENT = np.subtract.outer(np.arange(N_GRADES), np.arange(N_GRADES)).astype(np.float64) ** 2


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


def kappa_of_confusion(confusion: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return quadratic weighted kappa of confusion matrices ``(..., 5, 5)``; see :func:`quadratic_kappa`."""
    counts = np.asarray(confusion, dtype=np.float64)
    total = counts.sum(axis=(-2, -1))
    expected = counts.sum(axis=-1)[..., :, None] * counts.sum(axis=-2)[..., None, :]
    observed_disagreement = (counts * _DISAGREEMENT).sum(axis=(-2, -1)) * total
    expected_disagreement = (expected * _DISAGREEMENT).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = 1.0 - observed_disagreement / expected_disagreement
    # Truth and prediction are one and the same constant: nothing was told apart.
    return np.where(expected_disagreement > 0, kappa, 0.0)


def quadratic_kappa(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen, Psychological Bulletin 70(4), 1968).

    1 is full agreement, 0 that of chance. Where truth and prediction are both the same single grade the formula is 0/0;
    that counts as 0 here, so that a network which always answers alike never looks good.

    Args:
        grades, predicted: ``(n,)`` integers 0-4.
    """
    return float(kappa_of_confusion(confusion_matrix(grades, predicted)))


def accuracy(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the share of photographs whose grade is right."""
    return float(np.mean(np.asarray(grades) == np.asarray(predicted)))


def balanced_accuracy(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean sensitivity over the grades that occur."""
    confusion = confusion_matrix(grades, predicted)
    present = confusion.sum(axis=1) > 0
    return float(np.mean(np.diag(confusion)[present] / confusion.sum(axis=1)[present]))


def mean_absolute_error(grades: ArrayLike, predicted: ArrayLike) -> float:
    """Return the mean distance between true and predicted grade, in grades."""
    return float(np.mean(np.abs(np.asarray(grades) - np.asarray(predicted))))


def auc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Args:
        truth: ``(n,)`` booleans.
        scores: ``(n,)``, higher for positives.

    Returns:
        A number in 0-1, or nan if one of the classes is absent.
    """
    positive = np.asarray(truth, dtype=bool)
    values = np.asarray(scores, dtype=np.float64)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    # The rank of a group of ties is the middle of the places that it takes.
    middle = np.cumsum(counts) - (counts - 1) / 2.0
    return float((middle[group][positive].sum() - n_positive * (n_positive + 1) / 2.0) / (n_positive * n_negative))


def auc_referable(grades: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the AUC for referable retinopathy (grade 2 or worse) by its summed probability ``(n, 5)``."""
    return auc(np.asarray(grades) >= REFERABLE_FROM, referable_probability(probabilities))
