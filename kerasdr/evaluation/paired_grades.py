"""Two graders' grades of the same photographs, or people, in the form that paired tests take."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.delong import midranks
from kerasdr.evaluation.graded import Graded, Screened
from kerasdr.evaluation.over_runs import Predictions
from kerasdr.evaluation.paired import Mixed, Values, Weights
from kerasdr.evaluation.ranking import roc
from kerasdr.evaluation.standard_figures import tally
from kerasdr.grades import N_GRADES, REFERABLE_FROM, SIGHT_THREATENING_FROM


def mixed_of_graded(first: Graded, second: Graded) -> Mixed:
    """Return the figures of agreement and ranking of two graders.

    Probabilities go in as each grader's own ranks among these photographs: graders whose probabilities have another scale,
    but who order alike, are alike in AUC, and a permutation test that mixes answers must not tell them apart (Bandos,
    Rockette and Gur, Statistics in Medicine 24(18), 2005).

    Args:
        first, second: entries in the same order, of the same truth and people.

    Returns:
        ``quadratic_kappa``, ``accuracy``, ``balanced_accuracy``, ``mean_absolute_error``, ``sensitivity_referable`` and
        ``specificity_referable`` at the decision, and ``auc_referable`` and ``auc_sight_threatening`` where both graders
        have probabilities.

    Raises:
        ValueError: if they are of different photographs.
    """
    owner = _owners(first, second)
    truth = np.concatenate([first.truth, second.truth])
    predicted = np.concatenate([first.predicted, second.predicted])
    called = np.concatenate([first.called_referable, second.called_referable])
    referable = truth >= REFERABLE_FROM
    ranked = {
        "auc_referable": (referable, _ranks(first.p_referable, second.p_referable)),
        "auc_sight_threatening": (
            truth >= SIGHT_THREATENING_FROM,
            _ranks(first.p_sight_threatening, second.p_sight_threatening),
        ),
    }

    def mixed(as_first: Weights, as_second: Weights) -> Values:
        draws = np.concatenate([as_first, as_second], axis=1)
        confusion = tally(draws, owner, truth, predicted, N_GRADES)
        decided = tally(draws, owner, referable, called, 2)
        values = {
            "quadratic_kappa": counts.kappa(confusion),
            "accuracy": counts.accuracy(confusion),
            "balanced_accuracy": counts.balanced_accuracy(confusion),
            "mean_absolute_error": counts.mean_absolute_error(confusion),
        }
        weights = draws[:, owner]
        values |= {
            name: roc(positive, ranks, weights).auc() for name, (positive, ranks) in ranked.items() if ranks is not None
        }
        values["sensitivity_referable"] = counts.sensitivity(decided)
        values["specificity_referable"] = counts.specificity(decided)
        return values

    return mixed


def mixed_of_screened(first: Screened, second: Screened) -> Mixed:
    """Return the figures of two graders by intention to screen; arguments as of :func:`mixed_of_graded`.

    Returns:
        ``sensitivity_referable_intention_to_screen`` and the same of specificity.

    Raises:
        ValueError: if they are of different photographs.
    """
    owner = _owners(first, second)
    referable = np.concatenate([first.referable, second.referable])
    referred = np.concatenate([first.referred, second.referred])

    def mixed(as_first: Weights, as_second: Weights) -> Values:
        decided = tally(np.concatenate([as_first, as_second], axis=1), owner, referable, referred, 2)
        return {
            "sensitivity_referable_intention_to_screen": counts.sensitivity(decided),
            "specificity_referable_intention_to_screen": counts.specificity(decided),
        }

    return mixed


def mixed_of_runs(first: Sequence[Predictions], second: Sequence[Predictions]) -> Mixed:
    """Return ``average_kappa``, the mean over runs of quadratic kappa, of two rows of as many runs.

    A person's answers of all runs are one answer: they are drawn and swapped together, each run's with that of the run which
    stands at its place in the other row.

    Args:
        first, second: runs of the same photographs.

    Raises:
        ValueError: if they are not as many.
    """
    if len(first) != len(second):
        raise ValueError(f"rows must have as many runs, got {len(first)} and {len(second)}")
    cells = []
    for run in (*first, *second):
        names, owner = np.unique(run.people, return_inverse=True)
        one = np.zeros((len(names), N_GRADES**2))
        np.add.at(one, (owner, run.grades * N_GRADES + run.predicted), 1.0)
        cells.append(one)
    as_cells, bs_cells = np.stack(cells[: len(first)]), np.stack(cells[len(first) :])

    def mixed(as_first: Weights, as_second: Weights) -> Values:
        confusions = as_first @ as_cells + as_second @ bs_cells
        kappas = counts.kappa(confusions.reshape(*confusions.shape[:-1], N_GRADES, N_GRADES))
        return {"average_kappa": kappas.mean(axis=0)}

    return mixed


def people_who_differ(first: Graded, second: Graded) -> NDArray[np.bool_]:
    """Return of each person, in the order of ``np.unique``, whether the graders answered differently, ranks counted."""
    differs = (first.predicted != second.predicted) | (first.called_referable != second.called_referable)
    for one, other in (
        (first.p_referable, second.p_referable),
        (first.p_sight_threatening, second.p_sight_threatening),
    ):
        if one is not None and other is not None:
            differs = differs | (midranks(one) != midranks(other))
    return _any_of_person(first.people, differs)


def people_screened_differently(first: Screened, second: Screened) -> NDArray[np.bool_]:
    """Return of each person, in the order of ``np.unique``, whether one grader referred what the other did not."""
    return _any_of_person(first.people, first.referred != second.referred)


def _any_of_person(people: NDArray[np.generic], differs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    owner = np.unique(people, return_inverse=True)[1]
    return np.bincount(owner, weights=differs) > 0


def _ranks(first: NDArray[np.float64] | None, second: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if first is None or second is None:
        return None
    return np.concatenate([midranks(first), midranks(second)])


def _owners(first: Graded | Screened, second: Graded | Screened) -> NDArray[np.int64]:
    """Return the place of each answer among the people as the first grader's and then again as the second's."""
    same_truth = (
        np.array_equal(first.truth, second.truth)
        if isinstance(first, Graded) and isinstance(second, Graded)
        else isinstance(first, Screened)
        and isinstance(second, Screened)
        and np.array_equal(first.referable, second.referable)
    )
    if not same_truth or not np.array_equal(first.people, second.people):
        raise ValueError("graders must be compared on the same photographs, in the same order")
    names, owner = np.unique(first.people, return_inverse=True)
    return np.concatenate([owner, owner + len(names)])
