"""All members of an experiment: each for itself, on bootstraps of the people, or boosted one after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import Experiment, MemberConfig
from kerasdr.ensembles import EnsembleSpec, bagging_spec, boosting_spec, bootstrap_people, samme_round, samme_weights
from kerasdr.evaluation.figures import training_curves
from kerasdr.evaluation.predictions import write_predictions
from kerasdr.files import write_bytes_atomically
from kerasdr.reporting import Reporter
from kerasdr.training.member import fit_member
from kerasdr.training.prepared import PreparedPhotographs
from kerasdr.training.samples import Samples, take_samples
from kerasdr.training.xla import uses_xla


@dataclass(frozen=True)
class FittedMembers:
    """What the members say about validation.

    Attributes:
        probabilities: ``(M, n, 5)``.
        validation: the samples.
        trained: the combination that the members were trained for; None if each was trained for itself.
    """

    probabilities: NDArray[np.float64]
    validation: Samples
    trained: EnsembleSpec | None


def fit_members(
    experiment: Experiment,
    table: pd.DataFrame,
    prepared: Mapping[str, PreparedPhotographs],
    run: Path,
    reporter: Reporter,
) -> FittedMembers:
    """Train every member in the order of the configuration, or go on where their checkpoints stand.

    With ``ensemble.training: bagging`` a member's training samples are a bootstrap of the people, drawn by its seed; with
    ``boosting`` they carry SAMME's weights after the members before it. Both follow from configuration and data alone,
    so an interrupted run goes on as an undisturbed one would.

    Args:
        experiment: what to train.
        table: the record table, with splits.
        prepared: of each member, by name.
        run: the run's folder; ``members/<name>/`` is written there.
        reporter: hears of progress.
    """
    kind = experiment.ensemble.training
    # Only what every member can see is used, so that all members speak of the same photographs.
    usable = np.logical_and.reduce([photographs.usable for photographs in prepared.values()])
    weights: NDArray[np.float64] | None = None
    probabilities, alphas = [], []
    for member in experiment.members:
        train, validation = (
            take_samples(table, usable, split, member, experiment.data.target) for split in ("train", "validation")
        )
        fitted_on = train
        if kind == "bagging":
            fitted_on = train.repeated(bootstrap_people(train.people, member.seed))
            if lost := sorted(set(train.grades.tolist()) - set(fitted_on.grades.tolist())):
                reporter.note(
                    f"warning: {member.name}: nobody of grade {' or '.join(map(str, lost))} is in its bootstrap of the people, "
                    f"so this member cannot learn it; give it another seed, or add people who have it"
                )
        elif kind == "boosting":
            weights = samme_weights(train.people) if weights is None else weights
            fitted_on = train.emphasised(weights)
        compiled = ", steps compiled with XLA" if uses_xla(member) else ""
        reporter.note(f"{member.name}: {describe(member)}, {len(fitted_on)} training photographs{compiled}")
        folder = run / "members" / member.name
        asked = (train,) if kind == "boosting" else ()
        predicted, *known = fit_member(
            member, prepared[member.name].images, fitted_on, validation, folder, reporter, *asked
        )
        if weights is not None:
            alpha, weights = samme_round(weights, train.grades, known[0].argmax(axis=1), train.people)
            reporter.note(f"{member.name}: vote of weight {alpha:.3f} (SAMME)")
            alphas.append(alpha)
        write_bytes_atomically(folder / "curves.png", training_curves(pd.read_csv(folder / "history.csv")))
        write_predictions(folder / "predictions_validation.csv", table, validation.rows, validation.grades, predicted)
        probabilities.append(predicted)
    specs = {"bagging": bagging_spec, "boosting": lambda n: boosting_spec(alphas)}
    trained = specs[kind](len(probabilities)) if kind in specs else None
    return FittedMembers(np.stack(probabilities).astype(np.float64), validation, trained)


def describe(member: MemberConfig) -> str:
    """Say in a few words what a member is."""
    model = member.model
    kind = "single" if model.mode == "single" else f"dual {model.pairing}"
    if model.mode == "dual":
        kind += ", shared branches" if model.shared_branches else ", branches of their own"
    attention = "" if model.attention == "none" else f" with {model.attention} attention"
    kind += ", head norm" if model.head_norm else ""
    return f"{describe_trunk(member)}{attention}, {kind}, {member.imaging.recipe} at {member.imaging.size} px"


def describe_trunk(member: MemberConfig) -> str:
    """Say which trunk a member has, and where it is cut."""
    model = member.model
    return model.trunk if model.trunk_end == "last" else f"{model.trunk} cut at {model.trunk_end}"
