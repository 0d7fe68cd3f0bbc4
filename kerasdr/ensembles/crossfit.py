"""Out-of-fold probabilities of methods that are fitted on validation: no fit has seen the people whom it grades."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.ensembles.registry import Fitter, Score
from kerasdr.ensembles.spec import combine
from kerasdr.errors import KerasdrError

N_FOLDS = 5


def person_folds(
    people: ArrayLike, grades: NDArray[np.int64], n_folds: int = N_FOLDS, seed: int = 0
) -> NDArray[np.int64]:
    """Return the fold of each photograph, ``(N,)`` from 0 on; all photographs of a person are in one.

    People are dealt out by their worst grade, so that grades are alike in all folds. With fewer people than ``n_folds``
    there are as many folds as people.

    Args:
        people: the person of each photograph, ``(N,)``.
        grades: ``(N,)``.
        n_folds: at least 2.
        seed: of the deal.

    Raises:
        KerasdrError: if there are fewer than two people.
    """
    import pandas as pd

    from kerasdr.data.splits import folds_by_person

    names = np.asarray(people).astype(str)
    n_people = len(np.unique(names))
    if n_people < 2:
        raise KerasdrError(
            f"validation has {n_people} people, and folds need two: give data.split.validation more people"
        )
    table = pd.DataFrame({"patient_id": names, "grade": grades})
    return folds_by_person(table, min(n_folds, n_people), seed)


def cross_fit(
    fit: Fitter,
    probabilities: NDArray[np.float64],
    grades: NDArray[np.int64],
    score: Score,
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return out-of-fold probabilities: each fold's by a spec fitted on all other folds.

    Args:
        fit: the method's.
        probabilities: ``(M, N, 5)``.
        grades: ``(N,)``.
        score: what the fit raises.
        folds: ``(N,)``, from :func:`person_folds`.

    Returns:
        ``(N, 5)``.
    """
    out = np.empty(probabilities.shape[1:])
    for fold in np.unique(folds):
        held = folds == fold
        spec = fit(probabilities[:, ~held], grades[~held], score)
        out[held] = combine(spec, probabilities[:, held])
    return out
