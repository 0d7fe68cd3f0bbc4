"""A linear probe: how much of the grade a trunk's features hold before any of it is trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import Experiment
from kerasdr.data.missing_grades import require_two_grades
from kerasdr.data.splits import folds_by_person
from kerasdr.evaluation.intervals import Interval, grade_metrics
from kerasdr.grades import N_GRADES
from kerasdr.models import build_classifier
from kerasdr.reporting import Reporter
from kerasdr.training.dataset import open_dataset
from kerasdr.training.prepared import prepare_table
from kerasdr.training.samples import grades_asked_for
from kerasdr.training.stage import pooled_features
from kerasdr.training.weights_source import check_initial_weights


def run_probe(experiment: Experiment, runs: Path, reporter: Reporter, folds: int | None = 5) -> dict[str, Interval]:
    """Fit logistic regression on frozen features and judge it on people that it has not seen.

    Features are standardised on the training people; classes are weighted by inverse frequency; the penalty is fixed at
    C = 0.01, so nothing is chosen on the people that are reported.

    Args:
        experiment: its data, and its first member's recipe and trunk (its initial weights, one photograph at a time).
        runs: folder whose cache keeps prepared photographs.
        reporter: hears of progress.
        folds: how many, dealt by person; or None to fit on the training part and report on the test part.

    Returns:
        The standard figures with intervals over people.

    Raises:
        KerasdrError: if the data cannot be used, or the trunk's weights are of a run that has seen who is judged.
    """
    member = experiment.members[0]
    data = open_dataset(experiment.data, experiment.seed, runs.parent, reporter)
    # Over folds everybody is judged, so the trunk must not have been trained on anybody.
    judged_on = data if folds is None else replace(data, table=data.table.assign(split="test"))
    for line in check_initial_weights(experiment.model_copy(update={"members": (member,)}), judged_on, runs.parent):
        reporter.note(line)
    photographs = prepare_table(
        data.table, data.digests, member.imaging, runs / ".cache", reporter.progress("preparing photographs")
    )
    table = data.table
    use = photographs.usable & grades_asked_for(table, "eye").notna().to_numpy()
    rows = np.flatnonzero(use)
    single = member.model.model_copy(update={"mode": "single", "attention": "none"})
    model = build_classifier(single, member.imaging.size, initial_weights=True, seed=member.seed)
    features = pooled_features(model, photographs.images, rows, "", 32, reporter.progress("features"))
    grades = table["grade"].to_numpy(dtype="int64", na_value=-1)
    if folds is None:
        splits = table["split"].to_numpy(dtype=str)
        parts = [(use & (splits == "train"), use & (splits == "test"))]
    else:
        fold = folds_by_person(table, folds, experiment.seed)
        parts = [(use & (fold != number), use & (fold == number)) for number in range(folds)]
    probabilities = np.zeros((len(table), N_GRADES))
    for known, asked in parts:
        require_two_grades(table["grade"], pd.Series(np.where(known, "train", "")))
        probabilities[asked] = _fit_predict(features[known], grades[known], features[asked])
    judged = np.flatnonzero(np.logical_or.reduce([asked for _, asked in parts]))
    people = table["patient_id"].to_numpy(dtype=str)
    return grade_metrics(grades[judged], probabilities[judged], people[judged], seed=experiment.seed)


def _fit_predict(
    features: NDArray[np.float32], grades: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000))
    model.fit(features, grades)
    probabilities = np.zeros((len(asked), N_GRADES))
    probabilities[:, model[-1].classes_] = model.predict_proba(asked)
    return probabilities
