"""Calibration, operating point and sets of grades of a run: fitted on validation people, judged there and on the test part."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.calibration import (
    CalibrationPart,
    UndefinedThreshold,
    choose_calibration,
    choose_threshold,
    conformal_quantile,
    log_losses,
    screened_positive,
    true_grade_scores,
)
from kerasdr.calibration.operating_point import TargetFigure
from kerasdr.calibration.part import GradeSets, LogLoss, OperatingPoint, Reached
from kerasdr.calibration_config import CalibrationConfig
from kerasdr.evaluation.calibration_figures import weighted_share
from kerasdr.evaluation.calibration_report import CalibrationReport, calibration_report
from kerasdr.evaluation.intervals import bootstrap_figures, to_json
from kerasdr.evaluation.metrics import auc_referable, quadratic_kappa
from kerasdr.evaluation.reliability import reliability_diagram
from kerasdr.files import write_bytes_atomically
from kerasdr.grades import REFERABLE_FROM


@dataclass(frozen=True, eq=False)
class FittedCalibration:
    """What was fitted.

    Attributes:
        calibration: for the bundle.
        out_of_fold: calibrated probabilities of the validation photographs ``(N, 5)``, each by a map that did not see its
            person.
    """

    calibration: CalibrationPart
    out_of_fold: NDArray[np.float64]


def fit_on_validation(
    config: CalibrationConfig,
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    people: NDArray[np.str_],
    *,
    seed: int = 0,
) -> FittedCalibration:
    """Fit calibration, operating point and conformal quantile on validation people.

    The map that travels is fitted on all of them. Threshold and quantile are found on probabilities out of fold: each
    person's are by a map without that person, as those of new people will be. To split validation in halves would be exact,
    and leave 35 of 70 people to each; cross-fitting is exact but for the difference between a map of four fifths of the people
    and one of all, which has one to ten numbers and moves little.
    :func:`~kerasdr.evaluation.conformal_simulation.simulate_coverage` measures what that does to coverage. What it cannot
    undo: networks whose checkpoint, and ensembles whose kind, were chosen on these same people look a little better on them
    than on new ones. The test part says by how much.

    Args:
        config: what is asked for.
        probabilities: of the ensemble, uncalibrated, ``(N, 5)``.
        grades, people: ``(N,)``.
        seed: of folds and bootstrap.
    """
    choice = choose_calibration(probabilities, grades, people, quadratic_kappa, auc_referable, config.method, seed=seed)
    own = choice.out_of_fold
    quantile = conformal_quantile(true_grade_scores(own, grades), people, config.coverage)
    part = CalibrationPart(
        people=len(np.unique(people)),
        photographs=len(grades),
        mapping=choice.mapping,
        reason=choice.reason,
        log_loss=LogLoss(before=choice.log_loss["none"], after=float(log_losses(grades, own).mean())),
        operating_point=_operating_point(config, own, grades, people, seed),
        sets=GradeSets(level=config.coverage, quantile=quantile),
    )
    return FittedCalibration(part, own)


def _operating_point(
    config: CalibrationConfig,
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    people: NDArray[np.str_],
    seed: int,
) -> OperatingPoint:
    figure, target = config.target.figure, config.target.value
    try:
        threshold = choose_threshold(grades, probabilities, people, figure, target)
    except UndefinedThreshold as error:
        return OperatingPoint(figure=figure, target=target, threshold=None, undefined=str(error))
    positive, referable = screened_positive(probabilities, threshold), grades >= REFERABLE_FROM
    among: dict[TargetFigure, tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {
        "sensitivity": (referable, positive),
        "specificity": (~referable, ~positive),
    }

    def statistic(draws: NDArray[np.float64], owner: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        weights = draws[:, owner]
        return {name: weighted_share(weights, of, said) for name, (of, said) in among.items()}

    figures = to_json({name: one.figure for name, one in bootstrap_figures(statistic, people, seed=seed).items()})
    reached = {name: Reached(**{key: figures[name][key] for key in ("value", "low", "high")}) for name in among}
    return OperatingPoint(figure=figure, target=target, threshold=threshold, reached=reached)


def judge_calibration(
    run: Path,
    split: str,
    part: CalibrationPart,
    raw: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    people: NDArray[np.str_],
    *,
    seed: int = 0,
) -> CalibrationReport:
    """Judge a part of a run's data, and draw its reliability diagram, ``<run>/reliability_<split>.png``.

    Args:
        run: its folder.
        split: ``validation`` or ``test``.
        part: what was fitted on validation.
        raw, probabilities: uncalibrated and calibrated, ``(n, 5)``.
        grades, people: ``(n,)``.
        seed: of the bootstrap.
    """
    where = f"{len(grades)} {split} photographs of {len(np.unique(people))} people"
    title = f"{where}, calibration: {part.mapping.method}"
    diagram = reliability_diagram(grades, raw, probabilities, people, title=title, seed=seed)
    write_bytes_atomically(run / f"reliability_{split}.png", diagram)
    point, decision = part.operating_point, part.decide(probabilities)
    return calibration_report(
        grades,
        people,
        raw,
        probabilities,
        decision,
        method=part.mapping.method,
        level=part.sets.level,
        target=f"{point.figure} {point.target:g}",
        no_threshold=point.undefined,
        seed=seed,
    )
