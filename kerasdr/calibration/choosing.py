"""The choice among calibration maps, by folds of validation people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.calibration.fitting import fit_calibration
from kerasdr.calibration.losses import log_losses
from kerasdr.calibration.maps import CalibrationMap, NoCalibration, calibrated
from kerasdr.calibration_config import CalibrationMethod
from kerasdr.ensembles.choose import first_of_highest
from kerasdr.ensembles.crossfit import person_folds

METHODS: tuple[CalibrationMethod, ...] = ("none", "temperature", "vector", "isotonic")
"""The simplest first: it is taken among equals."""

LARGEST_LOSS = 0.005
"""Validation kappa, and AUC for referable, that a map may cost and be chosen all the same."""

Kappa = Callable[[NDArray[np.int64], NDArray[np.int64]], float]
"""Takes true and predicted grades."""

Auc = Callable[[NDArray[np.int64], NDArray[np.float64]], float]
"""Takes true grades and probabilities ``(N, 5)``; nan where there is none, as without a referable photograph."""


@dataclass(frozen=True, eq=False)
class CalibrationChoice:
    """What was chosen.

    Attributes:
        mapping: fitted on all validation people.
        out_of_fold: calibrated probabilities ``(N, 5)``, each by a map of the chosen kind that was fitted without its person.
        log_loss: mean log-loss out of fold of each kind that was tried, ``none`` first.
        n_folds: of people; 0 if nothing was fitted.
        reason: why it was chosen, in one sentence.
    """

    mapping: CalibrationMap
    out_of_fold: NDArray[np.float64]
    log_loss: dict[str, float]
    n_folds: int
    reason: str


def choose_calibration(
    probabilities: ArrayLike,
    grades: ArrayLike,
    people: ArrayLike,
    kappa: Kappa,
    auc: Auc,
    method: Literal["auto"] | CalibrationMethod = "auto",
    *,
    seed: int = 0,
) -> CalibrationChoice:
    """Choose and fit a calibration map on validation people.

    Each kind is judged out of fold, by folds of people dealt out by worst grade. ``none`` stays unless another has a lower
    log-loss; one that costs more than 0.005 of kappa, since it changes grades, or of AUC, since it changes who is referred
    first, is not taken. Isotonic maps of few people do: their steps make ties, and each fold's lie elsewhere. Of the chosen
    kind the probabilities out of fold are kept: what is fitted to calibrated probabilities after this must not see them from
    a map that knew the person.

    Args:
        probabilities: of the ensemble, uncalibrated, ``(N, 5)``.
        grades: ``(N,)``, 0-4.
        people: the person of each, ``(N,)``.
        kappa: agreement of true and predicted grades.
        auc: for referable retinopathy.
        method: ``auto``, or the one kind to take, come what may.
        seed: of the folds.

    Raises:
        ValueError: if the shapes do not fit, or there are no photographs.
    """
    p, truth = np.asarray(probabilities, np.float64), np.asarray(grades, np.int64)
    persons = np.asarray(people).astype(str)
    if p.ndim != 2 or truth.shape != (len(p),) or persons.shape != truth.shape or not len(p):
        raise ValueError(
            f"expected probabilities (N, 5), grades and people (N,), got {p.shape}, {truth.shape}, {persons.shape}"
        )
    before = float(log_losses(truth, p).mean())
    n_people = len(np.unique(persons))
    if method == "none" or n_people < 2:
        why = "as the configuration says" if method == "none" else f"validation has {n_people} person only"
        return CalibrationChoice(NoCalibration(), p, {"none": before}, 0, f"none, {why}")
    folds = person_folds(persons, truth, seed=seed)
    n_folds = len(np.unique(folds))
    tried: tuple[CalibrationMethod, ...] = METHODS if method == "auto" else ("none", method)
    out_of_fold = {kind: _cross_fit(kind, p, truth, persons, folds) for kind in tried}
    log_loss: dict[str, float] = {kind: float(log_losses(truth, part).mean()) for kind, part in out_of_fold.items()}
    kept: dict[str, dict[str, float]] = {
        "kappa": {kind: kappa(truth, part.argmax(axis=1)) for kind, part in out_of_fold.items()},
        "AUC": {kind: auc(truth, part) for kind, part in out_of_fold.items()},
    }
    costs = {kind: [name for name, of in kept.items() if _too_dear(of["none"], of[kind])] for kind in tried}
    if method == "auto":
        allowed: dict[str, float] = {kind: -log_loss[kind] for kind in tried if not costs[kind]}
        best: CalibrationMethod = next(kind for kind in tried if kind == first_of_highest(allowed))
    else:
        best = method
    refused = [kind for kind in tried if costs[kind]]
    reason = _reason(best, method, log_loss, refused, n_folds, n_people) + _said_of_costs(best, log_loss, kept, costs)
    return CalibrationChoice(fit_calibration(best, p, truth, persons), out_of_fold[best], log_loss, n_folds, reason)


def _cross_fit(
    kind: CalibrationMethod,
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    people: NDArray[np.str_],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    if kind == "none":
        return probabilities
    out = np.empty_like(probabilities)
    for fold in np.unique(folds):
        held = folds == fold
        mapping = fit_calibration(kind, probabilities[~held], grades[~held], people[~held])
        out[held] = calibrated(mapping, probabilities[held])
    return out


def _too_dear(before: float, after: float) -> bool:
    """Whether a figure falls by too much; one that is nan is no ground for a choice."""
    return round(before - after, 9) > LARGEST_LOSS


def _reason(
    best: str, method: str, log_loss: dict[str, float], refused: list[CalibrationMethod], n_folds: int, n_people: int
) -> str:
    if method != "auto":
        text = (
            f"{best}, as the configuration says: log-loss {log_loss['none']:.4f} before and {log_loss[best]:.4f} after"
        )
    else:
        others = [f"{kind} {value:.4f}" for kind, value in log_loss.items() if kind not in (best, *refused)]
        text = f"{best} has the lowest log-loss, {log_loss[best]:.4f}"
        text += f", against {', '.join(others)}" if others else ""
    return text + f", out of fold ({n_folds} folds of {n_people} people)"


def _said_of_costs(
    best: str,
    log_loss: dict[str, float],
    kept: dict[str, dict[str, float]],
    costs: dict[CalibrationMethod, list[str]],
) -> str:
    text = ""
    for kind, names in costs.items():
        if names:
            lost = " and ".join(f"{name} ({kept[name]['none']:.4f} to {kept[name][kind]:.4f})" for name in names)
            verdict = (
                "is taken all the same" if kind == best else f"is not taken for its log-loss of {log_loss[kind]:.4f}"
            )
            text += f"; {kind} costs {lost} and {verdict}"
    return text
